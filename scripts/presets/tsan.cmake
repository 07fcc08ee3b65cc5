# Data races between the role threads.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(SPOOL_SANITIZE thread CACHE STRING "")
