// Webhooks: what was delivered, once more where it wasn't, and the secret's business.
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_signature.h"
#include "scheduler/cli/cli_table.h"
#include "scheduler/cli/cli_task.h"
#include "scheduler/cli/cli_verb.h"

enum { MESSAGE_BYTES_MAX = 64 << 20 };

// What was delivered. Those of one task are without its name, those of all have it.

static void add_delivery(struct cli_table *table, const json_t *delivery)
{
    struct buf text = {0};
    int64_t status = field_int_or(delivery, "http_status", 0);

    cli_table_add(table, field_str_or_empty(delivery, "task"));
    cli_table_fmt(table, "%lld", (long long)field_int_or(delivery, "n", 0));
    cli_table_add(table, field_str_or_empty(delivery, "host"));
    cli_table_add(table, field_str_or_empty(delivery, "status_word"));
    cli_table_add(table, field_str_or_empty(delivery, "status"));
    cli_table_fmt(table, "%lld", (long long)field_int_or(delivery, "attempts", 0));
    if (status > 0)
        buf_int(&text, status);
    cli_table_add(table, buf_text(&text));
    buf_reset(&text);
    cli_show_time(&text, field_int_or(delivery, "last_attempt_at", 0));
    cli_table_add(table, buf_text(&text));
    buf_reset(&text);
    if (field_int_or(delivery, "attempts", 0) > 0 && field_at(delivery, "took_ms") != NULL)
        cli_show_span(&text, field_int_or(delivery, "took_ms", 0));
    cli_table_add(table, buf_text(&text));
    cli_table_add(table, field_str_or_empty(delivery, "error"));
    buf_clear(&text);
}

static void show_deliveries(const json_t *deliveries)
{
    static const struct cli_column columns[] = {
        {"TASK", 0, 0, false, false},
        {"N", 0, 0, true, false},
        {"HOST", 10, 4, false, false},
        {"SAID", 0, 3, false, false},
        {"DELIVERY", 0, 0, false, true},
        {"ATTEMPTS", 0, 2, true, false},
        {"HTTP", 0, 1, true, false},
        {"LAST", 0, 6, false, false},
        {"TOOK", 0, 7, true, false},
        {"ERROR", 12, 5, false, false},
        {0},
    };
    struct cli_table *table = cli_table_new(columns);
    const json_t *delivery;
    size_t i;

    json_array_foreach((json_t *)deliveries, i, delivery) add_delivery(table, delivery);
    cli_table_print(table);
    cli_table_free(table);
}

static void show_numbers(const json_t *deliveries)
{
    const json_t *delivery;
    size_t i;

    json_array_foreach((json_t *)deliveries, i, delivery)
    {
        const char *task = field_str_or_empty(delivery, "task");

        printf("%s%s%lld\n", task, *task == '\0' ? "" : " ",
               (long long)field_int_or(delivery, "n", 0));
    }
}

static void show_answer(const struct cli *cli, const json_t *answer)
{
    const json_t *deliveries = field_at(answer, "data");

    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        show_numbers(deliveries);
    else if (json_array_size(deliveries) == 0)
        fputs("There are none.\n", stderr);
    else
        show_deliveries(deliveries);
}

static json_t *ask_deliveries(struct cli *cli, const char *id, struct err *err)
{
    struct http_request request = {0};
    json_t *answer = NULL;

    if (http_get(&request, cli_http_url(cli->http), err, "/v1/tasks/%s/deliveries", id))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        cli_task_explain(id, err);
    return answer;
}

bool cli_hooks_list(struct cli *cli, struct err *err)
{
    json_auto_t *answer = ask_deliveries(cli, cli->command->words[0], err);

    if (answer == NULL)
        return false;
    show_answer(cli, answer);
    return true;
}

// Once more.

// The newest is what the receiver must know. 0: there is none.
static int64_t newest(const json_t *answer)
{
    const json_t *delivery;
    int64_t number = 0;
    size_t i;

    json_array_foreach(field_at(answer, "data"), i, delivery)
    {
        int64_t n = field_int_or(delivery, "n", 0);

        number = n > number ? n : number;
    }
    return number;
}

static bool read_number(const struct cli_command *command, int64_t *number, struct err *err)
{
    const char *text = command->word_count > 1 ? command->words[1] : NULL;
    char *end;

    if (text == NULL)
        return true;
    *number = strtoll(text, &end, 10);
    return (isdigit((unsigned char)*text) && *end == '\0' && *number > 0 && *number <= INT32_MAX) ||
           err_set(err, ERR_CONFIG,
                   "\"%.40s\" is no number of a delivery: \"spool hooks list %.40s\" "
                   "shows them",
                   text, command->words[0]);
}

