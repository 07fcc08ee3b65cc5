#!/usr/bin/env bash
# Builds and runs every fuzz target for some seconds, from the fixtures on, as many at once as there are
# cores: tests/fuzz/run.sh SECONDS [BUILD], which then was built before.
# What is found stays in BUILD/fuzz/<target>; give such a file to the target to see it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -ge 2 ] || scripts/build.sh fuzz >/dev/null
build=$(realpath "${2:-build/fuzz}")
out=$build/fuzz
python3 tests/fuzz/seeds.py "$out"

run_one() { # target, what it stands in, seconds
  mkdir -p "$2/found" "$2/corpus"
  cd "$2"
  "$1" -max_total_time="$3" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -dict=words \
    -print_final_stats=1 -verbosity=0 -artifact_prefix=found/ corpus seeds </dev/null >log 2>&1 || {
    printf '%s: failed\n' "${1##*/fuzz_}"
    tail -50 log
    return 1
  }
  printf '%s: %s runs in %s s\n' "${1##*/fuzz_}" "$(sed -n 's/^stat::number_of_executed_units: *//p' log)" "$3"
}
export -f run_one

failed=0
for target in "$build"/tests/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  printf '%s\n%s\n%s\n' "$target" "$out/${target##*/fuzz_}" "$seconds"
done | xargs -P "$(nproc)" -d '\n' -n 3 bash -c 'run_one "$@"' run_one || failed=1
exit $failed
