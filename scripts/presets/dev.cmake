# For work: debug information, assertions, ASan and UBSan.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(SPOOL_SANITIZE address,undefined CACHE STRING "")
