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
#include "providers/provider.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_dev_config.h"
#include "scheduler/cli/cli_family.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_verb.h"

#define USUAL_FOLDER "var/dev"
#define USUAL_LISTEN "127.0.0.1:8080"
#define READY_WORDS "listening on "
enum {
    EXIT_USAGE = 2, // as all programs of ours have it
    START_MS = 30000,
    LOOK_MS = 50,
    END_LOOKS = 20,
    LINE_BYTES_MAX = 4096,
    LOG_TAIL_BYTES = 2000,
    NAME_BYTES_MAX = 96,
};

extern char **environ;

// A program that says on stdout where it listens, once it does.
struct program {
    const char *name;
    char log[PATH_MAX]; // the file that its stderr goes to
    pid_t pid;          // 0: it doesn't run
    int out;            // its stdout; -1: none
    char url[128];
};

enum { SIM, SPOOL, PROGRAMS };

struct dev {
    const char *folder; // of all that they keep
    struct program programs[PROGRAMS];
};

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
        return err_set(err, ERR_CONFIG, "%.200s: %s", program->log, strerror(errno));
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
    return err_set(err, is_wrong_use(program) ? ERR_CONFIG : ERR_IO,
                   "%s didn't start: %.120s (%.120s)", program->name,
                   *line == '\0' ? "it says nothing" : line, program->log);
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

static bool write_file(const struct dev *dev, const char *name, const char *text, struct err *err)
{
    char path[PATH_MAX];
    FILE *file;
    bool ok;

    snprintf(path, sizeof path, "%s/%s", dev->folder, name);
    file = fopen(path, "w");
    ok = file != NULL && fputs(text, file) >= 0;

    ok = file != NULL && fclose(file) == 0 && ok;
    return ok || err_set(err, ERR_CONFIG, "%.200s: %s", path, strerror(errno));
}

static bool write_key(const struct dev *dev, const char *name, struct err *err)
{
    const char *sim_url = dev->programs[SIM].url;
    struct cli_http *http = cli_http_new(sim_url, NULL, err);
    struct http_request request = {0};
    json_auto_t *key = NULL;
    char *text;
    bool ok;

    if (http != NULL && http_get(&request, sim_url, err, "/sim/%s", name))
        key = cli_http_ask(http, &request, err);
    cli_http_free(http);
    if (key == NULL)
        return false;
    text = json_dumps(key, JSON_INDENT(2));
    ok = write_file(dev, name, text, err);
    free(text);
    return ok;
}

static bool write_keys(const struct dev *dev, struct err *err)
{
    char name[NAME_BYTES_MAX];

    for (size_t i = 0; cli_dev_key_file(i, name, sizeof name); i++)
        if (!write_key(dev, name, err))
            return false;
    return true;
}

static bool write_config(const struct dev *dev, struct err *err)
{
    struct buf text = {0};
    bool ok;

    cli_dev_config(dev->programs[SIM].url, dev->folder, &text);
    ok = write_file(dev, "spool.json", text.data, err);
    buf_clear(&text);
    return ok;
}

// And the folders above it.
static bool make_folder(const struct dev *dev, struct err *err)
{
    char path[PATH_MAX];

    for (const char *end = dev->folder; end != NULL && *end != '\0';) {
        end = strchr(end + 1, '/');
        snprintf(path, sizeof path, "%.*s",
                 (int)(end == NULL ? strlen(dev->folder) : (size_t)(end - dev->folder)),
                 dev->folder);
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return err_set(err, ERR_CONFIG, "%.200s: %s", path, strerror(errno));
    }
    return true;
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

static void say_ready(const struct dev *dev)
{
    const struct program *spool = &dev->programs[SPOOL], *sim = &dev->programs[SIM];
    bool is_usual = strcmp(spool->url, "http://" USUAL_LISTEN) == 0;

    printf("spool: " READY_WORDS
           "%s, with the key sk-dev; its vendors are simulated at %s\n"
           "\n"
           "Open %s/ in a browser, or another terminal:\n"
           "%s%s%s"
           "  spool submit %s --watch\n"
           "  spool top\n"
           "Files and logs are in %s. An interrupt (Ctrl-C) ends everything.\n",
           spool->url, sim->url, spool->url,
           is_usual ? "" : "  export SPOOL_URL=", is_usual ? "" : spool->url, is_usual ? "" : "\n",
           cli_family_at(0)->name, dev->folder);
    fflush(stdout);
}

// Until we are told to end, or one of them does by itself.
static bool stand_by(struct dev *dev, const sigset_t *signals, struct err *err)
{
    for (;;) {
        int number = sigwaitinfo(signals, NULL);

        if (number == SIGINT || number == SIGTERM)
            return true;
        for (int i = 0; i < PROGRAMS; i++) {
            struct program *program = &dev->programs[i];

            if (waitpid(program->pid, NULL, WNOHANG) != program->pid)
                continue;
            program->pid = 0;
            return err_set(err, ERR_IO, "%s has ended by itself: %.120s says why", program->name,
                           program->log);
        }
    }
}

static bool run(struct dev *dev, const char *listen, struct err *err)
{
    struct program *sim = &dev->programs[SIM], *spool = &dev->programs[SPOOL];
    char self[PATH_MAX], simulator[PATH_MAX], config[PATH_MAX];
    const char *const sim_words[] = {simulator, "--listen", "127.0.0.1:0", NULL};
    const char *const spool_words[] = {self, "serve", "-c", config, "--listen", listen, NULL};

    snprintf(config, sizeof config, "%s/spool.json", dev->folder);
    return find_self(self, err) && find_simulator(self, simulator, err) && make_folder(dev, err) &&
           start(sim, sim_words, err) && write_keys(dev, err) && write_config(dev, err) &&
           start(spool, spool_words, err) && await_readiness(spool, err);
}

static void name_program(struct dev *dev, int index, const char *name, const char *log)
{
    struct program *program = &dev->programs[index];

    program->name = name;
    program->out = -1;
    snprintf(program->log, sizeof program->log, "%s/%s", dev->folder, log);
}

bool cli_dev_verb(struct cli *cli, struct err *err)
{
    const char *const *values = cli->command->values;
    struct dev dev = {.folder = values[CLI_DIRECTORY]};
    sigset_t signals;
    bool ok;

    if (dev.folder == NULL || *dev.folder == '\0')
        dev.folder = USUAL_FOLDER;
    if (strlen(dev.folder) > PATH_MAX / 2)
        return err_set(err, ERR_CONFIG, "-O: the path is too long");
    name_program(&dev, SIM, "the simulator", "sim.log");
    name_program(&dev, SPOOL, "Spool", "spool.log");
    private_start();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    ok = run(&dev, values[CLI_LISTEN] == NULL ? USUAL_LISTEN : values[CLI_LISTEN], err);
    if (ok) {
        say_ready(&dev);
        ok = stand_by(&dev, &signals, err);
    }
    end(&dev.programs[SPOOL]); // it may still ask its vendors
    end(&dev.programs[SIM]);
    return ok;
}
