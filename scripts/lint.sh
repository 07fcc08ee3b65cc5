#!/usr/bin/env bash
# What a reader would object to: includes against the arrows, calls in a circle, unsafe calls, blocking
# calls on a loop, then clang-tidy and cppcheck over build/dev/compile_commands.json. --quick leaves these
# two out. Circles are those of what build/dev has, if it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
failed=0
complain() { [ -z "$2" ] || { printf '%s\n%s\n' "$red$1$plain" "$2"; failed=1; }; }

# Who may include whom: a room, then the rooms below it that it sees, beside itself.
while read -r room below; do
  complain "$room may include $room $below, and no other room:" "$(git ls-files "$room" ":!$room/cli" | grep -E '\.[ch]$' |
    grep -v '^scheduler/main\.c$' | xargs -r grep -nE '#include "(core|providers|scheduler|workers|webhook)/' |
    grep -vE "#include \"($room|${below// /|})/[^/]*\"" || true)"
done <<'EOF'
core/base
core/json core/base
core/task core/base
core/message core/base core/json
core/config core/base core/json core/message
core/loop core/base
core/http core/base core/message core/loop
core/redis core/base core/loop
core/storage core/base core/message core/config core/loop core/http
core/store core/base core/json core/task core/config core/loop core/redis
providers core/base core/json core/task core/message core/config providers/families
scheduler core/base core/json core/task core/message core/config core/loop core/http core/redis core/storage core/store providers
scheduler/cli core/base core/json core/message core/loop core/http providers
workers core/base core/json core/task core/message core/config core/loop core/http core/redis core/storage core/store providers
webhook core/base core/json core/task core/message core/config core/loop core/http core/redis core/storage core/store providers
EOF
complain 'providers are pure:' "$(git ls-files providers core/base core/json core/task core/message core/config |
  xargs -r grep -nE '#include <(uv|curl|hiredis|libwebsockets)' || true)"
complain 'keys of Redis above core/store:' "$(git grep -nE '"spool:[a-z]' -- scheduler workers webhook providers || true)"
complain 'unsafe calls:' "$(git grep -nwE '(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|localtime|gmtime|gets)\(' -- '*.c' '*.h' || true)"
complain 'blocking calls on a loop:' "$(git grep -nwE '(sleep|usleep|nanosleep|getaddrinfo|gethostbyname|system|popen|redisCommand|redisConnect|curl_easy_perform)\(' -- \
  core providers scheduler workers webhook ':!core/loop' ':!core/http' ':!core/redis' ':!core/storage' ':!scheduler/cli' || true)"
[ ! -d build/dev ] || circles=$(scripts/circles.py core/* providers scheduler scheduler/cli workers webhook)
complain 'circles of calls among the files of a folder:' "${circles:-}"
# Some names are words, and the dialects that all share are called by who made them first.
vendors=$(sed -nE 's/^    X\(([a-z]+)\).*/\1/p' providers/registry.c | grep -vxE 'images|openai|speech|video' | paste -sd '|')
complain 'a vendor named where all are meant:' "$(git grep -niwE "$vendors" -- core workers webhook 'scheduler/*.[ch]' 'scheduler/page' \
  'providers/provider.h' 'providers/family*' 'providers/adapter.*' 'providers/outcome.*' 'providers/unified.*' 'providers/token.*' \
  'tests/fuzz/*.c' 'tests/fuzz/*.py' scripts/quickstart.sh scripts/test.sh ':!core/*.lua' \
  ':!core/message/volc_sign.*' || true)"
complain 'left-overs:' "$(git grep -nwE 'TODO|FIXME|XXX|HACK' -- '*.c' '*.h' '*.lua' '*.sh' '*.py' ':!scripts/lint.sh' || true)"

complain 'settings that spool.json(5) leaves out:' "$(
  grep -ohE '^ *\{"[a-z_]+",' core/config/config.c core/config/config_account.c | tr -dc 'a-z_\n' | sort -u |
    while read -r key; do grep -qE "^\.(It )?Ic .*\b$key\b" scheduler/spool.json.5 || echo "$key"; done)"

if [ "${1:-}" != --quick ]; then
  need "${LINT_PACKAGES[@]}"
  complain 'man pages:' "$(mandoc -T lint -W warning scheduler/spool.1 scheduler/spool.json.5 scheduler/spool-admin.7 || true)"
  [ -e build/dev/compile_commands.json ] || scripts/build.sh dev >/dev/null
  mapfile -t files < <(git ls-files 'core/*.c' 'providers/*.c' 'scheduler/*.c' 'workers/*.c' 'webhook/*.c')
  say "clang-tidy over ${#files[@]} files"
  printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 8 clang-tidy -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option 2>/dev/null || failed=1
  say "cppcheck"
  cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --std=c11 -I . \
    --suppress=unknownMacro --suppress=nullPointerRedundantCheck "${files[@]}" || failed=1
fi
[ $failed -eq 0 ] && say "${green}lint: nothing to say$plain"
exit $failed