bool cli_hooks_redeliver(struct cli *cli, struct err *err)
{
    const char *id = cli->command->words[0];
    json_auto_t *deliveries = NULL, *answer = NULL;
    struct http_request request = {0};
    int64_t number = 0;

    if (!read_number(cli->command, &number, err))
        return false;
    deliveries = ask_deliveries(cli, id, err);
    if (deliveries == NULL)
        return false;
    number = number == 0 ? newest(deliveries) : number;
    if (number == 0)
        return err_set(err, ERR_NOT_FOUND, "%.40s has no webhooks: its submit named no receiver",
                       id);
    if (http_post_json(&request, cli_http_url(cli->http), json_object(), err,
                       "/v1/tasks/%s/deliveries/%d/redeliver", id, (int)number))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL && err->code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "%.40s has no delivery %lld: \"spool hooks list %.40s\" shows them", id,
                       (long long)number, id);
    if (answer == NULL)
        return cli_task_explain(id, err);
    if (cli->output == CLI_JSON)
        cli_show_json(answer);
    else if (cli->output == CLI_IDS)
        printf("%lld\n", (long long)number);
    else
        printf("%s  delivery %lld is sent again\n", id, (long long)number);
    return true;
}

// Of all keys: an operator's.

static bool read_since(const struct cli *cli, int64_t *since_ms, struct err *err)
{
    return cli_command_time(cli->command, CLI_SINCE, clock_wall_ms(), since_ms, err);
}

static bool redeliver_exhausted(struct cli *cli, int64_t since_ms, struct err *err)
{
    json_t *filter =
        json_pack("{s:s,s:s*}", "status", "exhausted", "host", cli->command->values[CLI_HOST]);
    struct http_request request = {0};
    json_auto_t *answer = NULL;

    if (since_ms > 0)
        json_object_set_new(filter, "since", json_integer(since_ms));
    if (http_post_json(&request, cli_http_url(cli->http), filter, err,
                       "/admin/v1/deliveries/redeliver"))
        answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        return cli_http_explain_admin(cli->http, err);
    if (cli->output == CLI_TABLE)
        printf("%lld are sent again\n", (long long)field_int_or(answer, "count", 0));
    else if (cli->output == CLI_JSON)
        cli_show_json(answer); // which they are isn't told: there are no ids
    return true;
}

bool cli_hooks_exhausted(struct cli *cli, struct err *err)
{
    const char *host = cli->command->values[CLI_HOST];
    struct http_request request = {0};
    json_auto_t *answer = NULL;
    struct buf url = {0};
    int64_t since_ms = 0;

    if (!read_since(cli, &since_ms, err))
        return false;
    if (cli->command->values[CLI_REDELIVER] != NULL)
        return redeliver_exhausted(cli, since_ms, err);
    buf_fmt(&url, "%s/admin/v1/deliveries?status=exhausted", cli_http_url(cli->http));
    if (host != NULL) {
        buf_str(&url, "&host=");
        buf_percent(&url, host);
    }
    if (since_ms > 0)
        buf_fmt(&url, "&since=%lld", (long long)since_ms);
    request.url = buf_take(&url);
    answer = cli_http_ask(cli->http, &request, err);
    if (answer == NULL)
        return cli_http_explain_admin(cli->http, err);
    show_answer(cli, answer);
    return true;
}

// The secret's business.

bool cli_hooks_secret(struct cli *cli, struct err *err)
{
    struct buf secret = {0};

    (void)cli;
    (void)err;
    cli_signature_make_secret(&secret);
    puts(secret.data);
    buf_clear(&secret);
    return true;
}

static bool read_message(const char *name, struct buf *text, struct err *err)
{
    bool is_stdin = strcmp(name, "-") == 0, ok;
    FILE *file = is_stdin ? stdin : fopen(name, "r");
    char piece[16384];
    size_t got;

    if (file == NULL)
        return err_set(err, ERR_CONFIG, "%.180s: %s", name, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text->len < MESSAGE_BYTES_MAX)
        buf_add(text, piece, got);
    ok = !ferror(file) && feof(file);
    if (!ok)
        err_set(err, ERR_CONFIG, "%.180s: %s", name,
                ferror(file) ? strerror(errno) : "is too large for a webhook");
    if (!is_stdin)
        fclose(file);
    return ok;
}

bool cli_hooks_verify(struct cli *cli, struct err *err)
{
    static const enum cli_option needed[] = {CLI_SECRET, CLI_ID, CLI_TIMESTAMP, CLI_SIGNATURE};
    const char *const *values = cli->command->values;
    struct cli_signed message = {.id = values[CLI_ID],
                                 .timestamp = values[CLI_TIMESTAMP],
                                 .signature = values[CLI_SIGNATURE]};
    struct buf key = {0}, text = {0};
    bool ok;

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (values[needed[i]] == NULL)
            return err_set(err, ERR_CONFIG, "hooks verify needs --%s: %s",
                           cli_options[needed[i]].name, cli_options[needed[i]].about);
    ok = cli_signature_key(values[CLI_SECRET], &key, err) &&
         read_message(cli->command->words[0], &text, err);
    message.body = buf_text(&text);
    message.len = text.len;
    if (ok && !cli_signature_fits(&key, &message))
        ok = err_set(
            err, ERR_REFUSED,
            "the signature isn't that of this secret, id, timestamp and body, byte by byte");
    if (ok)
        puts("The signature is right.");
    buf_clear(&key);
    buf_clear(&text);
    return ok;
}
