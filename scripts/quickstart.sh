#!/usr/bin/env bash
# From a clean clone to finished files: installs packages, builds, starts Spool with its own Redis and
# the vendor simulator, runs real jobs and shows what became of them.
#   scripts/quickstart.sh [--keep]     --keep leaves everything running and says how to talk to it
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

keep=
case "${1:-}" in
  '') ;;
  --keep) keep=1 ;;
  *) sed -n 2,4p "$0"; exit 2 ;;
esac

pids=()
stop() {
  local status=$?
  [ -n "$keep" ] && [ $status -eq 0 ] && return
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
  if [ -n "$keep" ]; then setsid "$@" >"$log" 2>&1 & else "$@" >"$log" 2>&1 & fi
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
cat >"$home/spool.json" <<JSON
{
  "listen": "127.0.0.1:0",
  "data_dir": "$home/data",
  "webhook": { "allow_private_networks": true },
  "accounts": [
    { "name": "mj-1", "provider": "midjourney", "base_url": "$sim", "api_key": "sim-secret", "poll_interval_ms": 300 }
  ]
}
JSON
start spool "$home/spool.log" build/release/scheduler/spool serve -c "$home/spool.json"
api=$address
key='Authorization: Bearer sk-dev'
until curl -fs -o /dev/null "$api/readyz"; do sleep 0.05; done
printf '   Spool %s, simulator %s, log %s\n' "$api" "$sim" "$home/spool.log"

submit() { # path, body; sets `task`
  local answer
  answer=$(curl -s "$api$1" -H "$key" -H 'Content-Type: application/json' -d "$2")
  task=$(jq -r '.result // empty' <<<"$answer")
  [ -n "$task" ] || die "Refused: $answer"
}

say "3. Three imagines, and the upscale of the first"
printf "%s   curl %s/mj/submit/imagine -H '%s' -d '{\"prompt\":\"…\",\"notifyHook\":\"%s/sim/hooks/quickstart\"}'%s\n" \
  "$dim" "$api" "$key" "$sim" "$plain"
tasks=() names=()
for prompt in 'a lighthouse at dusk --ar 3:2' 'a paper boat on a stormy sea' 'the first tram of the morning, ink'; do
  submit /mj/submit/imagine "$(jq -nc --arg p "$prompt" --arg h "$sim/sim/hooks/quickstart" '{prompt: $p, notifyHook: $h, state: "quickstart"}')"
  tasks+=("$task") names+=("$prompt")
done

lines=0
draw() { # the present state of every task, in place on a terminal
  local i shown status percent
  [ -t 1 ] && [ $lines -gt 0 ] && printf '\e[%dA' $lines
  for i in "${!tasks[@]}"; do
    shown=${states[$i]}
    status=${shown%% *} percent=${shown##* }
    if [ -t 1 ] || [ "$shown" != "${before[$i]:-}" ]; then
      printf '   %s %3d%%  %-11s %s\n' "$(bar "$percent")" "$percent" "$status" "${names[$i]}"
    fi
    before[i]=$shown
  done
  lines=${#tasks[@]}
}

states=() before=() upscaled= submitted=$SECONDS
while :; do
  shown=$(curl -s "$api/mj/task/list-by-condition" -H "$key" -d "$(jq -nc '{ids: $ARGS.positional}' --args "${tasks[@]}")")
  running=0
  for i in "${!tasks[@]}"; do
    states[i]=$(jq -r --arg id "${tasks[$i]}" '.[] | select(.id == $id) | .status + " " + (.progress | rtrimstr("%"))' <<<"$shown")
    case "${states[$i]%% *}" in SUCCESS | FAILURE | CANCEL) ;; *) running=1 ;; esac
  done
  if [ -z "$upscaled" ] && [ "${states[0]%% *}" = SUCCESS ]; then
    upscaled=1
    button=$(jq -r --arg id "${tasks[0]}" '.[] | select(.id == $id) | .buttons[] | select(.label == "U1") | .customId' <<<"$shown")
    submit /mj/submit/action "$(jq -nc --arg t "${tasks[0]}" --arg c "$button" --arg h "$sim/sim/hooks/quickstart" '{taskId: $t, customId: $c, notifyHook: $h}')"
    tasks+=("$task") names+=("upscale U1 of the first")
    states+=("NOT_START 0")
    running=1
  fi
  draw
  [ $running -eq 0 ] && break
  [ $((SECONDS - submitted)) -lt 120 ] || die "The tasks don't end; see $home/spool.log."
  sleep 0.3
done

say "4. The tasks, in Spool's own words"
curl -s "$api/v1/tasks" -H "$key" | jq -r '.data | reverse | .[] |
  [.id, .action, .status, "\((.finished_at - .created_at) / 100 | round / 10) s"] | @tsv' |
  while IFS=$'\t' read -r id action status took; do printf '   %s  %-8s %-10s %s\n' "$id" "$action" "$status" "$took"; done

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
  "   \($b.id)  \($b.status)  \($b.progress)"'
[ "$(curl -s "$api/v1/tasks?status=succeeded" -H "$key" | jq '.data | length')" -eq 4 ] || failed=1
[ $failed -eq 0 ] || die "Something is not as it should be; see $home/spool.log."
say "${green}All four tasks succeeded, after $((SECONDS - began)) s in all.$plain"

if [ -n "$keep" ]; then
  cat <<TEXT

Everything is still running. Try:
  curl $api/mj/submit/imagine -H '$key' -d '{"prompt":"a red kite"}'
  curl '$api/v1/tasks?limit=5' -H '$key'
  curl $api/metrics
Stop it with: kill ${pids[*]}
TEXT
else
  printf 'Files stay in %s; run with --keep to leave everything running.\n' "$home/data/media"
fi
