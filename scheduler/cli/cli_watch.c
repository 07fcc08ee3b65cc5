// Follows tasks until they have ended.
#include "scheduler/cli/cli_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_task.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"
#include "scheduler/cli/cli_websocket.h"

enum {
    TASKS_MAX = 10000, // that Spool takes on one connection
    TASKS_PER_MESSAGE = 1000,
    REDRAW_MS = 1000,    // so that a bar's seconds go on
    LEAST_DRAW_MS = 100, // not more often than anybody can see
    LOOK_MS = 5000,      // whether the connection still stands
    AGAIN_MS = 1000,     // between two attempts to connect
    GIVE_UP_MS = 60000,  // nobody was there for so long
};

struct watched {
    char id[ID_SIZE];
    json_t *task; // as it was last; NULL: never seen
    char *line;   // what was last said of it
    bool has_ended;
};

struct watch {
    struct cli *cli;
    const struct cli_watch_options *options;
    json_t *ended; // the caller's; may be NULL
    struct watched *tasks;
    size_t count, cap;
    size_t open; // of them haven't ended
    char cursor[64];
    int64_t until_ms; // of the monotonic clock
    int64_t gone_ms;  // since when nobody is there; 0: somebody is
    struct cli_websocket *socket;
    struct cli_screen screen;
    bool is_drawing; // bars,
    unsigned drawn;  // so many lines of them
    bool is_dirty;   // and they aren't up to date
    int64_t drawn_ms;
};

static struct watched *find(struct watch *watch, const char *id)
{
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->tasks[i].id, id) == 0)
            return &watch->tasks[i];
    return NULL;
}

static struct watched *add(struct watch *watch, const char *id)
{
    struct watched *task;

    if (watch->count == watch->cap) {
        watch->cap = watch->cap == 0 ? 16 : 2 * watch->cap;
        watch->tasks = mem_resize(watch->tasks, watch->cap * sizeof *watch->tasks);
    }
    task = &watch->tasks[watch->count++];
    *task = (struct watched){0};
    snprintf(task->id, sizeof task->id, "%s", id);
    watch->open++;
    return task;
}

static void forget(struct watch *watch, struct watched *task)
{
    json_decref(task->task);
    free(task->line);
    *task = watch->tasks[--watch->count];
}

// What is said.

// "task_…  in_progress  rendering  40%  slot: mj-1: …"
static void write_line(const json_t *task, struct buf *to)
{
    struct buf note = {0};

    cli_task_note(task, &note);
    buf_fmt(to, "%s  %s", field_str_or_empty(task, "id"), field_str_or_empty(task, "status"));
    if (cli_task_has_ended(task)) {
        size_t files = json_array_size(field_at(task, "artifacts"));

        buf_str(to, "  ");
        cli_show_span(to, cli_task_took_ms(task));
        if (files > 0)
            buf_fmt(to, "  %zu file%s", files, files == 1 ? "" : "s");
    } else {
        buf_fmt(to, "  %s  %d%%", field_str_or_empty(task, "phase"), cli_task_percent(task));
    }
    if (note.len > 0)
        buf_fmt(to, "  %s", note.data);
    buf_clear(&note);
}

static void erase_bars(struct watch *watch)
{
    if (watch->drawn > 0)
        printf("\033[%uA\r\033[J", watch->drawn);
    watch->drawn = 0;
    watch->is_dirty = true;
}

static void write_bar(const struct watch *watch, const json_t *task, struct buf *to)
{
    unsigned width = watch->screen.width, bar = width > 110 ? 30 : width > 72 ? 10 : 4;
    struct buf line = {0}, clean = {0};

    buf_fmt(&line, "%s  ", field_str_or_empty(task, "id"));
    cli_text_bar(&line, cli_task_percent(task), bar, watch->screen.is_utf8);
    buf_fmt(&line, " %3d%%  %-10s  ", cli_task_percent(task), field_str_or_empty(task, "phase"));
    cli_show_span(&line, cli_task_took_ms(task) / 1000 * 1000);
    buf_fmt(&line, "  %s  ", field_str_or_empty(task, "provider"));
    cli_task_note(task, &line);
    cli_text_clean(&clean, buf_text(&line));
    while (clean.len > 0 && clean.data[clean.len - 1] == ' ')
        clean.data[--clean.len] = '\0';
    cli_text_cut(to, buf_text(&clean), width - 1, watch->screen.is_utf8);
    buf_char(to, '\n');
    buf_clear(&line);
    buf_clear(&clean);
}

