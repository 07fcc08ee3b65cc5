// What an operator does: looks at the whole, at accounts, and helps tasks on.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static json_t *ask(struct cli *cli, const char *path, struct err *err)
{
    struct http_request request = {0};
    json_t *answer = NULL;

    if (http_get(&request, cli_http_url(cli->http), err, path))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        cli_http_explain_admin(cli->http, err);
    return answer;
}

// Accounts.

// Why it is in its state: for how long it rests, what its vendor said.
static void write_why(const json_t *account, struct buf *to)
{
    int64_t until_ms = field_int_or(account, "cooling_until", 0) - clock_wall_ms();

    if (until_ms > 0) {
        buf_str(to, "for ");
        cli_show_span(to, until_ms);
    }
    cli_show_join(to, field_str_or_empty(account, "out"));
}

static void add_number(struct cli_table *table, const json_t *item, const char *name)
{
    const json_t *value = field_at(item, name);

    if (json_is_integer(value))
        cli_table_fmt(table, "%lld", (long long)json_integer_value(value));
    else
        cli_table_add(table, NULL);
}

// How long ago a time was; nothing where there is none.
static void add_age(struct cli_table *table, const json_t *item, const char *name)
{
    int64_t at_ms = field_int_or(item, name, 0);
    struct buf text = {0};

    if (at_ms > 0) // another machine's clock may be a little ahead
        cli_show_span(&text, clock_wall_ms() > at_ms ? clock_wall_ms() - at_ms : 0);
    cli_table_add(table, buf_text(&text));
    buf_clear(&text);
}

static void write_accounts(const json_t *accounts, const struct cli_screen *screen, struct buf *to)
{
    static const struct cli_column columns[] = {
        {"ACCOUNT", 8, 0, false, false},
        {"PROVIDER", 0, 3, false, false},
        {"DIALECT", 0, 6, false, false},
        {"STATE", 0, 0, false, true},
        {"SLOTS", 0, 1, true, false},
        {"IN FLIGHT", 0, 4, true, false},
        {"PER MINUTE", 0, 5, true, false},
        {"WHY", 12, 2, false, false},
        {0},
    };
    struct cli_table *table = cli_table_new(columns);
    const json_t *account;
    size_t i;

    json_array_foreach((json_t *)accounts, i, account)
    {
        int64_t limit = field_int_or(account, "slots_limit", 0);
        struct buf text = {0};

        cli_table_add(table, field_str_or_empty(account, "name"));
        cli_table_add(table, field_str_or_empty(account, "provider"));
        cli_table_add(table, field_str_or_empty(account, "dialect"));
        cli_table_add(table, field_str_or_empty(account, "state"));
        buf_int(&text, field_int_or(account, "slots_used", 0));
        if (limit > 0)
            buf_fmt(&text, "/%lld", (long long)limit);
        cli_table_add(table, text.data);
        add_number(table, account, "in_flight");
        add_number(table, account, "requests_per_minute");
        buf_reset(&text);
        write_why(account, &text);
        cli_table_add(table, buf_text(&text));
        buf_clear(&text);
    }
    cli_table_write(table, screen, to);
    cli_table_free(table);
}

static void show_names(const json_t *items)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)items, i, item) puts(field_str_or_empty(item, "name"));
}

bool cli_operator_accounts(struct cli *cli, struct err *err)
{
    struct cli_screen screen = cli_text_screen(stdout);
    json_auto_t *answer = ask(cli, "/admin/v1/accounts", err);
    struct buf text = {0};

    if (answer == NULL)
        return false;
    if (cli->output == CLI_JSON) {
        cli_show_json(answer);
    } else if (cli->output == CLI_IDS) {
        show_names(field_at(answer, "data"));
    } else {
        write_accounts(field_at(answer, "data"), &screen, &text);
        fputs(buf_text(&text), stdout);
    }
    buf_clear(&text);
    return true;
}

