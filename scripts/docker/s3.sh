#!/usr/bin/env bash
# An S3 store on one machine: OpenStack Swift with its s3api, one copy of each file. For a start, and to try
# Spool with; who needs more than one copy takes a store that is run by somebody.
#   s3.sh FOLDER     keeps all there, whose file system must take user xattrs; ends with the first server
# S3_ACCESS_KEY (account:user), S3_SECRET_KEY, S3_REGION and S3_BUCKET, which is made, are of the environment;
# S3_LISTEN is where it listens, S3_PORTS are four more, for itself.
set -euo pipefail
dir=$(realpath -m "${1:?a folder}")
: "${S3_SECRET_KEY:?must be set}"
access_key=${S3_ACCESS_KEY:-spool:spool} region=${S3_REGION:-us-east-1} bucket=${S3_BUCKET:-media}
listen=${S3_LISTEN:-0.0.0.0:9000}
read -r account container object cache <<<"${S3_PORTS:-6202 6201 6200 11211}"
[[ $access_key == *:* && $access_key != *_* ]] || { echo "S3_ACCESS_KEY must be account:user, without underscores" >&2; exit 2; }
conf=$dir/conf
mkdir -p "$conf" "$dir/devices/d1"
umask 077

[ -s "$conf/swift.conf" ] || # what files are named by must stay the same
  printf '[swift-hash]\nswift_hash_path_suffix = %s\n' "$(od -An -v -N16 -tx1 /dev/urandom | tr -d ' \n')" >"$conf/swift.conf"

section() { # host, port
  cat <<TEXT
[DEFAULT]
bind_ip = $1
bind_port = $2
user = $(id -un)
swift_dir = $conf
devices = $dir/devices
mount_check = false
workers = 0
log_level = WARNING
# Nowhere, instead of to a syslog that isn't there: all of it goes to stderr.
log_udp_host = 127.0.0.1
log_udp_port = 9
TEXT
}
for name in account container object; do
  {
    section 127.0.0.1 "${!name}"
    printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\ncontainer_update_timeout = 20\n' $name $name $name
    printf '[object-updater]\n[container-updater]\n'
  } >"$conf/$name.conf"
done
# One copy, on the one device that there is.
/usr/bin/python3 -IB - "$conf" "$account" "$container" "$object" <<'PYTHON'
import sys
from swift.common.ring import RingBuilder

for name, port in zip(("account", "container", "object"), sys.argv[2:]):
    builder = RingBuilder(10, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
PYTHON
filters='catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo symlink'
{
  section "${listen%:*}" "${listen##*:}"
  cat <<TEXT
[pipeline:main]
pipeline = $filters proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$cache
[filter:s3api]
use = egg:swift#s3api
location = $region
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_${access_key/:/_} = $S3_SECRET_KEY .admin
TEXT
  for name in $filters; do
    case $name in cache | s3api | slo | tempauth) ;; *) printf '[filter:%s]\nuse = egg:swift#%s\n' "$name" "$name" ;; esac
  done
} >"$conf/proxy.conf"
{
  section 127.0.0.1 0
  printf '[pipeline:main]\npipeline = catch_errors proxy-server\n[app:proxy-server]\nuse = egg:swift#proxy\n'
  printf 'account_autocreate = true\n[filter:catch_errors]\nuse = egg:swift#catch_errors\n'
} >"$conf/internal.conf"

pids=()
end() {
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true # what comes after us may want their ports
}
trap end EXIT
trap 'exit 0' TERM INT
start() { "$@" & pids+=($!); }
export PYTHONDONTWRITEBYTECODE=1
start memcached -l 127.0.0.1 -p "$cache" -U 0 -m 16 -u "$(id -un)" # who has shown his key
for name in account container object; do start "swift-$name-server" "$conf/$name.conf" -v; done
start swift-object-updater "$conf/object.conf" -v
start swift-container-updater "$conf/container.conf" -v
# The bucket, by Swift's own means: S3's would need a signature. Tried until the servers are there.
/usr/bin/python3 -IB - "$conf/internal.conf" "AUTH_${access_key%:*}" "$bucket" <<'PYTHON'
import sys, time
from swift.common.internal_client import InternalClient

for attempt in range(100):
    try:
        InternalClient(sys.argv[1], "spool", 1).create_container(*sys.argv[2:])
        break
    except Exception as error:
        last = error
        time.sleep(0.2)
else:
    sys.exit(f"the bucket can't be made: {last}")
PYTHON
start swift-proxy-server "$conf/proxy.conf" -v
wait -n
exit 1
