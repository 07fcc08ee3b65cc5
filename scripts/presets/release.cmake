# For use and for measuring.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SPOOL_WERROR ON CACHE BOOL "")