// As names of accounts are; another would make another path.
static bool is_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static json_t *tell_account(struct cli *cli, const char *what, struct err *err)
{
    const char *name = cli->command->words[0];
    struct http_request request = {0};
    json_t *answer = NULL;

    err_set(err, ERR_NOT_FOUND, "no such account");
    if (is_name(name) && http_post_json(&request, cli_http_url(cli->http), json_object(), err,
                                        "/admin/v1/accounts/%s/%s", name, what))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL && !cli_http_explain_admin(cli->http, err) && err->code == ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND,
                "there is no account \"%.80s\": \"spool accounts ls\" lists them", name);
    return answer;
}

static bool change_account(struct cli *cli, const char *what, const char *said, struct err *err)
{
    json_auto_t *answer = tell_account(cli, what, err);

    if (answer == NULL)
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        puts(cli->command->words[0]);
    else
        printf("%s  %s\n", cli->command->words[0], said);
    return true;
}

bool cli_operator_disable(struct cli *cli, struct err *err)
{
    return change_account(cli, "disable", "is disabled; what it runs finishes", err);
}

bool cli_operator_enable(struct cli *cli, struct err *err)
{
    return change_account(cli, "enable", "is enabled", err);
}

// "account-1  bad_key: Invalid token (HTTP 401, 0.1 s)"
static void show_test(const char *name, const json_t *answer)
{
    int64_t status = field_int_or(answer, "http_status", 0);
    struct buf text = {0}, clean = {0};

    buf_fmt(&text, "%s  %s", name, field_str_or_empty(answer, "state"));
    if (*field_str_or_empty(answer, "message") != '\0')
        buf_fmt(&text, ": %s", field_str_or_empty(answer, "message"));
    buf_str(&text, " (");
    if (status > 0)
        buf_fmt(&text, "HTTP %lld, ", (long long)status);
    cli_show_span(&text, field_int_or(answer, "took_ms", 0));
    buf_char(&text, ')');
    cli_text_clean(&clean, text.data);
    puts(clean.data);
    buf_clear(&text);
    buf_clear(&clean);
}

bool cli_operator_test(struct cli *cli, struct err *err)
{
    const char *name = cli->command->words[0];
    json_auto_t *answer = tell_account(cli, "test", err);

    if (answer == NULL)
        return false;
    cli->status = json_is_true(field_at(answer, "ok")) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        puts(name);
    else
        show_test(name, answer);
    return true;
}

// Helping a task on.

bool cli_operator_resolve(struct cli *cli, struct err *err)
{
    const char *id = cli->command->words[0], *what = cli->command->values[CLI_DO];
    const char *upstream_id = cli->command->values[CLI_UPSTREAM_ID];
    struct http_request request = {0};
    json_auto_t *task = NULL;

    if (what == NULL)
        return err_set(err, ERR_CONFIG, "resolve needs --do adopt, archive or resubmit");
    if (upstream_id != NULL && strcmp(what, "adopt") != 0)
        return err_set(err, ERR_CONFIG,
                       "--upstream-id, the vendor's id of the job, goes with --do adopt alone");
    if (http_post_json(&request, cli_http_url(cli->http),
                       json_pack("{s:s,s:s*}", "do", what, "upstream_id", upstream_id), err,
                       "/admin/v1/tasks/%s/resolve", id))
        task = cli_http_ask(cli->http, &request, err);
    if (task == NULL)
        return cli_task_explain(id, err) || cli_http_explain_admin(cli->http, err);
    if (cli->output == CLI_JSON)
        cli_show_json(task);
    else if (cli->output == CLI_IDS)
        puts(id);
    else
        printf("%s  goes on: \"spool watch %s\" follows it\n", id, id);
    return true;
}

// The whole.

