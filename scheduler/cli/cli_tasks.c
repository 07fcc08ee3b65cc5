// Tasks: one, many, what happened to them, and their cancelling. And what models there are.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_table.h"
#include "scheduler/cli/cli_task.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"

enum { PAGE = 100, USUAL_LIMIT = 20 };

// One.

static void say(const char *name, const struct buf *text)
{
    struct buf clean = {0};

    cli_text_clean(&clean, buf_text(text));
    if (clean.len > 0)
        printf("%-10s %s\n", name, clean.data);
    buf_clear(&clean);
}

static void say_str(const char *name, const char *text)
{
    struct buf buf = {0};

    buf_str(&buf, text);
    say(name, &buf);
    buf_clear(&buf);
}

static void say_time(const char *name, int64_t unix_ms)
{
    struct buf buf = {0};

    cli_show_time(&buf, unix_ms);
    say(name, &buf);
    buf_clear(&buf);
}

static void say_artifact(const json_t *artifact)
{
    struct buf text = {0};
    const char *url = field_str_or_empty(artifact, "url");

    buf_str(&text, field_str_or_empty(artifact, "kind"));
    if (field_at(artifact, "bytes") != NULL) {
        buf_char(&text, ' ');
        cli_show_bytes(&text, field_int_or(artifact, "bytes", 0));
    }
    if (*url != '\0')
        buf_fmt(&text, " %s", url);
    if (field_at(artifact, "text") != NULL)
        buf_fmt(&text, " \"%s\"", field_str_or_empty(artifact, "text"));
    if (field_at(artifact, "error") != NULL)
        buf_fmt(&text, " (not archived: %s)", field_str_or_empty(artifact, "error.message"));
    say("file", &text);
    buf_clear(&text);
}

static void show_task(const json_t *task)
{
    struct buf text = {0};
    const json_t *artifacts = field_at(task, "artifacts"), *artifact;
    size_t i;

    say_str("id", field_str_or_empty(task, "id"));
    buf_str(&text, field_str_or_empty(task, "provider"));
    cli_show_join(&text, field_str_or_empty(task, "action"));
    cli_show_join(&text, field_str_or_empty(task, "model"));
    say("job", &text);
    buf_reset(&text);
    buf_str(&text, field_str_or_empty(task, "status"));
    if (!cli_task_has_ended(task))
        buf_fmt(&text, ", %s, %d %%", field_str_or_empty(task, "phase"), cli_task_percent(task));
    buf_str(&text, ", ");
    cli_show_span(&text, cli_task_took_ms(task));
    say("status", &text);
    buf_reset(&text);
    cli_task_note(task, &text);
    say(*field_str_or_empty(task, "error.code") != '\0'       ? "error"
        : *field_str_or_empty(task, "waiting.reason") != '\0' ? "waits"
                                                              : "should be",
        &text);
    say_time("created", field_int_or(task, "created_at", 0));
    say_time("started", field_int_or(task, "started_at", 0));
    say_time("expected", field_int_or(task, "eta", 0));
    say_time("finished", field_int_or(task, "finished_at", 0));
    say_str("key", field_str_or_empty(task, "key"));
    say_str("account", field_str_or_empty(task, "account"));
    say_str("state", field_str_or_empty(task, "state"));
    json_array_foreach((json_t *)artifacts, i, artifact) say_artifact(artifact);
    buf_clear(&text);
}

bool cli_tasks_get(struct cli *cli, struct err *err)
{
    json_auto_t *task = cli_task_get(cli->http, cli->command->words[0], err);

    if (task == NULL)
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(task);
    else if (cli->output == CLI_IDS)
        puts(field_str_or_empty(task, "id"));
    else
        show_task(task);
    return true;
}

// Many.

static void add_filter(struct buf *url, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_fmt(url, "&%s=", name);
    buf_percent(url, value);
}

// What the list is asked for, but for the page.
static bool write_filters(struct cli *cli, struct buf *url, struct err *err)
{
    const struct cli_command *command = cli->command;
    int64_t since_ms = 0;

    if (!cli_command_time(command, CLI_SINCE, clock_wall_ms(), &since_ms, err))
        return false;
    add_filter(url, "status", command->values[CLI_STATUS]);
    add_filter(url, "provider", command->values[CLI_PROVIDER]);
    add_filter(url, "account", command->values[CLI_ACCOUNT]);
    add_filter(url, "key", command->values[CLI_OWNER]);
    if (since_ms > 0)
        buf_fmt(url, "&since=%lld", (long long)since_ms);
    return true;
}