// As many as the terminal has room for; the rest are counted.
static void draw_bars(struct watch *watch)
{
    unsigned room = watch->screen.height > 4 ? watch->screen.height - 3 : 1;
    struct buf text = {0};
    size_t left = 0;

    watch->screen = cli_text_screen(stdout); // it may have been resized
    erase_bars(watch);
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->tasks[i].has_ended || watch->tasks[i].task == NULL) {
            left += !watch->tasks[i].has_ended;
        } else if (watch->drawn < room) {
            write_bar(watch, watch->tasks[i].task, &text);
            watch->drawn++;
        } else {
            left++;
        }
    }
    if (left > 0) {
        buf_fmt(&text, "and %zu more\n", left);
        watch->drawn++;
    }
    fputs(buf_text(&text), stdout);
    fflush(stdout);
    watch->drawn_ms = clock_mono_ms();
    watch->is_dirty = false;
    buf_clear(&text);
}

static void say_ended(struct watch *watch, const json_t *task, const char *line)
{
    const char *status = field_str_or_empty(task, "status");
    struct buf text = {0}, clean = {0};

    cli_text_clean(&clean, line);
    if (watch->screen.is_terminal)
        cli_text_colour(&text, clean.data, cli_text_word_colour(status), &watch->screen);
    else
        buf_str(&text, clean.data);
    erase_bars(watch);
    puts(text.data);
    buf_clear(&text);
    buf_clear(&clean);
}

static void say_change(struct watch *watch, struct watched *watched)
{
    struct buf line = {0}, clean = {0};

    write_line(watched->task, &line);
    if (watched->line != NULL && strcmp(watched->line, line.data) == 0) {
        buf_clear(&line);
        return;
    }
    if (watched->has_ended) {
        say_ended(watch, watched->task, line.data);
    } else if (!watch->is_drawing && watch->options->says == CLI_WATCH_CHANGES) {
        cli_text_clean(&clean, line.data);
        puts(clean.data);
    }
    free(watched->line);
    watched->line = buf_take(&line);
    buf_clear(&clean);
}

static void say(struct watch *watch, struct watched *watched)
{
    if (watch->options->says == CLI_WATCH_NOTHING)
        return;
    switch (watch->cli->output) {
    case CLI_JSON:
        if (watched->has_ended || watch->options->says == CLI_WATCH_CHANGES) {
            char *text = json_dumps(watched->task, JSON_COMPACT);

            puts(text);
            free(text);
        }
        break;
    case CLI_IDS:
        if (watched->has_ended)
            puts(watched->id);
        break;
    case CLI_TABLE:
        say_change(watch, watched);
        break;
    }
    fflush(stdout);
}

// What comes.

static void note_end(struct watch *watch, struct watched *watched)
{
    watched->has_ended = true;
    watch->open--;
    if (!watch->options->is_all &&
        strcmp(field_str_or_empty(watched->task, "status"), "succeeded") != 0)
        watch->cli->status = EXIT_FAILURE;
    if (watch->ended != NULL)
        json_array_append(watch->ended, watched->task);
}

static void on_task(struct watch *watch, json_t *task)
{
    const char *id = field_str_or_empty(task, "id");
    struct watched *watched = find(watch, id);

    if (watched == NULL && !watch->options->is_all)
        return;
    if (watched == NULL)
        watched = add(watch, id);
    if (watched->has_ended || (watched->task != NULL && json_equal(watched->task, task)) ||
        field_int_or(watched->task, "version", 0) > field_int_or(task, "version", 0))
        return;
    json_decref(watched->task);
    watched->task = json_incref(task);
    watch->is_dirty = true;
    if (cli_task_has_ended(task))
        note_end(watch, watched);
    say(watch, watched);
    if (watched->has_ended && watch->options->is_all)
        forget(watch, watched); // there will be ever more of them
}

static void on_change(struct watch *watch, const json_t *change)
{
    snprintf(watch->cursor, sizeof watch->cursor, "%s", field_str_or_empty(change, "cursor"));
    if (field_at(change, "task") != NULL)
        on_task(watch, field_at(change, "task"));
}

// Named, and not there: the others go on.
static void on_missing(struct watch *watch, const char *id)
{
    struct watched *watched = find(watch, id);
    struct err err;

    if (watched == NULL || watched->has_ended)
        return;
    watched->has_ended = true;
    watch->open--;
    watch->cli->status = EXIT_FAILURE;
    err_set(&err, ERR_NOT_FOUND, "no such task");
    cli_task_explain(id, &err);
    erase_bars(watch);
    cli_show_error(err.message);
}

