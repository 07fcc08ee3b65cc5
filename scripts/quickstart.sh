#!/usr/bin/env bash
# From a clean clone to finished files: installs packages, builds, starts Spool with its own Redis and
# the vendor simulator, runs real jobs and shows what became of them. Nothing is left running: to go on
# with it, "build/release/scheduler/spool dev" runs all of this at 8080 until it is interrupted.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

[ $# -eq 0 ] || { sed -n 2,5p "$0"; exit 2; }

pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done; done
}
trap stop EXIT
began=$SECONDS

# A bar of 30 for a percentage.
bar() {
  local full=$(($1 * 30 / 100)) out='' i
  for ((i = 0; i < 30; i++)); do [ $i -lt $full ] && out+='█' || out+='░'; done
  printf '%s' "$out"
}

build() {
  local line log=build/quickstart.log
  mkdir -p build
  scripts/build.sh release --target spool spool-sim 2>&1 | tee "$log" | while IFS= read -r line; do
    [[ $line =~ ^\[\ *([0-9]+)%\] ]] && [ -t 1 ] && printf '\r  %s %3d%%' "$(bar "${BASH_REMATCH[1]}")" "${BASH_REMATCH[1]}"
    :
  done || { tail -n 20 "$log" >&2; die "The build failed; all of it is in $log."; }
  [ -t 1 ] && printf '\r%40s\r' ''
  return 0
}

need "${BUILD_PACKAGES[@]}" jq
say "1. Building"
build

say "2. Starting the vendor simulator, Spool and its own Redis"
home=var/quickstart
rm -rf "$home/data"
spool() { build/release/scheduler/spool "$@"; }
mkdir -p "$home"
: >"$home/dev.log" # an older run's addresses must not be read from it
# Not by spool(): what is ended then is a shell that waits for it.
build/release/scheduler/spool dev --listen 127.0.0.1:0 -O "$home" >"$home/dev.log" 2>&1 &
pids+=($!)
until grep -q simulated "$home/dev.log"; do
  kill -0 "${pids[0]}" 2>/dev/null || { cat "$home/dev.log" >&2; die "It did not start."; }
  sleep 0.05
done
read -r api sim < <(grep -o 'http://[0-9.:]*[0-9]' "$home/dev.log" | head -n 2 | xargs)
export SPOOL_URL=$api SPOOL_KEY=sk-dev
key='Authorization: Bearer sk-dev'
printf '   Spool %s, simulator %s, log %s\n' "$api" "$sim" "$home/spool.log"

say "3. One job of each vendor, at once"
hook=$sim/sim/hooks/quickstart
tasks=() names=()
submitted=$SECONDS
while read -r name; do
  printf '   %sspool submit %s --hook %s%s\n' "$dim" "$name" "$hook" "$plain"
  tasks+=("$(spool submit "$name" --hook "$hook" -o id)") names+=("$name")
done < <(spool accounts ls -o json | jq -r '.data[].provider')
[ ${#tasks[@]} -gt 0 ] || die "There is no vendor to try."

lines=0
draw() { # the present state of every task, in place on a terminal
  local i phase percent
  [ -t 1 ] && [ $lines -gt 0 ] && printf '\e[%dA' $lines
  for i in "${!tasks[@]}"; do
    phase=${states[$i]%% *} percent=${states[$i]##* }
    if [ -t 1 ] || [ "${states[$i]}" != "${before[$i]:-}" ]; then
      printf '   %-10s %s %3d%%  %-11s\n' "${names[$i]}" "$(bar "$percent")" "$percent" "$phase"
    fi
    before[i]=${states[$i]}
  done
  lines=${#tasks[@]}
}

# Not every vendor says how far it is: then the phase says at least how far it must be.
states=() before=()
while :; do
  shown=$(curl -s "$api/v1/tasks" -H "$key" | jq -r '.data[] |
    "\(.id) \(.phase) \([.progress, ({queued: 0, submitting: 2, submitted: 10, rendering: 40, archiving: 95}[.phase] // 100)] | max)"')
  running=0
  for i in "${!tasks[@]}"; do
    states[i]=$(sed -n "s/^${tasks[$i]} //p" <<<"$shown")
    case "${states[$i]%% *}" in succeeded | failed | cancelled) ;; *) running=1 ;; esac
  done
  draw
  [ $running -eq 0 ] && break
  [ $((SECONDS - submitted)) -lt 120 ] || die "The tasks don't end; see $home/spool.log."
  sleep 0.2
done

say "4. The tasks, in Spool's own words"
curl -s "$api/v1/tasks" -H "$key" | jq -r '.data | reverse | .[] |
  [.id, .provider, .action, .status, "\((.finished_at - .created_at) / 100 | round / 10) s", "\(.artifacts | length) files"] | @tsv' |
  while IFS=$'\t' read -r id provider action status took files; do
    printf '   %s  %-10s %-10s %-10s %-6s %s\n' "$id" "$provider" "$action" "$status" "$took" "$files"
  done

say "5. The files, as archived"
failed=0
while IFS=$'\t' read -r url bytes sha; do
  file=$home/data/media/${url#"$api/media/"}
  [ "$(sha256sum "$file" | cut -d' ' -f1)" = "$sha" ] && seen="${green}sha256 ok$plain" || { seen="${red}sha256 DIFFERS$plain" failed=1; }
  printf '   %s\n     %s bytes, %s, %s\n' "$file" "$bytes" "$sha" "$seen"
done < <(curl -s "$api/v1/tasks" -H "$key" | jq -r '.data | reverse | .[].artifacts[] | [.url, .bytes, .sha256] | @tsv')

say "6. The webhooks that came, one per change of each task's status"
sleep 0.3
curl -s "$sim/sim/hooks?path=/sim/hooks/quickstart" | jq -r '.[] | (.body | if type == "string" then fromjson else . end) as $b |
  "   \($b.id)  \($b.status)"'
[ "$(curl -s "$api/v1/tasks?status=succeeded" -H "$key" | jq '.data | length')" -eq ${#tasks[@]} ] || failed=1
[ $failed -eq 0 ] || die "Something is not as it should be; see $home/spool.log."
say "${green}All ${#tasks[@]} tasks succeeded, after $((SECONDS - began)) s in all.$plain"

printf 'Files stay in %s. Now try: build/release/scheduler/spool dev\n' "$home/data/media"