static json_t *ask_page(struct cli *cli, const char *filters, int64_t limit, const char *after,
                        struct err *err)
{
    struct http_request request = {0};
    struct buf url = {0};

    buf_fmt(&url, "%s/v1/tasks?limit=%lld%s", cli_http_url(cli->http), (long long)limit, filters);
    add_filter(&url, "after", *after == '\0' ? NULL : after);
    request.url = buf_take(&url);
    return cli_http_ask(cli->http, &request, err);
}

// One list of as many pages as it takes for `limit` tasks, as if it were the answer to one request.
static json_t *read_pages(struct cli *cli, const char *filters, int64_t limit, struct err *err)
{
    json_t *list = NULL, *data = json_array();
    const char *after = "";

    do {
        int64_t missing = limit - (int64_t)json_array_size(data);
        json_t *page = ask_page(cli, filters, missing < PAGE ? missing : PAGE, after, err);

        if (page != NULL)
            json_array_extend(data, field_at(page, "data"));
        json_decref(list);
        list = page;
        after = field_str_or_empty(list, "next");
    } while (*after != '\0' && (int64_t)json_array_size(data) < limit);
    if (list == NULL)
        json_decref(data);
    else
        json_object_set_new(list, "data", data);
    return list;
}

static void show_list(const json_t *all)
{
    static const struct cli_column columns[] = {
        {"ID", 0, 0, false, false},     {"PROVIDER", 0, 5, false, false},
        {"ACTION", 8, 6, false, false}, {"MODEL", 8, 8, false, false},
        {"STATUS", 0, 0, false, true},  {"DONE", 0, 3, true, false},
        {"AGE", 0, 2, true, false},     {"TOOK", 0, 9, true, false},
        {"KEY", 6, 4, false, false},    {"ACCOUNT", 6, 4, false, false},
        {"NOTE", 12, 7, false, false},  {0},
    };
    struct cli_table *table = cli_table_new(columns);
    const json_t *task;
    size_t i;

    json_array_foreach((json_t *)all, i, task)
    {
        struct buf text = {0};

        cli_table_add(table, field_str_or_empty(task, "id"));
        cli_table_add(table, field_str_or_empty(task, "provider"));
        cli_table_add(table, field_str_or_empty(task, "action"));
        cli_table_add(table, field_str_or_empty(task, "model"));
        cli_table_add(table, field_str_or_empty(task, "status"));
        cli_table_fmt(table, "%d%%", cli_task_percent(task));
        cli_show_span(&text, clock_wall_ms() - field_int_or(task, "created_at", 0));
        cli_table_add(table, buf_text(&text));
        buf_reset(&text);
        if (cli_task_has_ended(task))
            cli_show_span(&text, cli_task_took_ms(task));
        cli_table_add(table, buf_text(&text));
        cli_table_add(table, field_str_or_empty(task, "key"));
        cli_table_add(table, field_str_or_empty(task, "account"));
        buf_reset(&text);
        cli_task_note(task, &text);
        cli_table_add(table, buf_text(&text));
        buf_clear(&text);
    }
    cli_table_print(table);
    cli_table_free(table);
}

static void show_ids(const json_t *all, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)all, i, item)
    {
        struct buf clean = {0};

        cli_text_clean(&clean, field_str_or_empty(item, name));
        puts(buf_text(&clean));
        buf_clear(&clean);
    }
}

// Spool ignores an operator's filters where the key is none: what it lists then isn't what was
// asked for, and may be about to be cancelled.
static bool is_as_asked(const struct cli *cli, const json_t *all, struct err *err)
{
    const char *const *values = cli->command->values;

    if ((values[CLI_ACCOUNT] == NULL && values[CLI_OWNER] == NULL) || json_array_size(all) == 0 ||
        json_object_get(json_array_get(all, 0), "key") != NULL)
        return true;
    return cli_http_want_operator(err);
}