// Those that ended unseen would run for ever.
static bool on_gap(struct watch *watch, struct err *err)
{
    erase_bars(watch);
    cli_show_error("some changes can't be shown any more; what follows is whole again");
    for (size_t i = watch->count; i-- > 0;) {
        json_auto_t *task = cli_task_get(watch->cli->http, watch->tasks[i].id, err);

        if (task == NULL)
            return false;
        on_task(watch, task);
    }
    return true;
}

static bool on_message(struct watch *watch, const struct buf *message, struct err *err)
{
    json_auto_t *body = json_loadb(buf_text(message), message->len, 0, NULL);
    const char *type = field_str_or_empty(body, "type");
    const json_t *change;
    size_t i;

    if (strcmp(type, "task") == 0) {
        on_change(watch, body);
    } else if (strcmp(type, "tasks") == 0) {
        json_array_foreach((json_t *)field_at(body, "changes"), i, change) on_change(watch, change);
    } else if (strcmp(type, "gap") == 0 && watch->options->is_all) {
        return on_gap(watch, err);
    } else if (strcmp(type, "error") == 0) {
        if (*field_str_or_empty(body, "task") == '\0')
            return err_set(err, ERR_REFUSED, "%.200s", field_str_or_empty(body, "message"));
        on_missing(watch, field_str_or_empty(body, "task"));
    }
    return true;
}

// Asking.

static bool send_json(struct watch *watch, json_t *body, struct err *err)
{
    char *text = json_dumps(body, JSON_COMPACT);
    bool ok = cli_websocket_send(watch->socket, text, strlen(text), err);

    free(text);
    json_decref(body);
    return ok;
}

static bool subscribe_all(struct watch *watch, struct err *err)
{
    json_t *body = json_pack("{s:s,s:b,s:b}", "type", "subscribe", "all", 1, "batch", 1);

    if (*watch->cursor != '\0')
        json_object_set_new(body, "since", json_string(watch->cursor));
    return send_json(watch, body, err);
}

static bool subscribe_some(struct watch *watch, struct err *err)
{
    for (size_t i = 0; i < watch->count;) {
        json_t *ids = json_array();

        for (; i < watch->count && json_array_size(ids) < TASKS_PER_MESSAGE; i++)
            if (!watch->tasks[i].has_ended)
                json_array_append_new(ids, json_string(watch->tasks[i].id));
        if (!send_json(watch,
                       json_pack("{s:s,s:o,s:b}", "type", "subscribe", "tasks", ids, "batch", 1),
                       err))
            return false;
    }
    return true;
}

// What runs already says nothing by itself, perhaps for long.
static bool look_at_running(struct watch *watch, struct err *err)
{
    static const char *const statuses[] = {"in_progress", "queued"};

    for (size_t i = 0; i < 2; i++) {
        struct http_request request = {0};
        json_auto_t *list = NULL;
        json_t *task;
        size_t k;

        if (http_get(&request, cli_http_url(watch->cli->http), err, "/v1/tasks?limit=100&status=%s",
                     statuses[i]))
            list = cli_http_ask(watch->cli->http, &request, err);
        if (list == NULL)
            return false;
        json_array_foreach((json_t *)field_at(list, "data"), k, task) on_task(watch, task);
    }
    return true;
}

static bool connect_once(struct watch *watch, struct err *err)
{
    watch->socket = cli_websocket_open(watch->cli->http, "/v1/events", err);
    if (watch->socket == NULL)
        return false;
    return watch->options->is_all ? subscribe_all(watch, err) && look_at_running(watch, err)
                                  : subscribe_some(watch, err);
}

// Whether it is worth a second attempt: a Spool that is started anew is there again soon.
static bool may_come_back(struct watch *watch, const struct err *why)
{
    if (why->code == ERR_AUTH || why->code == ERR_REFUSED || why->code == ERR_NOT_FOUND)
        return false;
    if (watch->gone_ms == 0) {
        watch->gone_ms = clock_mono_ms();
        erase_bars(watch);
        fprintf(stderr, "spool: %s: trying again\n", why->message);
    }
    return clock_mono_ms() - watch->gone_ms < GIVE_UP_MS;
}

