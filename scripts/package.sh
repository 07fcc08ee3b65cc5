#!/usr/bin/env bash
# Makes a Debian package of what cmake --install brings: build/spool_VERSION_ARCH.deb, or in OUT.
#   scripts/package.sh [BUILD [OUT]]     BUILD is a folder of cmake's; without it the release preset is built
# VERSION in the environment is the package's, where it isn't the program's.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
build=${1:-build/release} out=${2:-build}
need dpkg-dev
[ $# -gt 0 ] || { need "${BUILD_PACKAGES[@]}" && scripts/build.sh release --target spool >/dev/null; }
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/debian/spool from=scripts/package
umask 022
# The same sources make the same package.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CMakeLists.txt)}

DESTDIR=$root cmake --install "$build" --prefix /usr >/dev/null
program=$root/usr/bin/spool
version=${VERSION:-$("$program" --version | cut -d' ' -f2)}
arch=$(dpkg --print-architecture)
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$program"

# What the policy of Debian wants beside it.
documents=$root/usr/share/doc/spool
install -D -m 644 $from/spool.json "$root/etc/spool/spool.json"
install -D -m 644 $from/spool.env "$root/usr/share/spool/spool.env" # postinst makes its own of it
sed "s/@COPYRIGHT@/$(sed -n 's/^Copyright (c) //p' LICENSE)/" $from/copyright >"$documents/copyright"
tail -n +5 LICENSE | sed 's/^$/./; s/^/ /' >>"$documents/copyright"
sed "s/@VERSION@/$version/; s/@DATE@/$(date -Ru -d "@$SOURCE_DATE_EPOCH")/" $from/changelog >"$documents/changelog"
gzip -9n "$documents/changelog" "$root"/usr/share/man/man*/*

# Who needs what: the libraries by what the program is linked with; libwebsockets loads its part for libuv
# by itself, and a Redis is started.
printf 'Source: spool\n\nPackage: spool\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$program" 2>"$work/complaints" | sed -n 's/^shlibs:Depends=//p') ||
  { cat "$work/complaints" >&2; die "dpkg-shlibdeps failed."; }

mkdir "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@LIBRARIES@/$libraries/; s/@SIZE@/$(du -k -s --apparent-size "$root" | cut -f1)/" \
  $from/control >"$root/DEBIAN/control"
echo /etc/spool/spool.json >"$root/DEBIAN/conffiles"
install -m 755 $from/postinst $from/prerm $from/postrm "$root/DEBIAN"
(cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group --build "$root" "$out/spool_${version}_$arch.deb" >/dev/null
say "$out/spool_${version}_$arch.deb"
