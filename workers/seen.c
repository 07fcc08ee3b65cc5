// What vendors said before: a table of hashes, in which newer ones take the place of older ones.
#include "workers/seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/json_items.h"
#include "core/task/task.h"

// A part's entry is one of a few: with one place for each, ten thousand parts would push each other
// out of sixteen thousand places again and again.
enum { SETS = 1 << 11, PLACES = 8, ENTRIES = SETS * PLACES, NOBODY = -1, MANY = -2 };

// A part of an answer, and the task it was about as that was then.
struct entry {
    uint64_t part, task;
};

struct seen {
    struct entry *entries; // NULL: nothing was noted yet
};

struct seen *seen_new(void)
{
    return mem_new(struct seen);
}

void seen_drop(struct seen **seen)
{
    if (*seen == NULL)
        return;
    free((*seen)->entries);
    free(*seen);
    *seen = NULL;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint64_t hash_of(const char *data, size_t len)
{
    uint64_t hash = mix(0x2545f4914f6cdd1du, len), word;

    for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
        memcpy(&word, data, sizeof word);
        hash = mix(hash, word);
    }
    word = 0;
    memcpy(&word, data, len);
    return mix(mix(hash, word), len);
}

// The task, and all of it that decides what an answer means.
static uint64_t hash_of_task(const struct task *task)
{
    uint64_t hash = hash_of(task->id, strlen(task->id));

    hash = mix(hash, hash_of(task->account, strlen(task->account)));
    hash = mix(hash, (uint64_t)task->phase << 8 | (uint64_t)task->progress);
    return mix(hash, (uint64_t)(task->substate != NULL) << 1 | (task->missing_ms != 0));
}

// The part's entry; NULL: there is none.
static struct entry *find_entry(const struct seen *seen, uint64_t part)
{
    struct entry *set = &seen->entries[part % SETS * PLACES];

    for (int i = 0; i < PLACES; i++)
        if (set[i].part == part)
            return &set[i];
    return NULL;
}

// The newest comes first, the oldest makes room.
static void keep_entry(struct seen *seen, const struct entry *entry)
{
    struct entry *set = &seen->entries[entry->part % SETS * PLACES];
    int at = 0;

    while (at < PLACES - 1 && set[at].part != entry->part)
        at++;
    memmove(set + 1, set, (size_t)at * sizeof *set);
    *set = *entry;
}

// The number of the task that the part is about, if it is as it was when the part was noted.
static int find_task(const struct seen *seen, uint64_t part, const uint64_t *hashes, size_t count)
{
    const struct entry *entry = find_entry(seen, part);

    if (entry == NULL)
        return NOBODY;
    for (size_t i = 0; i < count; i++)
        if (hashes[i] == entry->task)
            return (int)i;
    return NOBODY;
}

// By the vendor's ids: a job that two tasks have is listed once for both.
static uint64_t *hashes_of_jobs(struct task *const *tasks, size_t count)
{
    uint64_t *jobs = mem_array(uint64_t, count);

    for (size_t i = 0; i < count; i++)
        if (tasks[i]->upstream_id != NULL)
            jobs[i] = hash_of(tasks[i]->upstream_id, strlen(tasks[i]->upstream_id));
    return jobs;
}

static bool has_twin(const uint64_t *jobs, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++)
        if (i != at && jobs[i] == jobs[at])
            return true;
    return false;
}

// Moves what isn't passed over to the front, in its order. Returns how many these are.
static size_t sort_tasks(struct task **tasks, size_t count, const bool *is_passed)
{
    struct task **sorted = mem_array(struct task *, count);
    size_t kept = 0, passed = count;

    for (size_t i = 0; i < count; i++)
        sorted[is_passed[i] ? --passed : kept++] = tasks[i];
    memcpy(tasks, sorted, count * sizeof *sorted);
    free(sorted);
    return kept;
}