static void write_lanes(const json_t *providers, const struct cli_screen *screen, struct buf *to)
{
    static const struct cli_column columns[] = {{"WAITS FOR", 12, 0, false, false},
                                                {"TASKS", 0, 0, true, false},
                                                {"OLDEST", 0, 1, true, false},
                                                {0}};
    struct cli_table *table = cli_table_new(columns);
    const json_t *provider, *lane;
    size_t i, k;

    json_array_foreach((json_t *)providers, i, provider)
    {
        cli_table_add(table, field_str_or_empty(provider, "provider"));
        add_number(table, provider, "waiting");
        add_age(table, provider, "oldest_at");
        json_array_foreach(field_at(provider, "lanes"), k, lane)
        {
            cli_table_fmt(table, "  %s", field_str_or_empty(lane, "lane"));
            add_number(table, lane, "waiting");
            add_age(table, lane, "oldest_at");
        }
    }
    cli_table_write(table, screen, to);
    cli_table_free(table);
}

static void write_roles(const json_t *roles, struct buf *to)
{
    const json_t *role;
    size_t i;

    json_array_foreach((json_t *)roles, i, role)
        buf_fmt(to, "%s%s", i == 0 ? "" : ",", field_str_or_empty(role, "role"));
}

static void write_processes(const json_t *processes, const struct cli_screen *screen,
                            struct buf *to)
{
    static const struct cli_column columns[] = {
        {"HOST", 8, 0, false, false},   {"PID", 0, 0, true, false},
        {"ROLES", 3, 2, false, false},  {"VERSION", 0, 4, false, false},
        {"UP", 0, 3, true, false},      {"LAST BEAT", 0, 1, true, false},
        {"IN HAND", 0, 0, true, false}, {0},
    };
    struct cli_table *table = cli_table_new(columns);
    const json_t *process;
    size_t i;

    json_array_foreach((json_t *)processes, i, process)
    {
        struct buf roles = {0};

        write_roles(field_at(process, "roles"), &roles);
        cli_table_add(table, field_str_or_empty(process, "host"));
        add_number(table, process, "pid");
        cli_table_add(table, buf_text(&roles));
        cli_table_add(table, field_str_or_empty(process, "version"));
        add_age(table, process, "started_at");
        add_age(table, process, "beat_at");
        add_number(table, process, "in_hand");
        buf_clear(&roles);
    }
    cli_table_write(table, screen, to);
    cli_table_free(table);
}

// Receivers, with how much is on its way to each, or was given up.
static void write_hosts(const json_t *hosts, const char *title, const struct cli_screen *screen,
                        struct buf *to)
{
    const struct cli_column columns[] = {
        {title, 12, 0, false, false}, {"WEBHOOKS", 0, 0, true, false}, {0}};
    struct cli_table *table = cli_table_new(columns);
    const json_t *host;
    size_t i;

    json_array_foreach((json_t *)hosts, i, host)
    {
        cli_table_add(table, field_str_or_empty(host, "host"));
        add_number(table, host, "count");
    }
    cli_table_write(table, screen, to);
    cli_table_free(table);
}

static void write_waiting(const json_t *hosts, const struct cli_screen *screen, struct buf *to)
{
    write_hosts(hosts, "ON THE WAY TO", screen, to);
}

static void write_exhausted(const json_t *hosts, const struct cli_screen *screen, struct buf *to)
{
    write_hosts(hosts, "NOT TAKEN BY", screen, to);
}

static void write_redis(const json_t *redis, const struct cli_screen *screen, struct buf *to)
{
    bool is_up = json_is_true(field_at(redis, "up"));
    int64_t bytes = field_int_or(redis, "memory_bytes", 0);

    buf_str(to, "Redis is ");
    cli_text_colour(to, is_up ? "up" : "down", is_up ? CLI_GREEN : CLI_RED, screen);
    if (bytes > 0) {
        buf_str(to, ", ");
        cli_show_bytes(to, bytes);
    }
    cli_show_join(to, field_str_or_empty(redis, "persistence"));
    if (json_is_false(field_at(redis, "persistence_ok"))) {
        buf_str(to, ", ");
        cli_text_colour(to, "its disk fails", CLI_RED, screen);
    }
    buf_char(to, '\n');
}

