#!/usr/bin/env bash
# What a reader would object to: includes against the arrows, unsafe calls, blocking calls on a loop,
# then clang-tidy and cppcheck over build/dev/compile_commands.json. --quick leaves these two out.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
failed=0
complain() { [ -z "$2" ] || { printf '%s\n%s\n' "$red$1$plain" "$2"; failed=1; }; }

# core/base <- core/io <- core/store <- roles <- scheduler/main.c; core/base <- providers <- roles
may_include() { # folder, pattern of what it must not include
  git ls-files "$1" | grep -E '\.[ch]$' | grep -v '^scheduler/main\.c$' |
    xargs -r grep -nE "#include \"($2)" || true
}
complain 'core/base is pure:' "$(may_include core/base 'core/(io|store)|providers|scheduler|workers|webhook')"
complain 'core/io knows core/base only:' "$(may_include core/io 'core/store|providers|scheduler|workers|webhook')"
complain 'core/store knows core only:' "$(may_include core/store 'providers|scheduler|workers|webhook')"
complain 'providers are pure:' "$(may_include providers 'core/(io|store)|scheduler|workers|webhook')$(
  git ls-files providers | xargs -r grep -nE '#include <(uv|curl|hiredis|libwebsockets)' || true)"
complain 'a role includes another role:' "$(may_include scheduler 'workers|webhook')$(
  may_include workers 'scheduler|webhook')$(may_include webhook 'scheduler|workers')"
complain 'unsafe calls:' "$(git grep -nwE '(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|localtime|gmtime|gets)\(' -- '*.c' '*.h' || true)"
complain 'blocking calls outside core/io:' "$(git grep -nwE '(sleep|usleep|nanosleep|getaddrinfo|gethostbyname|system|popen|redisCommand|redisConnect|curl_easy_perform)\(' -- \
  core/base core/store providers scheduler workers webhook || true)"
complain 'left-overs:' "$(git grep -nwE 'TODO|FIXME|XXX|HACK' -- '*.c' '*.h' '*.lua' '*.sh' '*.py' ':!scripts/lint.sh' || true)"

if [ "${1:-}" != --quick ]; then
  need "${LINT_PACKAGES[@]}"
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
