#!/usr/bin/env bash
# Measures Spool beside its peers (fastify + BullMQ from npm) and the raw script, prints ratios.
#   scripts/bench.sh [submit|durable|throughput|poll|delay|idle|memory …]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
need "${BUILD_PACKAGES[@]}" python3 redis-tools wrk
command -v npm >/dev/null || need npm
scripts/build.sh release --target spool spool-sim spool-floor >/dev/null
peer=build/bench-peer
mkdir -p "$peer"
cp tests/bench/peer/* "$peer"
if [ ! -d "$peer/node_modules/bullmq" ]; then
  say "Fetching the peers from npm"
  npm install --prefix "$peer" --silent --no-audit --no-fund >/dev/null 2>&1 || { say "npm failed: measuring without the peers"; peer=; }
fi
ulimit -n "$(ulimit -Hn)"
BENCH_PEER=${peer:+$PWD/$peer} BENCH_FLOOR=$PWD/build/release/tests/bench/spool-floor \
  SPOOL_BIN=$PWD/build/release/scheduler/spool SPOOL_SIM_BIN=$PWD/build/release/tests/sim/spool-sim \
  /usr/bin/python3 tests/bench/bench.py "$@"
