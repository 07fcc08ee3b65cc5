// Records as Redis gives them, turned into tasks.
#pragma once

#include <hiredis/hiredis.h>

#include "core/task/task.h"

// From the fields and values of HGETALL, and the replies of GET for the request and the result
// (NULL or nil: not loaded). NULL for a record that isn't one.
struct task *record_read(const char *id, const redisReply *fields, const redisReply *request,
                         const redisReply *result);
// From a script's {fields, request, result}.
struct task *record_read_whole(const redisReply *whole);
// The same, with what read.lua adds: when it acts again, how many wait before it.
struct task *record_read_waiting(const redisReply *whole);
// The fields that looks.lua gives, its id last.
struct task *record_read_look(const redisReply *values);
// "version phase progress modal …" as events and deliveries carry it. NULL: it isn't one; else what
// follows.
const char *record_read_view(const char *text, struct task_view *view);
int64_t record_integer(const redisReply *reply);
