// What a script takes of the Lua library (lua/lib): the paragraphs that it needs, and no others.
//
// Redis runs a script from its first line at each call. To make the library's functions takes it
// some ten microseconds, more than many a script's own work, so each script gets those that it
// calls, and what these call.
//
// A paragraph ends at an empty line. It is needed where one of its names is: names of its `local`
// statements and functions that begin a line, and of functions that are given to a name declared
// before ("name = function"). A paragraph with another statement at the beginning of a line is
// always needed, and one that is only a comment never.
#pragma once

struct buf;
struct lua_library;

// `text` is borrowed and outlives the library.
struct lua_library *lua_library_new(const char *text);
void lua_library_free(struct lua_library *library);
// Adds what the script needs to `out`, in the library's order.
void lua_library_write(const struct lua_library *library, const char *script, struct buf *out);