static void write_storage(const json_t *storage, const struct cli_screen *screen, struct buf *to)
{
    bool is_ok = !json_is_false(field_at(storage, "ok"));

    buf_str(to, "The storage ");
    cli_text_clean(to, field_str_or_empty(storage, "url"));
    buf_char(to, ' ');
    cli_text_colour(to, is_ok ? "takes files" : "fails", is_ok ? CLI_GREEN : CLI_RED, screen);
    if (!is_ok) {
        buf_str(to, ": ");
        cli_text_clean(to, field_str_or_empty(storage, "trouble"));
    }
    buf_char(to, '\n');
}

static void write_title(const struct cli *cli, const struct cli_screen *screen, struct buf *to)
{
    struct buf title = {0};

    cli_show_time(&title, clock_wall_ms());
    buf_fmt(&title, "  %s", cli_http_url(cli->http));
    cli_text_cut(to, title.data, screen->width == 0 ? UINT_MAX : screen->width, screen->is_utf8);
    buf_char(to, '\n');
    buf_clear(&title);
}

static void write_overview(const struct cli *cli, const json_t *overview,
                           const struct cli_screen *screen, struct buf *to)
{
    static const struct {
        const char *name;
        void (*write)(const json_t *list, const struct cli_screen *screen, struct buf *to);
    } lists[] = {{"queue", write_lanes},
                 {"accounts", write_accounts},
                 {"processes", write_processes},
                 {"deliveries.waiting", write_waiting},
                 {"deliveries.exhausted", write_exhausted}};

    write_title(cli, screen, to);
    write_redis(field_at(overview, "redis"), screen, to);
    write_storage(field_at(overview, "storage"), screen, to);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (json_array_size(field_at(overview, lists[i].name)) == 0)
            continue;
        buf_char(to, '\n');
        lists[i].write(field_at(overview, lists[i].name), screen, to);
    }
}

// In place of what was there, and not more than there is room for.
static void draw(const struct buf *text, const struct cli_screen *screen)
{
    const char *line = buf_text(text);

    fputs("\033[H", stdout);
    for (unsigned i = 1; *line != '\0' && i < screen->height; i++) {
        size_t len = strcspn(line, "\n");

        printf("%.*s\033[K\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

// Until somebody ends it. A Spool that is started anew is waited for.
static bool draw_for_ever(struct cli *cli, struct err *err)
{
    for (bool was_there = false;; was_there = true) {
        struct cli_screen screen = cli_text_screen(stdout);
        json_auto_t *overview = ask(cli, "/admin/v1/overview", err);
        struct buf text = {0};

        if (overview == NULL && (!was_there || err->code == ERR_AUTH))
            return false;
        if (overview == NULL)
            cli_text_clean(&text, err->message);
        else
            write_overview(cli, overview, &screen, &text);
        draw(&text, &screen);
        buf_clear(&text);
        sleep(1);
    }
}

bool cli_operator_top(struct cli *cli, struct err *err)
{
    struct cli_screen screen = cli_text_screen(stdout);
    json_auto_t *overview = NULL;
    struct buf text = {0};

    if (screen.is_terminal && cli->output == CLI_TABLE)
        return draw_for_ever(cli, err);
    overview = ask(cli, "/admin/v1/overview", err);
    if (overview == NULL)
        return false;
    if (cli->output == CLI_JSON) {
        cli_show_json(overview);
    } else if (cli->output == CLI_IDS) {
        show_names(field_at(overview, "accounts"));
    } else {
        write_overview(cli, overview, &screen, &text);
        fputs(buf_text(&text), stdout);
    }
    buf_clear(&text);
    return true;
}
