// Everything at once for whoever tries Spool out: the simulator of the vendors, a Redis of Spool's
// own, and Spool. They end with us.
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/private.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_verb.h"

#define FOLDER "var/dev"
#define CONFIG_PATH "var/dev/spool.json"
#define USUAL_LISTEN "127.0.0.1:8080"
#define READY_WORDS "listening on "
enum {
    EXIT_USAGE = 2, // as all programs of ours have it
    START_MS = 30000,
    LOOK_MS = 50,
    END_LOOKS = 20,
    LINE_BYTES_MAX = 4096,
    LOG_TAIL_BYTES = 2000,
};

extern char **environ;

// A program that says on stdout where it listens, once it does.
struct program {
    const char *name;
    const char *log; // the file that its stderr goes to
    pid_t pid;       // 0: it doesn't run
    int out;         // its stdout; -1: none
    char url[128];
};

// "$" is where the simulator is.
static const char config_text[] =
    "{\n"
    "  \"data_dir\": \"" FOLDER
    "/data\",\n"
    "  \"tokens\": [{ \"name\": \"dev\", \"key\": \"sk-dev\", \"admin\": true }],\n"
    "  \"webhook\": { \"allow_private_networks\": true },\n"
    "  \"accounts\": [\n"
    "    { \"name\": \"mj-1\", \"provider\": \"midjourney\", \"base_url\": \"$\",\n"
    "      \"api_key\": \"sim-secret\", \"poll_interval_ms\": 300 },\n"
    "    { \"name\": \"kling-1\", \"provider\": \"kling\", \"base_url\": \"$\",\n"
    "      \"access_key\": \"sim-access\", \"secret_key\": \"sim-secret\",\n"
    "      \"poll_interval_ms\": 300 },\n"
    "    { \"name\": \"suno-1\", \"provider\": \"suno\", \"base_url\": \"$\",\n"
    "      \"api_key\": \"sim-secret\", \"poll_interval_ms\": 300 },\n"
    "    { \"name\": \"veo-1\", \"provider\": \"veo\", \"dialect\": \"vertex\", \"base_url\": "
    "\"$\",\n"
    "      \"service_account_file\": \"" FOLDER
    "/service-account.json\",\n"
    "      \"models\": { \"veo-3.1\": \"veo-3.1-generate-001\" }, \"poll_interval_ms\": 300 },\n"
    "    { \"name\": \"ark-1\", \"provider\": \"seedance\", \"base_url\": \"$/api/v3\",\n"
    "      \"api_key\": \"sim-secret\", \"poll_interval_ms\": 300,\n"
    "      \"models\": { \"doubao-seedance-1-5-pro\": \"doubao-seedance-1-5-pro-251215\" } }\n"
    "  ]\n"
    "}\n";

// Finding the programs.

static bool is_program(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static bool find_in_path(const char *name, char path[PATH_MAX])
{
    const char *list = getenv("PATH");

    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ":");

        if (snprintf(path, PATH_MAX, "%.*s/%s", (int)len, list, name) < PATH_MAX && len > 0 &&
            is_program(path))
            return true;
        list += len + (list[len] == ':');
    }
    return false;
}

static bool find_self(char path[PATH_MAX], struct err *err)
{
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);

    path[len < 0 ? 0 : len] = '\0';
    return len > 0 || err_set(err, ERR_IO, "/proc/self/exe: %s", strerror(errno));
}

// Beside ourselves, where a build puts it, or where programs are.
static bool find_simulator(const char *self, char path[PATH_MAX], struct err *err)
{
    static const char *const places[] = {"spool-sim", "../tests/sim/spool-sim"};
    int len = (int)(strrchr(self, '/') - self);

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (snprintf(path, PATH_MAX, "%.*s/%s", len, self, places[i]) < PATH_MAX &&
            is_program(path))
            return true;
    return find_in_path("spool-sim", path) ||
           err_set(
               err, ERR_NOT_FOUND,
               "dev needs spool-sim, which is neither beside %.80s nor in PATH: \"cmake --build "
               "build\" makes both",
               self);
}

// Starting them.

// The child's side of the fork.
static void become(const char *const *words, int out, int log)
{
    sigset_t none;

    setpgid(0, 0); // an interrupt of the terminal is for us, and we tell the others
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // What configures another Spool isn't for this one.
    for (char **variable = environ; *variable != NULL;) {
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)strcspn(*variable, "="), *variable);
        if (strncmp(name, "SPOOL_", 6) == 0 && unsetenv(name) == 0)
            variable = environ;
        else
            variable++;
    }
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(words[0], (char *const *)words);
    _exit(127);
}

