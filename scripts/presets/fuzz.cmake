# libFuzzer targets (tests/fuzz), with clang: their coverage, ASan and UBSan everywhere.
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g" CACHE STRING "")
set(SPOOL_SANITIZE fuzzer-no-link,address,undefined CACHE STRING "")
set(SPOOL_FUZZ ON CACHE BOOL "")
