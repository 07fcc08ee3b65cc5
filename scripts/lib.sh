# What the scripts share: packages, colours, a place for what they start. Sourced, not run.

BUILD_PACKAGES=(gcc cmake make pkg-config libc6-dev libuv1-dev libcurl4-openssl-dev libhiredis-dev
  libjansson-dev libwebsockets-dev libwebsockets-evlib-uv libssl-dev redis-server
  ca-certificates curl)
TEST_PACKAGES=(libcmocka-dev jq python3 python3-websockets python3-yaml redis-tools prometheus nginx dpkg-dev
  chromium-headless-shell) # 100 MB: the page is tested in a browser
S3_PACKAGES=(swift-proxy swift-account swift-container swift-object memcached) # the S3 store of the tests
LINT_PACKAGES=(clang-format clang-tidy cppcheck clang mandoc lintian systemd) # the last two for the package's tests

if [ -t 1 ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' plain=''
fi

say() { printf '%s\n' "$bold$*$plain"; }
die() { printf '%s\n' "$red$*$plain" >&2; exit 1; }

# Installs what is missing, and only that; nothing is started by it. Who isn't root is asked for
# sudo's password, once, and for this alone.
need() {
  local missing=() package as=() log
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "These Debian packages are missing; install them as root: ${missing[*]}"
    as=(sudo)
  fi
  say "Installing ${#missing[@]} packages${as:+ with sudo}: ${missing[*]}"
  log=$(mktemp)
  "${as[@]}" bash -s -- "${missing[@]}" >"$log" 2>&1 <<'INSTALL' || { tail -n 15 "$log" >&2; die "The packages could not be installed."; }
# Debian's redis-server package would start a server; ours is started by Spool itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
INSTALL
  rm -f "$log"
}

# A port that is free now.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
