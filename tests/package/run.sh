#!/usr/bin/env bash
# Installs the package on this machine, upgrades it, removes it, purges it, and looks each time at what
# is there. For a throwaway machine, as root: a bare Debian in a chroot is enough, systemd needn't run.
#   tests/package/run.sh           makes the package, and a newer one, by scripts/package.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib.sh
[ "$(id -u)" -eq 0 ] || die "This must be root, on a machine that may be spoilt."
[ -z "$(dpkg-query -W -f '${db:Status-Status}' spool 2>/dev/null)" ] || die "There is a spool on this machine."

packages=$(mktemp -d) pid=
stop() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  rm -rf "$packages"
  rm -f /usr/sbin/policy-rc.d
}
trap stop EXIT
check() { # what, then a command that must succeed
  local what=$1
  shift
  "$@" || die "Not so: $what"
  printf '   %s\n' "$what"
}

say "1. Making two packages"
scripts/package.sh >/dev/null
first=$(ls build/spool_*.deb)
cp "$first" "$packages/first.deb"
VERSION=99.0.0 scripts/package.sh build/release "$packages" >/dev/null
# Nothing is started by an installation here: neither systemd runs, nor is this machine ours.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
install_it() {
  chmod 755 "$packages" # apt reads it as a user of its own
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >"$packages/log" 2>&1 ||
    { tail -n 20 "$packages/log" >&2; die "$1 can't be installed."; }
}
take_away() {
  DEBIAN_FRONTEND=noninteractive apt-get "$1" -y -qq spool >"$packages/log" 2>&1 || { cat "$packages/log" >&2; die "apt-get $1 failed."; }
}

# As the unit runs it: the user, the file of secrets, the folder; but on a free port.
start() {
  local tries
  : >"$packages/out" # an older address must not be read from it
  # shellcheck disable=SC2046
  env -i PATH=/usr/bin:/bin $(grep -v '^#' /etc/spool/spool.env) SPOOL_LISTEN=127.0.0.1:0 \
    setpriv --reuid spool --regid spool --init-groups --no-new-privs --bounding-set=-all \
    sh -c 'cd /var/lib/spool && exec /usr/bin/spool serve -c /etc/spool/spool.json' >"$packages/out" 2>"$packages/err" &
  pid=$!
  for ((tries = 0; tries < 200; tries++)); do
    url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$packages/out")
    [ -n "$url" ] && curl -fs -o /dev/null "$url/readyz" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$packages/err" >&2
  die "It did not get ready."
}
end() {
  kill "$pid"
  wait "$pid" || { cat "$packages/err" >&2; die "It ended with $?."; }
  pid=
}
key_of() { sed -n "s/^$1=//p" /etc/spool/spool.env; }
ask() { curl -fs -H "Authorization: Bearer $(key_of APP_KEY)" "$url$1" "${@:2}"; }

say "2. Installing it on $(. /etc/os-release && echo "$PRETTY_NAME")"
need curl
install_it "$packages/first.deb"
check "the program runs" spool --version
check "its man pages are there" test -e /usr/share/man/man7/spool-admin.7.gz
check "the secrets are root's" test "$(stat -c '%a %U' /etc/spool/spool.env)" = "600 root"
check "the configuration is its user's to read" test "$(stat -c '%a %U:%G' /etc/spool/spool.json)" = "640 root:spool"
check "its folder is its user's" test "$(stat -c '%a %U:%G' /var/lib/spool)" = "700 spool:spool"
check "the keys are made for this machine" grep -Eq '^APP_KEY=sk-[0-9a-f]{40}$' /etc/spool/spool.env
check "they differ" test "$(key_of APP_KEY)" != "$(key_of SPOOL_KEY)"
check "the unit is enabled" test -e /etc/systemd/system/multi-user.target.wants/spool.service
app_key=$(key_of APP_KEY)

say "3. Starting it, as it is"
start
check "nobody else's key is taken" test "$(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer sk-dev' "$url/v1/tasks")" = 401
task=$(ask /mj/submit/imagine -d '{"prompt":"a lighthouse"}' | sed -n 's/.*"result":"\(task_[^"]*\)".*/\1/p')
check "a job is taken" test -n "$task"
end

say "4. Upgrading it"
sed -i 's/"log_level": "info"/"log_level": "debug"/' /etc/spool/spool.json
install_it "$packages/spool_99.0.0_$(dpkg --print-architecture).deb"
check "it is the newer one" test "$(dpkg-query -W -f '${Version}' spool)" = 99.0.0
check "the configuration is kept" grep -q '"log_level": "debug"' /etc/spool/spool.json
check "so are its rights" test "$(stat -c '%a %U:%G' /etc/spool/spool.json)" = "640 root:spool"
check "and the keys" test "$(key_of APP_KEY)" = "$app_key"
start
check "the job is there" ask "/v1/tasks/$task" -o /dev/null
end

say "5. Removing it"
take_away remove
check "the program is gone" test ! -e /usr/bin/spool
check "the configuration is kept" test -e /etc/spool/spool.json -a -e /etc/spool/spool.env
check "so is the data" test -d /var/lib/spool/redis

say "6. Installing it again"
install_it "$packages/first.deb"
check "the configuration is as it was" grep -q '"log_level": "debug"' /etc/spool/spool.json
check "the keys, too" test "$(key_of APP_KEY)" = "$app_key"
start
check "the job is there" ask "/v1/tasks/$task" -o /dev/null
end

say "7. Purging it"
take_away purge
check "the configuration is gone" test ! -e /etc/spool
check "the data isn't" test -d /var/lib/spool/redis
check "and that is said" grep -q 'left in /var/lib/spool' "$packages/log"
check "nothing else is left" test -z "$(find / -xdev -path /proc -prune -o -path /sys -prune -o -path "$PWD" -prune -o \
  -path "$packages" -prune -o \( -name 'spool.service*' -o -name 'spool.json*' -o -name 'spool.env*' \) -print)"
rm -rf /var/lib/spool
install_it "$packages/first.deb"
take_away purge
check "an empty folder goes with it" test ! -e /var/lib/spool
say "${green}The package comes, stays and goes as it should.$plain"