static void pause_until(const struct watch *watch, int64_t until_ms)
{
    int64_t end_ms = until_ms < watch->until_ms ? until_ms : watch->until_ms;

    while (clock_mono_ms() < end_ms)
        usleep(20000);
}

static bool is_over(const struct watch *watch)
{
    return !watch->options->is_all && watch->open == 0;
}

static bool time_is_up(const struct watch *watch, struct err *err)
{
    double seconds = (double)watch->options->timeout_ms / 1000;

    if (watch->options->is_all)
        return err_set(err, ERR_TIMEOUT, "the %g s are over", seconds);
    return err_set(
        err, ERR_TIMEOUT,
        "after %g s %zu of %zu haven't ended: they go on, and \"spool watch\" waits again", seconds,
        watch->open, watch->count);
}

// A message, or the time to draw again.
static bool turn(struct watch *watch, struct err *err)
{
    int64_t now_ms = clock_mono_ms();
    int64_t draw_ms = watch->drawn_ms + (watch->is_dirty ? LEAST_DRAW_MS : REDRAW_MS);
    int64_t wait_ms = watch->until_ms - now_ms;
    struct buf message = {0};
    bool ok;

    if (watch->is_drawing && now_ms >= draw_ms) {
        draw_bars(watch);
        draw_ms = watch->drawn_ms + REDRAW_MS;
    }
    if (watch->is_drawing && wait_ms > draw_ms - now_ms)
        wait_ms = draw_ms - now_ms;
    else if (wait_ms > LOOK_MS)
        wait_ms = LOOK_MS;
    ok = cli_websocket_next(watch->socket, wait_ms, &message, err);
    if (ok) {
        watch->gone_ms = 0;
        ok = message.len == 0 || on_message(watch, &message, err);
    }
    buf_clear(&message);
    return ok;
}

static bool run(struct watch *watch, struct err *err)
{
    bool was_there = false;

    while (!is_over(watch)) {
        bool ok;

        if (clock_mono_ms() >= watch->until_ms)
            return time_is_up(watch, err);
        ok = watch->socket == NULL ? connect_once(watch, err) : turn(watch, err);
        was_there = was_there || ok;
        if (ok)
            continue;
        cli_websocket_close(&watch->socket);
        if (!was_there || !may_come_back(watch, err))
            return false;
        pause_until(watch, clock_mono_ms() + AGAIN_MS);
    }
    return true;
}

static bool begin(struct watch *watch, struct err *err)
{
    const struct cli_watch_options *options = watch->options;

    if (options->count > TASKS_MAX)
        return err_set(err, ERR_CONFIG, "at most %d tasks can be watched at once", TASKS_MAX);
    for (size_t i = 0; i < options->count; i++) {
        if (id_is_task(options->ids[i])) {
            if (find(watch, options->ids[i]) == NULL)
                add(watch, options->ids[i]);
            continue;
        }
        watch->cli->status = EXIT_FAILURE;
        err_set(err, ERR_NOT_FOUND, "no such task");
        cli_task_explain(options->ids[i], err);
        cli_show_error(err->message);
    }
    return true;
}

bool cli_watch_tasks(struct cli *cli, const struct cli_watch_options *options, json_t *ended,
                     struct err *err)
{
    struct watch watch = {.cli = cli, .options = options, .ended = ended};
    bool ok;

    watch.screen = cli_text_screen(stdout);
    watch.is_drawing = watch.screen.is_terminal && cli->output == CLI_TABLE;
    watch.until_ms = options->timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + options->timeout_ms;
    ok = begin(&watch, err) && run(&watch, err);
    erase_bars(&watch);
    cli_websocket_close(&watch.socket);
    while (watch.count > 0)
        forget(&watch, &watch.tasks[watch.count - 1]);
    free(watch.tasks);
    return ok;
}

bool cli_watch_verb(struct cli *cli, struct err *err)
{
    const struct cli_command *command = cli->command;
    struct cli_watch_options options = {.ids = command->words,
                                        .count = command->word_count,
                                        .is_all = command->values[CLI_ALL] != NULL,
                                        .timeout_ms = -1};

    if (options.is_all == (options.count > 0))
        return err_set(err, ERR_CONFIG,
                       "watch takes ids, or --all: \"spool list -o id\" shows ids");
    return cli_command_seconds(command, CLI_TIMEOUT, &options.timeout_ms, err) &&
           cli_watch_tasks(cli, &options, NULL, err);
}