bool cli_tasks_list(struct cli *cli, struct err *err)
{
    json_auto_t *list = NULL;
    int64_t limit = USUAL_LIMIT;
    struct buf filters = {0};

    if (cli_command_number(cli->command, CLI_LIMIT, 0, 1000000, &limit, err) &&
        write_filters(cli, &filters, err))
        list = read_pages(cli, buf_text(&filters), limit == 0 ? INT64_MAX : limit, err);
    buf_clear(&filters);
    if (list == NULL || !is_as_asked(cli, field_at(list, "data"), err))
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(list);
    else if (cli->output == CLI_IDS)
        show_ids(field_at(list, "data"), "id");
    else if (json_array_size(field_at(list, "data")) == 0)
        fputs("There are none.\n", stderr);
    else
        show_list(field_at(list, "data"));
    if (json_is_true(field_at(list, "has_more")) && cli->output == CLI_TABLE)
        fputs("There are more: --limit 0 shows all.\n", stderr);
    return true;
}

// Cancelling.

static bool cancel_one(struct cli *cli, const char *id, struct err *err)
{
    static const struct {
        const char *word, *meaning;
    } words[] = {
        {"before_submit", "cancelled before its vendor had it"},
        {"requested", "its vendor is asked to cancel; it may still succeed"},
        {"not_supported_may_be_billed", "cancelled here; its vendor can't, and may bill it"},
    };
    struct http_request request = {0};
    json_auto_t *task = NULL;
    const char *cancel;

    if (http_post_json(&request, cli_http_url(cli->http), json_object(), err, "/v1/tasks/%s/cancel",
                       id))
        task = cli_http_ask(cli->http, &request, err);
    if (task == NULL)
        return cli_task_explain(id, err);
    if (cli->output != CLI_TABLE) {
        cli->output == CLI_JSON ? cli_show_json(task) : (void)puts(id);
        return true;
    }
    cancel = field_str_or_empty(task, "cancel");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, cancel) == 0)
            cancel = words[i].meaning;
    printf("%s  %s\n", id, cancel);
    return true;
}

bool cli_tasks_cancel(struct cli *cli, struct err *err)
{
    for (size_t i = 0; i < cli->command->word_count; i++) {
        struct err why;

        if (!cancel_one(cli, cli->command->words[i], &why) && !cli_show_and_go_on(cli, &why, err))
            return false;
    }
    return true;
}

// What happened.

static json_t *ask_about(struct cli *cli, const char *id, const char *path, struct err *err)
{
    struct http_request request = {0};
    json_t *answer = NULL;

    if (http_get(&request, cli_http_url(cli->http), err, path, id))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        cli_task_explain(id, err);
    return answer;
}

static void show_timeline(const json_t *entries)
{
    static const struct cli_column columns[] = {{"TIME", 0, 2, false, false},
                                                {"AFTER", 0, 1, true, false},
                                                {"EVENT", 0, 0, false, true},
                                                {"DETAIL", 20, 3, false, false},
                                                {0}};
    struct cli_table *table = cli_table_new(columns);
    const json_t *entry;
    int64_t first = 0;
    size_t i;

    json_array_foreach((json_t *)entries, i, entry)
    {
        int64_t at = field_int_or(entry, "at", 0);
        struct buf text = {0};

        first = i == 0 ? at : first;
        cli_show_time(&text, at);
        cli_table_add(table, buf_text(&text));
        cli_table_fmt(table, "%.3f s", (double)(at - first) / 1000);
        cli_table_add(table, field_str_or_empty(entry, "event"));
        cli_table_add(table, field_str_or_empty(entry, "detail"));
        buf_clear(&text);
    }
    cli_table_print(table);
    cli_table_free(table);
}

bool cli_tasks_timeline(struct cli *cli, struct err *err)
{
    const char *id = cli->command->words[0];
    json_auto_t *answer = ask_about(cli, id, "/v1/tasks/%s/timeline", err);

    if (answer == NULL)
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        puts(id);
    else
        show_timeline(field_at(answer, "data"));
    return true;
}

// Models.

static void show_models(const json_t *models)
{
    static const struct cli_column columns[] = {
        {"MODEL", 20, 0, false, false}, {"OF", 0, 1, false, false}, {0}};
    struct cli_table *table = cli_table_new(columns);
    const json_t *model;
    size_t i;

    json_array_foreach((json_t *)models, i, model)
    {
        cli_table_add(table, field_str_or_empty(model, "id"));
        cli_table_add(table, field_str_or_empty(model, "owned_by"));
    }
    cli_table_print(table);
    cli_table_free(table);
}

bool cli_tasks_models(struct cli *cli, struct err *err)
{
    struct http_request request = {0};
    json_auto_t *answer = NULL;

    if (http_get(&request, cli_http_url(cli->http), err, "/v1/models"))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        show_ids(field_at(answer, "data"), "id");
    else
        show_models(field_at(answer, "data"));
    return true;
}
