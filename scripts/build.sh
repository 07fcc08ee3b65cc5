#!/usr/bin/env bash
# Builds into build/<preset>: scripts/build.sh [dev|release|…] [cmake --build arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}
shift || true
cmake -S . -B "build/$preset" -C "scripts/presets/$preset.cmake" >/dev/null
cmake --build "build/$preset" -j "$(nproc)" "$@"