size_t seen_pass_over(const struct seen *seen, struct task **tasks, size_t count,
                      const struct buf *answer, struct buf *rest)
{
    struct json_items list;
    const char *end = buf_text(answer) + answer->len;
    uint64_t *hashes, *jobs;
    bool *is_passed, is_first = true;

    if (seen->entries == NULL || count == 0 ||
        !json_items_find(buf_text(answer), answer->len, &list))
        return count;
    hashes = mem_array(uint64_t, count);
    jobs = hashes_of_jobs(tasks, count);
    is_passed = mem_array(bool, count);
    for (size_t i = 0; i < count; i++)
        hashes[i] = tasks[i]->is_cancel_asked ? 0 : hash_of_task(tasks[i]);
    buf_reserve(rest, answer->len);
    buf_add(rest, answer->data, (size_t)(list.items[0].at - answer->data));
    for (size_t i = 0; i < list.count; i++) {
        const struct json_span *item = &list.items[i];
        int task = find_task(seen, hash_of(item->at, item->len), hashes, count);

        if (task >= 0 && !is_passed[task] && !has_twin(jobs, count, (size_t)task)) {
            is_passed[task] = true;
            continue;
        }
        if (!is_first)
            buf_char(rest, ',');
        is_first = false;
        buf_add(rest, item->at, item->len);
    }
    buf_add(rest, list.end, (size_t)(end - list.end));
    count = sort_tasks(tasks, count, is_passed);
    json_items_clear(&list);
    free(hashes);
    free(jobs);
    free(is_passed);
    return count;
}

// Of each task the one part that names it alone, by the vendor's id.
struct parts {
    struct task *const *tasks;
    const uint64_t *jobs; // hashes of their ids
    size_t count;
    int *of_task; // the number of the part, or NOBODY, or MANY
};

static int task_named(const struct parts *parts, const char *name, size_t len)
{
    uint64_t job = hash_of(name, len);

    for (size_t i = 0; i < parts->count; i++) {
        const char *id = parts->tasks[i]->upstream_id;

        if (parts->jobs[i] == job && id != NULL && strncmp(id, name, len) == 0 && id[len] == '\0')
            return (int)i;
    }
    return NOBODY;
}

static void find_part(struct parts *parts, const struct json_span *item, int number)
{
    const char *at = NULL, *name;
    int named = NOBODY;
    size_t len;

    while ((name = json_item_string(item, &at, &len)) != NULL) {
        int task = task_named(parts, name, len);

        if (task < 0 || task == named)
            continue;
        if (named >= 0) // it names several: none of them has it for itself
            parts->of_task[named] = parts->of_task[task] = MANY;
        else
            parts->of_task[task] = parts->of_task[task] == NOBODY ? number : MANY;
        named = task;
    }
}

void seen_note(struct seen *seen, struct task *const *tasks, const bool *is_quiet, size_t count,
               const struct buf *answer)
{
    struct parts parts = {.tasks = tasks, .count = count};
    struct json_items list;
    uint64_t *jobs;

    if (count == 0 || !json_items_find(buf_text(answer), answer->len, &list))
        return;
    parts.jobs = jobs = hashes_of_jobs(tasks, count);
    if (seen->entries == NULL)
        seen->entries = mem_array(struct entry, ENTRIES);
    parts.of_task = mem_array(int, count);
    for (size_t i = 0; i < count; i++)
        parts.of_task[i] = NOBODY;
    for (size_t i = 0; i < list.count; i++)
        find_part(&parts, &list.items[i], (int)i);
    for (size_t i = 0; i < count; i++) {
        const struct json_span *item = &list.items[parts.of_task[i] < 0 ? 0 : parts.of_task[i]];
        uint64_t part = hash_of(item->at, item->len);

        if (is_quiet[i] && parts.of_task[i] >= 0 && !has_twin(jobs, count, i))
            keep_entry(seen, &(struct entry){part, hash_of_task(tasks[i])});
    }
    free(parts.of_task);
    free(jobs);
    json_items_clear(&list);
}
