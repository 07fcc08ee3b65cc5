// A receiver of webhooks for whoever builds one: says what comes, and whether its signature is
// right. The only verb that runs a loop, since the strict HTTP reader is on one.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/loop/loop.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_signature.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"

enum { USUAL_PORT = 8088, BODY_BYTES_MAX = 16 << 20, TOLERANCE_S = 300 };

struct listen {
    struct cli *cli;
    struct loop *loop;
    struct buf key;         // empty: nothing is checked
    uv_signal_t signals[2]; // until the loop is freed
};

// What becomes of a signature; all but the first two are answered with 401.
enum verdict { RIGHT, UNCHECKED, MISSING, WRONG, STALE };

static const char *const verdicts[] = {
    [RIGHT] = "ok",    [UNCHECKED] = "unchecked", [MISSING] = "missing",
    [WRONG] = "wrong", [STALE] = "stale",
};

// One that was captured and comes again later is right, and refused all the same.
static bool is_stale(const char *timestamp)
{
    char *end;
    long long seconds = strtoll(timestamp, &end, 10);
    long long now = clock_wall_ms() / 1000;

    return *end != '\0' || end == timestamp || seconds < now - TOLERANCE_S ||
           seconds > now + TOLERANCE_S;
}

static enum verdict judge(const struct listen *listen, const struct cli_signed *message)
{
    if (listen->key.len == 0)
        return UNCHECKED;
    if (message->signature == NULL || message->id == NULL || message->timestamp == NULL)
        return MISSING;
    if (!cli_signature_fits(&listen->key, message))
        return WRONG;
    return is_stale(message->timestamp) ? STALE : RIGHT;
}

static void say_json(const char *path, const struct cli_signed *message, enum verdict verdict)
{
    json_t *body = json_loadb(message->body, message->len, JSON_DECODE_ANY, NULL);
    json_auto_t *hook = NULL;

    if (body == NULL)
        body = json_stringn(message->body, message->len);
    hook = json_pack("{s:I,s:s,s:s?,s:s?,s:s,s:o?}", "at", (json_int_t)clock_wall_ms(), "path",
                     path, "id", message->id, "timestamp", message->timestamp, "signature",
                     verdicts[verdict], "body", body);
    if (hook != NULL)
        cli_show_json(hook);
}

static void say_text(const char *path, const struct cli_signed *message, enum verdict verdict)
{
    struct cli_screen screen = cli_text_screen(stdout);
    struct buf line = {0}, clean = {0}, body = {0};

    cli_show_time(&line, clock_wall_ms());
    buf_fmt(&line, "  %s  ", path);
    cli_text_clean(&clean, line.data);
    buf_str(&clean, "signature ");
    cli_text_colour(&clean, verdicts[verdict],
                    verdict == RIGHT       ? CLI_GREEN
                    : verdict == UNCHECKED ? CLI_DIM
                                           : CLI_RED,
                    &screen);
    buf_str(&clean, "  ");
    cli_text_clean(&clean, message->id == NULL ? "without an id" : message->id);
    buf_add(&body, message->body, message->len);
    buf_str(&clean, "\n  ");
    cli_text_clean(&clean, buf_text(&body));
    puts(clean.data);
    buf_clear(&line);
    buf_clear(&clean);
    buf_clear(&body);
}

static void on_request(void *ctx, struct http_exchange *exchange)
{
    struct listen *listen = ctx;
    struct cli_signed message = {
        .id = http_exchange_header(exchange, "webhook-id"),
        .timestamp = http_exchange_header(exchange, "webhook-timestamp"),
        .signature = http_exchange_header(exchange, "webhook-signature"),
    };
    const char *path = http_exchange_path(exchange);
    enum verdict verdict;

    message.body = http_exchange_body(exchange, &message.len);
    verdict = judge(listen, &message);
    if (listen->cli->output == CLI_JSON)
        say_json(path, &message, verdict);
    else if (listen->cli->output == CLI_IDS)
        puts(message.id == NULL ? "" : message.id);
    else
        say_text(path, &message, verdict);
    if (fflush(stdout) != 0) // nobody reads us any more
        loop_stop(listen->loop);
    http_exchange_answer_json(exchange, verdict <= UNCHECKED ? 200 : 401, "{}");
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    loop_stop(signal->data);
}

static void say_ready(const struct listen *listen, int port)
{
    fprintf(listen->cli->output == CLI_TABLE ? stdout : stderr,
            "spool: listening on http://127.0.0.1:%d%s\n", port,
            listen->key.len > 0 ? "" : "; without --secret no signature is checked");
    fflush(stdout);
}

static bool run(struct listen *listen, int port, struct err *err)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    struct http_server_options options = {.host = "127.0.0.1",
                                          .port = port,
                                          .max_body_bytes = BODY_BYTES_MAX,
                                          .on_request = on_request,
                                          .ctx = listen};
    struct http_server *server = http_server_start(listen->loop, &options, err);

    if (server == NULL)
        return err_wrap(err, "hooks listen");
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop_uv(listen->loop), &listen->signals[i]);
        listen->signals[i].data = listen->loop;
        uv_signal_start(&listen->signals[i], on_signal, numbers[i]);
    }
    say_ready(listen, http_server_port(server));
    loop_run(listen->loop);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&listen->signals[i], NULL);
    http_server_drop(&server);
    return true;
}

bool cli_listen_verb(struct cli *cli, struct err *err)
{
    struct listen listen = {.cli = cli};
    const char *secret = cli->command->values[CLI_SECRET];
    int64_t port = USUAL_PORT;
    bool ok = cli_command_number(cli->command, CLI_PORT, 0, 65535, &port, err) &&
              (secret == NULL || cli_signature_key(secret, &listen.key, err));

    if (ok) {
        log_threshold = LOG_NOTHING; // what comes is said by us
        signal(SIGPIPE, SIG_IGN);
        listen.loop = loop_new();
        ok = run(&listen, (int)port, err);
        if (!loop_free(listen.loop) && ok)
            ok = err_set(err, ERR_INTERNAL, "a loop had handles left over");
    }
    buf_clear(&listen.key);
    return ok;
}
