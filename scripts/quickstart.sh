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

# Starts a program that says on stdout where it listens; sets `address`.
start() { # name, log, command...
  local name=$1 log=$2 tries
  shift 2
  : >"$log" # an older run's address must not be read from it
  "$@" >"$log" 2>&1 &
  pids+=($!)
  for ((tries = 0; tries < 200; tries++)); do
    address=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$address" ] && return
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.05
  done
  cat "$log" >&2
  die "$name did not start."
}

need "${BUILD_PACKAGES[@]}" jq
say "1. Building"
build

say "2. Starting the vendor simulator, Spool and its own Redis"
home=var/quickstart
rm -rf "$home/data"
mkdir -p "$home"
start spool-sim "$home/sim.log" build/release/tests/sim/spool-sim --listen 127.0.0.1:0 --speed 0.6
sim=$address
curl -fs "$sim/sim/service-account.json" -o "$home/service-account.json"
chmod 600 "$home/service-account.json"
cat >"$home/spool.json" <<JSON
{
  "listen": "127.0.0.1:0",
  "data_dir": "$home/data",
  "webhook": { "allow_private_networks": true },
  "accounts": [
    { "name": "mj-1", "provider": "midjourney", "base_url": "$sim", "api_key": "sim-secret", "poll_interval_ms": 300 },
    { "name": "kling-1", "provider": "kling", "base_url": "$sim", "access_key": "sim-access", "secret_key": "sim-secret",
      "poll_interval_ms": 300 },
    { "name": "suno-1", "provider": "suno", "base_url": "$sim", "api_key": "sim-secret", "poll_interval_ms": 300 },
    { "name": "veo-1", "provider": "veo", "dialect": "vertex", "base_url": "$sim",
      "service_account_file": "$home/service-account.json", "models": { "veo-3.1": "veo-3.1-generate-001" },
      "poll_interval_ms": 300 },
    { "name": "ark-1", "provider": "seedance", "base_url": "$sim/api/v3", "api_key": "sim-secret",
      "models": { "doubao-seedance-1-5-pro": "doubao-seedance-1-5-pro-251215" }, "poll_interval_ms": 300 }
  ]
}
JSON
start spool "$home/spool.log" build/release/scheduler/spool serve -c "$home/spool.json"
api=$address
key='Authorization: Bearer sk-dev'
until curl -fs -o /dev/null "$api/readyz"; do sleep 0.05; done
printf '   Spool %s, simulator %s, log %s\n' "$api" "$sim" "$home/spool.log"

hook=$sim/sim/hooks/quickstart
tasks=() names=()
submit() { # what is shown, path, body without a hook
  local answer task
  answer=$(curl -s "$api$2" -H "$key" -H 'Content-Type: application/json' -d "$(jq -c --arg h "$hook" '. + {notifyHook: $h}' <<<"$3")")
  task=$(jq -r '.result // .task_id // .id // empty' <<<"$answer")
  [ -n "$task" ] || die "Refused: $answer"
  printf '   %scurl %s -d %s%s\n' "$dim" "$2" "$3" "$plain"
  tasks+=("$task") names+=("$1")
}

say "3. One job of each vendor, at once"
submitted=$SECONDS
submit Midjourney /mj/submit/imagine '{"prompt":"a lighthouse at dusk --ar 3:2"}'
submit Kling /kling/v1/videos/text2video '{"model_name":"kling-v2-6","prompt":"a paper boat on a stormy sea","duration":5}'
submit Suno /suno/submit/music '{"gpt_description_prompt":"a sea shanty about deadlines","mv":"chirp-v4"}'
submit Veo /v1/video/create '{"model":"veo-3.1","prompt":"the first tram of the morning","aspect_ratio":"16:9"}'
submit Seedance /volc/v1/contents/generations/tasks \
  '{"model":"doubao-seedance-1-5-pro","content":[{"type":"text","text":"a red kite over a harbour"}]}'

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
say "${green}All five tasks succeeded, after $((SECONDS - began)) s in all.$plain"

printf 'Files stay in %s. Now try: build/release/scheduler/spool dev\n' "$home/data/media"
