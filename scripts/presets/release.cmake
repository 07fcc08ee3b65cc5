# For use and for measuring.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
