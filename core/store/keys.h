// The names of keys and channels; lua/lib/base.lua lists them.
//
// All keys of a Spool share a hash tag, its cell's: so a Redis Cluster keeps them on one node,
// where a script reaches them. Each script is given the tag as its first key, by which it is routed
// there.
#pragma once

#include <stdio.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/store/args.h"

#define CELL_TAG "{spool}"
#define CELL_KEY(name) CELL_TAG ":" name

// Of a task's id Redis has what is behind "task_", for it is in half a dozen places for each task.

// NULL and "" say that there is none. What isn't an id becomes one that no task has.
static inline const char *key_of_id(const char *id)
{
    if (id == NULL || *id == '\0')
        return "";
    return strncmp(id, "task_", 5) == 0 && id[5] != '\0' ? id + 5 : "-";
}

static inline void args_id(struct args *args, const char *id)
{
    args_str(args, key_of_id(id));
}

static inline void id_of_key(char id[ID_SIZE], const char *key)
{
    snprintf(id, ID_SIZE, "task_%s", key);
}
