#!/usr/bin/env bash
# Installs what the tests need, builds with ASan and UBSan, runs them all.
#   scripts/test.sh [PRESET] [ctest arguments]     e.g. scripts/test.sh dev -R unit
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
preset=${1:-dev}
shift || true
npm=()
command -v npm >/dev/null || npm=(npm) # for the vendors' own clients
need "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${S3_PACKAGES[@]}" "${npm[@]}"
say "Building ($preset)"
scripts/build.sh "$preset" > >(grep -vE '^\[ *[0-9]+%\] (Building|Linking|Built)')
say "Testing"
cd "build/$preset"
ctest --output-on-failure -j 3 "$@" # much of it waits: two cores are busy with three
