#!/usr/bin/env bash
# Builds into build/<preset>: scripts/build.sh [dev|release|…] [cmake --build arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}
shift || true
[ -e "scripts/presets/$preset.cmake" ] || { echo "There is no preset $preset in scripts/presets." >&2; exit 2; }
# Warnings are errors in CI only: a newer compiler must not fail a stranger's build.
cmake -S . -B "build/$preset" -C "scripts/presets/$preset.cmake" -D SPOOL_WERROR="${CI:+ON}" >/dev/null
cmake --build "build/$preset" -j "$(nproc)" "$@"