static bool fork_program(struct program *program, const char *const *words, struct err *err)
{
    int log = open(program->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), ends[2];

    if (log < 0)
        return err_set(err, ERR_CONFIG, "%s: %s", program->log, strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(log);
        return err_set(err, ERR_IO, "pipe: %s", strerror(errno));
    }
    program->pid = fork();
    if (program->pid == 0)
        become(words, ends[1], log);
    close(log);
    close(ends[1]);
    program->out = ends[0];
    return program->pid > 0 || err_set(err, ERR_IO, "fork: %s", strerror(errno));
}

// Whether it has, and how; it stays to be waited for.
static bool has_ended(const struct program *program, siginfo_t *how)
{
    *how = (siginfo_t){0};
    return waitid(P_PID, (id_t)program->pid, how, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           how->si_pid != 0;
}

// Its exit code says so, once it is there.
static bool is_wrong_use(const struct program *program)
{
    siginfo_t how;

    for (int i = 0; i < END_LOOKS && !has_ended(program, &how); i++)
        usleep(LOOK_MS * 1000);
    return has_ended(program, &how) && how.si_code == CLD_EXITED && how.si_status == EXIT_USAGE;
}

// The last line that it logged says why.
static bool explain(const struct program *program, struct err *err)
{
    char tail[LOG_TAIL_BYTES + 1] = "";
    FILE *file = fopen(program->log, "r");
    char *line = tail;

    if (file != NULL) {
        if (fseek(file, -LOG_TAIL_BYTES, SEEK_END) != 0)
            rewind(file);
        tail[fread(tail, 1, LOG_TAIL_BYTES, file)] = '\0';
        fclose(file);
    }
    while (*tail != '\0' && tail[strlen(tail) - 1] == '\n')
        tail[strlen(tail) - 1] = '\0';
    if (strrchr(tail, '\n') != NULL)
        line = strrchr(tail, '\n') + 1;
    line += strncmp(line, "spool: ", 7) == 0 ? 7 : 0;
    return err_set(err, is_wrong_use(program) ? ERR_CONFIG : ERR_IO, "%s didn't start: %.120s (%s)",
                   program->name, *line == '\0' ? "it says nothing" : line, program->log);
}

// Reads its stdout until it says where it listens.
static bool await_url(struct program *program, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + START_MS;
    char text[LINE_BYTES_MAX + 1] = "", *found;
    size_t len = 0;

    for (;;) {
        struct pollfd out = {.fd = program->out, .events = POLLIN};
        int64_t left_ms = until_ms - clock_mono_ms();
        ssize_t got;

        if (left_ms <= 0 || poll(&out, 1, (int)left_ms) <= 0 || len == LINE_BYTES_MAX)
            return explain(program, err);
        got = read(program->out, text + len, LINE_BYTES_MAX - len);
        if (got <= 0)
            return explain(program, err);
        len += (size_t)got;
        text[len] = '\0';
        found = strstr(text, READY_WORDS);
        if (found == NULL || strchr(found, '\n') == NULL)
            continue;
        found += strlen(READY_WORDS);
        snprintf(program->url, sizeof program->url, "%.*s", (int)strcspn(found, " \n"), found);
        return true;
    }
}

static bool start(struct program *program, const char *const *words, struct err *err)
{
    return fork_program(program, words, err) && await_url(program, err);
}

static void end(struct program *program)
{
    if (program->pid > 0) {
        kill(program->pid, SIGTERM);
        while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (program->out >= 0)
        close(program->out);
    program->pid = 0;
    program->out = -1;
}

// What they are given.

static bool write_file(const char *path, const char *text, struct err *err)
{
    FILE *file = fopen(path, "w");
    bool ok = file != NULL && fputs(text, file) >= 0;

    ok = file != NULL && fclose(file) == 0 && ok;
    return ok || err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
}

// The simulator's Google has a service account of its own.
static bool write_key(const char *sim_url, struct err *err)
{
    struct cli_http *http = cli_http_new(sim_url, NULL, err);
    struct http_request request = {0};
    json_auto_t *key = NULL;
    char *text;
    bool ok;

    if (http != NULL && http_get(&request, sim_url, err, "/sim/service-account.json"))
        key = cli_http_ask(http, &request, err);
    cli_http_free(http);
    if (key == NULL)
        return false;
    text = json_dumps(key, JSON_INDENT(2));
    ok = write_file(FOLDER "/service-account.json", text, err);
    free(text);
    return ok;
}

static bool write_config(const char *sim_url, struct err *err)
{
    struct buf text = {0};
    bool ok;

    for (const char *c = config_text; *c != '\0'; c++) {
        if (*c == '$')
            buf_str(&text, sim_url);
        else
            buf_char(&text, *c);
    }
    ok = write_file(CONFIG_PATH, text.data, err);
    buf_clear(&text);
    return ok;
}

static bool make_folder(struct err *err)
{
    return ((mkdir("var", 0700) == 0 || errno == EEXIST) &&
            (mkdir(FOLDER, 0700) == 0 || errno == EEXIST)) ||
           err_set(err, ERR_CONFIG, FOLDER ": %s", strerror(errno));
}

// Running.

static bool is_ready(const struct program *spool)
{
    struct cli_http *http;
    struct http_request request = {0};
    struct http_response response = {0};
    struct err err;
    bool ok;

    http = cli_http_new(spool->url, NULL, &err);
    ok = http != NULL && http_get(&request, spool->url, &err, "/readyz") &&
         cli_http_send(http, &request, &response, &err) && response.status == 200;
    http_response_clear(&response);
    cli_http_free(http);
    return ok;
}

static bool await_readiness(const struct program *spool, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + START_MS;
    siginfo_t how;

    while (!is_ready(spool)) {
        if (clock_mono_ms() > until_ms || has_ended(spool, &how))
            return explain(spool, err);
        usleep(LOOK_MS * 1000);
    }
    return true;
}

static void say_ready(const struct program *spool, const struct program *sim)
{
    bool is_usual = strcmp(spool->url, "http://" USUAL_LISTEN) == 0;

    printf("spool: " READY_WORDS
           "%s, with the key sk-dev; its vendors are simulated at %s\n"
           "\n"
           "Open %s/ in a browser, or another terminal:\n"
           "%s%s%s"
           "  spool submit midjourney -d '{\"prompt\":\"a red kite\"}' --watch\n"
           "  spool top\n"
           "Files and logs are in " FOLDER ". An interrupt (Ctrl-C) ends everything.\n",
           spool->url, sim->url, spool->url,
           is_usual ? "" : "  export SPOOL_URL=", is_usual ? "" : spool->url, is_usual ? "" : "\n");
    fflush(stdout);
}

// Until we are told to end, or one of them does by itself.
static bool stand_by(struct program *programs, size_t count, const sigset_t *signals,
                     struct err *err)
{
    for (;;) {
        int number = sigwaitinfo(signals, NULL);

        if (number == SIGINT || number == SIGTERM)
            return true;
        for (size_t i = 0; i < count; i++) {
            if (waitpid(programs[i].pid, NULL, WNOHANG) != programs[i].pid)
                continue;
            programs[i].pid = 0;
            return err_set(err, ERR_IO, "%s has ended by itself: %s says why", programs[i].name,
                           programs[i].log);
        }
    }
}

static bool run(const char *listen, struct program *sim, struct program *spool, struct err *err)
{
    char self[PATH_MAX], simulator[PATH_MAX];
    const char *const sim_words[] = {simulator, "--listen", "127.0.0.1:0", NULL};
    const char *const spool_words[] = {self, "serve", "-c", CONFIG_PATH, "--listen", listen, NULL};

    return find_self(self, err) && find_simulator(self, simulator, err) && make_folder(err) &&
           start(sim, sim_words, err) && write_key(sim->url, err) && write_config(sim->url, err) &&
           start(spool, spool_words, err) && await_readiness(spool, err);
}

bool cli_dev_verb(struct cli *cli, struct err *err)
{
    enum { SIM, SPOOL, COUNT };
    struct program programs[COUNT] = {
        [SIM] = {.name = "the simulator", .log = FOLDER "/sim.log", .out = -1},
        [SPOOL] = {.name = "Spool", .log = FOLDER "/spool.log", .out = -1}};
    const char *listen = cli->command->values[CLI_LISTEN];
    sigset_t signals;
    bool ok;

    private_start();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    ok = run(listen == NULL ? USUAL_LISTEN : listen, &programs[SIM], &programs[SPOOL], err);
    if (ok) {
        say_ready(&programs[SPOOL], &programs[SIM]);
        ok = stand_by(programs, COUNT, &signals, err);
    }
    end(&programs[SPOOL]); // it may still ask its vendors
    end(&programs[SIM]);
    return ok;
}
