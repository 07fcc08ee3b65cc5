#!/usr/bin/env bash
# Builds and runs every fuzz target for some seconds, from the fixtures on: tests/fuzz/run.sh SECONDS
# [BUILD], which then was built before.
# What is found stays in BUILD/fuzz/<target>; give such a file to the target to see it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -ge 2 ] || scripts/build.sh fuzz >/dev/null
build=$(realpath "${2:-build/fuzz}")
out=$build/fuzz
python3 tests/fuzz/seeds.py "$out"
failed=0
for target in "$build"/tests/fuzz/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  name=${target##*/fuzz_}
  mkdir -p "$out/$name/found" "$out/$name/corpus"
  echo "$name: ${seconds}s"
  (cd "$out/$name" && "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -dict="$PWD/words" -print_final_stats=1 -verbosity=0 -artifact_prefix=found/ corpus seeds </dev/null 2>&1 |
    { grep -vE '# Uses|ecommended dictionary' || true; }) || failed=1
done
exit $failed
