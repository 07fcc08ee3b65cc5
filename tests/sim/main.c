// spool-sim: vendors that run on this machine.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/google.h"
#include "tests/sim/jobs.h"
#include "tests/sim/sim.h"

enum { EXIT_USAGE = 2, MAX_BODY_BYTES = 64 * 1024 * 1024 };

static const char usage[] =
    "usage: spool-sim [--listen HOST:PORT] [--speed FACTOR] [--secret SECRET]\n"
    "\n"
    "  --listen HOST:PORT  default 127.0.0.1:8090; port 0 picks a free one\n"
    "  --speed FACTOR      2 is twice as fast; 0 finishes everything at once; default 1\n"
    "  --secret SECRET     what clients send as mj-api-secret, x-goog-api-key or Bearer, and\n"
    "                      Kling's secret key of the access key sim-access; default sim-secret\n"
    "  --help, --version\n";

struct arguments {
    char host[256];
    int port;
    double speed;
    const char *secret;
};

static bool read_listen(const char *text, struct arguments *arguments)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    char *end;
    long port;

    if (len == 0 || len >= sizeof arguments->host || colon[1] == '\0')
        return false;
    port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || port < 0 || port > 65535)
        return false;
    memcpy(arguments->host, text, len);
    arguments->host[len] = '\0';
    arguments->port = (int)port;
    return true;
}

static bool read_speed(const char *text, struct arguments *arguments)
{
    char *end;

    arguments->speed = strtod(text, &end);
    return end != text && *end == '\0' && arguments->speed >= 0 && arguments->speed <= 1e6;
}

// Ends the program for --help, for --version and for arguments that it doesn't understand.
static void read_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool is_fine = value != NULL;

        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("spool-sim " SPOOL_VERSION);
            exit(EXIT_SUCCESS);
        } else if (strcmp(argv[i], "--listen") == 0) {
            is_fine = is_fine && read_listen(value, arguments);
        } else if (strcmp(argv[i], "--speed") == 0) {
            is_fine = is_fine && read_speed(value, arguments);
        } else if (strcmp(argv[i], "--secret") == 0) {
            arguments->secret = value;
        } else {
            is_fine = false;
        }
        if (!is_fine) {
            fprintf(stderr, "spool-sim: %s isn't understood\n%s", argv[i], usage);
            exit(EXIT_USAGE);
        }
    }
}

static const struct sim_vendor *const vendors[] = {
#define X(vendor) &sim_##vendor,
    SIM_VENDORS(X)
#undef X
};

const struct sim_vendor *sim_vendor_at(size_t index)
{
    return index < sizeof vendors / sizeof vendors[0] ? vendors[index] : NULL;
}

static size_t index_of(const struct sim_vendor *vendor)
{
    size_t i = 0;

    while (vendors[i] != vendor)
        i++;
    return i;
}

void *sim_own(const struct sim *sim, const struct sim_vendor *vendor)
{
    return sim->own[index_of(vendor)];
}

static void start_vendors(struct sim *sim)
{
    const struct sim_vendor *vendor;

    sim->own = mem_array(void *, sizeof vendors / sizeof vendors[0]);
    for (size_t i = 0; (vendor = sim_vendor_at(i)) != NULL; i++)
        sim->own[i] = vendor->start == NULL ? NULL : vendor->start(sim);
}

static void end_vendors(struct sim *sim)
{
    const struct sim_vendor *vendor;

    for (size_t i = 0; (vendor = sim_vendor_at(i)) != NULL; i++)
        if (vendor->end != NULL)
            vendor->end(sim->own[i]);
    free(sim->own);
}

static bool (*const handlers[])(struct sim *sim, struct http_exchange *exchange) = {
    google_handle,
    files_handle,
    hooks_handle,
    reports_handle,
};

static void on_request(void *ctx, struct http_exchange *exchange)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i](ctx, exchange))
            return;
    for (size_t i = 0; sim_vendor_at(i) != NULL; i++)
        if (sim_vendor_at(i)->handle(ctx, exchange))
            return;
    http_exchange_answer_json(exchange, 404,
                              "{\"code\":3,\"description\":\"there is no such path\"}");
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    loop_stop(signal->data);
}

static void stop_on(struct loop *loop, uv_signal_t *signal, int number)
{
    uv_signal_init(loop_uv(loop), signal);
    signal->data = loop;
    uv_signal_start(signal, on_signal, number);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {"127.0.0.1", 8090, 1, "sim-secret"};
    struct http_server_options options = {.max_body_bytes = MAX_BODY_BYTES};
    struct sim sim = {0};
    struct http_server *server;
    uv_signal_t terminate, interrupt;
    const char *host;
    struct err err;

    read_arguments(argc, argv, &arguments);
    signal(SIGPIPE, SIG_IGN);
    sim.loop = loop_new();
    sim.speed = arguments.speed;
    sim.secret = arguments.secret;
    start_vendors(&sim);
    sim.jobs = jobs_new(sim.speed, sim.base_url);
    sim.callbacks = callbacks_new(&sim);
    sim.google = google_new();
    sim.hooks = hooks_new();
    options.host = arguments.host;
    options.port = arguments.port;
    options.on_request = on_request;
    options.ctx = &sim;
    server = http_server_start(sim.loop, &options, &err);
    if (server == NULL) {
        fprintf(stderr, "spool-sim: %s\n", err.message);
        return EXIT_FAILURE;
    }
    host = strcmp(arguments.host, "0.0.0.0") == 0 ? "127.0.0.1" : arguments.host;
    snprintf(sim.base_url, sizeof sim.base_url, "http://%s:%d", host, http_server_port(server));
    printf("spool-sim: listening on %s\n", sim.base_url);
    fflush(stdout);

    stop_on(sim.loop, &terminate, SIGTERM);
    stop_on(sim.loop, &interrupt, SIGINT);
    loop_run(sim.loop);
    uv_close((uv_handle_t *)&terminate, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
    http_server_drop(&server);
    callbacks_drop(&sim.callbacks);
    if (!loop_free(sim.loop))
        return EXIT_FAILURE;
    end_vendors(&sim);
    jobs_free(sim.jobs);
    google_free(sim.google);
    hooks_free(sim.hooks);
    return EXIT_SUCCESS;
}
