// Submitting: one job or many, and waiting for their ends where that is asked for.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "providers/provider.h"
#include "scheduler/cli/cli_batch.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_family.h"
#include "scheduler/cli/cli_files.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_jobs.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_task.h"
#include "scheduler/cli/cli_verb.h"
#include "scheduler/cli/cli_watch.h"

struct submit {
    struct cli *cli;
    const char *path;
    const char *example; // a body that the path takes; NULL: none is known
    bool is_watched;
    const char *key; // of --idempotency-key, or, of many jobs, one that we made up
    char made_up[25];
    bool has_no_batches; // Spool is older than they are
    const char **ids;    // of the tasks that were accepted; ours, also each
    size_t count;
};

// Every family's answer has the task's id somewhere else: as a value, or at the end of a name.
static const char *task_id_in(const char *text)
{
    const char *slash = strrchr(text, '/');

    text = slash == NULL ? text : slash + 1;
    return id_is_task(text) ? text : NULL;
}

static const char *find_id(const json_t *value)
{
    const char *found = NULL, *name;
    json_t *item;
    size_t i;

    if (json_is_string(value))
        return task_id_in(json_string_value(value));
    json_object_foreach((json_t *)value, name, item)
    {
        found = found == NULL ? find_id(item) : found;
    }
    json_array_foreach((json_t *)value, i, item)
    {
        found = found == NULL ? find_id(item) : found;
    }
    return found;
}

static const char *id_of(const json_t *answer)
{
    static const char *const places[] = {"result", "task_id", "id", "data.task_id", "name", NULL};
    const char *found = NULL;

    for (size_t i = 0; places[i] != NULL && found == NULL; i++)
        found = task_id_in(field_str_or_empty(answer, places[i]));
    return found == NULL ? find_id(answer) : found;
}

// Some families refuse with HTTP 200 and say so in the body.
static bool check_answer(const json_t *answer, const char *id, struct err *err)
{
    static const char *const places[] = {"description", "error.message",        "message",
                                         "error",       "base_resp.status_msg", NULL};
    const char *words = field_first_str(answer, places);

    if (id != NULL)
        return true;
    return err_set(err, ERR_REFUSED, "%.200s",
                   *words == '\0' ? "the answer names no task: -o json shows it" : words);
}

static void say_accepted(const struct submit *submit, const json_t *answer, const char *id)
{
    if (submit->is_watched && submit->cli->output != CLI_IDS)
        return; // how it goes on is said soon
    if (submit->cli->output == CLI_JSON) {
        cli_show_json(answer);
        return;
    }
    puts(id);
    fflush(stdout);
    if (submit->cli->output == CLI_TABLE && isatty(STDOUT_FILENO) == 1 && submit->count == 1)
        fprintf(stderr, "\"spool watch %s\" follows it.\n", id);
}

static bool take_answer(struct submit *submit, const struct http_response *response,
                        struct err *err)
{
    json_auto_t *answer = cli_http_read(submit->cli->http, response, err);
    const char *id;

    if (answer == NULL)
        return false;
    id = id_of(answer);
    if (!check_answer(answer, id, err)) {
        if (submit->cli->output == CLI_JSON)
            cli_show_json(answer);
        return false;
    }
    submit->ids = mem_resize(submit->ids, (submit->count + 1) * sizeof *submit->ids);
    submit->ids[submit->count++] = mem_str(id);
    say_accepted(submit, answer, id);
    return true;
}

// `number` 0: the only job. Each of many has an idempotency key of its own.
static void prepare(const struct submit *submit, size_t number, struct http_request *request)
{
    const char *key = submit->key;
    struct buf text = {0};

    request->method = HTTP_POST_;
    buf_fmt(&text, "%s%s", cli_http_url(submit->cli->http), submit->path);
    request->url = buf_take(&text);
    // Where the answer would be the result itself, its task will do.
    http_add_header(request, "Prefer", "respond-async");
    if (key == NULL)
        return;
    buf_str(&text, key);
    if (number > 0)
        buf_fmt(&text, "-%zu", number);
    http_add_header(request, "Idempotency-Key", text.data);
    buf_clear(&text);
}

// An answer that was lost may have been a yes.
static bool warn_of_doubt(const struct submit *submit, struct err *err)
{
    if (err->code != ERR_IO)
        return false;
    return err_set(err, ERR_IO,
                   "%.60s broke off before its answer was there: the job may have been taken; "
                   "\"spool list\" shows it, and --idempotency-key makes a second try safe",
                   cli_http_url(submit->cli->http));
}

static bool submit_body(struct submit *submit, const struct cli_job *job, size_t number,
                        struct err *err)
{
    struct http_request request = {0};
    struct http_response response = {0};
    bool ok;

    prepare(submit, number, &request);
    http_add_header(&request, "Content-Type", "application/json");
    buf_add(&request.body, job->text, job->len);
    ok = cli_http_send(submit->cli->http, &request, &response, err)
             ? take_answer(submit, &response, err)
             : warn_of_doubt(submit, err);
    http_response_clear(&response);
    return ok;
}

static bool submit_form(struct submit *submit, struct err *err)
{
    const struct cli_command *command = submit->cli->command;
    struct http_request request = {0};
    struct http_response response = {0};
    bool ok;

    prepare(submit, 0, &request);
    ok = cli_http_send_form(submit->cli->http, &request, command->forms, command->form_count,
                            &response, err)
             ? take_answer(submit, &response, err)
             : warn_of_doubt(submit, err);
    http_response_clear(&response);
    return ok;
}

// Where no job is given, the family's example is one.
static bool read_jobs(const struct submit *submit, struct cli_jobs *jobs, struct err *err)
{
    json_t *body;
    char *text;
    bool ok;

    if (submit->cli->command->values[CLI_DATA] != NULL)
        return cli_jobs_read(jobs, submit->cli->command->values[CLI_DATA], err);
    body = json_plain_read(submit->example);
    text = json_dumps(body, JSON_COMPACT);
    ok = cli_jobs_parse(jobs, text, strlen(text), err);
    json_decref(body);
    return ok;
}

// Puts the hook that was asked for into the job, whose text is the caller's to free then.
static bool add_hook(const struct submit *submit, struct cli_job *job, char **text, struct err *err)
{
    const char *hook = submit->cli->command->values[CLI_HOOK];
    json_t *body;

    *text = NULL;
    if (hook == NULL)
        return true;
    body = json_loadb(job->text, job->len, 0, NULL);
    json_object_set_new(body, "notifyHook", json_string(hook));
    *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (*text == NULL)
        return err_set(err, ERR_CONFIG, "--hook: must be UTF-8");
    job->text = *text;
    job->len = strlen(*text);
    return true;
}

static void name_line(const struct cli_jobs *jobs, size_t index, struct err *why)
{
    if (jobs->count > 1)
        err_wrap(why, "%.60s, line %u", jobs->name == NULL ? "-d" : jobs->name,
                 jobs->jobs[index].line);
}

// What went wrong with one of many, by its line. One that is refused doesn't keep the others from
// being submitted.
static bool show_why(const struct submit *submit, const struct cli_jobs *jobs, size_t index,
                     struct err *why, struct err *err)
{
    name_line(jobs, index, why);
    return cli_show_and_go_on(submit->cli, why, err);
}

static bool submit_singly(struct submit *submit, const struct cli_jobs *jobs, size_t from,
                          size_t count, struct err *err)
{
    for (size_t i = from; i < from + count; i++) {
        struct cli_job job = jobs->jobs[i];
        struct err why;
        char *text;
        bool ok = add_hook(submit, &job, &text, &why) &&
                  submit_body(submit, &job, jobs->count == 1 ? 0 : i + 1, &why);

        free(text);
        if (!ok && !show_why(submit, jobs, i, &why, err))
            return false;
    }
    return true;
}

// How many of the jobs, from one on, go in one request.
static size_t batch_size(const struct submit *submit, const struct cli_jobs *jobs, size_t from)
{
    size_t count = 0, bytes = 0;

    if (submit->has_no_batches)
        return 1;
    while (from + count < jobs->count && count < CLI_BATCH_MAX) {
        bytes += jobs->jobs[from + count].len;
        if (count > 0 && bytes > CLI_BATCH_BYTES)
            break;
        count++;
    }
    return count;
}

// Behind one that ends it all there may be others that were accepted.
static bool take_results(struct submit *submit, const struct cli_jobs *jobs, size_t from,
                         const json_t *results, struct err *err)
{
    const json_t *result;
    bool goes_on = true;
    size_t i;

    json_array_foreach((json_t *)results, i, result)
    {
        struct http_response response = {0};
        struct err why;
        bool ok;

        cli_batch_read(result, &response);
        ok = take_answer(submit, &response, &why);
        http_response_clear(&response);
        if (ok)
            continue;
        if (goes_on) {
            goes_on = show_why(submit, jobs, from + i, &why, err);
        } else {
            name_line(jobs, from + i, &why);
            cli_show_error(why.message);
        }
    }
    return goes_on;
}

// NULL: the batch wasn't taken.
static json_t *send_batch(const struct submit *submit, const struct cli_jobs *jobs, size_t from,
                          size_t count, struct err *err)
{
    struct cli_batch_job *batch = mem_array(struct cli_batch_job, count);
    char **texts = mem_array(char *, count);
    json_t *results = NULL;
    bool ok = true;

    for (size_t i = 0; i < count && ok; i++) {
        struct cli_job job = jobs->jobs[from + i];

        ok = add_hook(submit, &job, &texts[i], err);
        batch[i] = (struct cli_batch_job){job.text, job.len, from + i + 1};
    }
    if (ok)
        results = cli_batch_send(submit->cli->http, submit->path, submit->key, batch, count, err);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
    free(batch);
    return results;
}

// What is wrong with a whole batch is wrong with its jobs, too, or wouldn't be if they came alone:
// they do, by the same keys. Where its answer was lost for good they may have been taken.
static bool submit_batch(struct submit *submit, const struct cli_jobs *jobs, size_t from,
                         size_t count, struct err *err)
{
    struct err why;
    json_t *results = send_batch(submit, jobs, from, count, &why);
    bool ok;

    if (results == NULL && why.code == ERR_IO) {
        err_set(&why, ERR_UNAVAILABLE,
                "%.60s broke off before its answer was there: the jobs may have been taken; the "
                "same with --idempotency-key %.40s makes none twice",
                cli_http_url(submit->cli->http), submit->key);
        return show_why(submit, jobs, from, &why, err);
    }
    if (results == NULL) {
        submit->has_no_batches = why.code == ERR_PATH;
        return submit_singly(submit, jobs, from, count, err);
    }
    ok = take_results(submit, jobs, from, results, err);
    json_decref(results);
    return ok;
}

static bool submit_bodies(struct submit *submit, struct err *err)
{
    struct cli_jobs jobs = {0};
    bool ok = read_jobs(submit, &jobs, err);

    if (jobs.count > 1 && submit->key == NULL) {
        id_random_hex(submit->made_up, sizeof submit->made_up - 1);
        submit->key = submit->made_up;
    }
    for (size_t from = 0, count; from < jobs.count && ok; from += count) {
        count = batch_size(submit, &jobs, from);
        ok = count == 1 ? submit_singly(submit, &jobs, from, count, err)
                        : submit_batch(submit, &jobs, from, count, err);
    }
    cli_jobs_clear(&jobs);
    return ok;
}

static bool save_all(struct cli *cli, const json_t *ended, struct err *err)
{
    const json_t *task;
    size_t i;

    json_array_foreach((json_t *)ended, i, task)
    {
        struct err why;

        if (!cli_files_save(cli, task, cli->command->values[CLI_DIRECTORY], &why) &&
            !cli_show_and_go_on(cli, &why, err))
            return false;
    }
    return true;
}

// A script that gets JSON learns of the tasks for which there was no time, too.
static bool show_others(const struct submit *submit, const json_t *ended, struct err *err)
{
    for (size_t i = 0; i < submit->count; i++) {
        json_auto_t *shown = NULL;
        const json_t *task;
        size_t k;
        bool has_ended = false;

        json_array_foreach((json_t *)ended, k, task)
        {
            has_ended = has_ended || strcmp(field_str_or_empty(task, "id"), submit->ids[i]) == 0;
        }
        if (has_ended)
            continue;
        shown = cli_task_get(submit->cli->http, submit->ids[i], err);
        if (shown == NULL)
            return false;
        cli_show_json(shown);
    }
    return true;
}

static bool wait_for_ends(struct submit *submit, int64_t timeout_ms, struct err *err)
{
    static const enum cli_watch_says says[] = {[CLI_TABLE] = CLI_WATCH_CHANGES,
                                               [CLI_JSON] = CLI_WATCH_ENDS,
                                               [CLI_IDS] = CLI_WATCH_NOTHING};
    struct cli *cli = submit->cli;
    struct cli_watch_options options = {.ids = submit->ids,
                                        .count = submit->count,
                                        .says = says[cli->output],
                                        .timeout_ms = timeout_ms};
    json_auto_t *ended = json_array();
    struct err late;
    bool is_in_time = cli_watch_tasks(cli, &options, ended, &late);

    // Those that have ended are there all the same.
    if (cli->command->values[CLI_DIRECTORY] != NULL && !save_all(cli, ended, err))
        return false;
    if (!is_in_time && late.code == ERR_TIMEOUT && cli->output == CLI_JSON &&
        !show_others(submit, ended, err))
        return false;
    if (!is_in_time)
        *err = late;
    return is_in_time;
}

static bool find_path(struct submit *submit, struct err *err)
{
    const char *word = submit->cli->command->words[0];
    const struct provider *provider = cli_family_find(word);
    struct buf names = {0};

    submit->path = provider == NULL ? word : provider->example.path;
    submit->example = provider == NULL ? NULL : provider->example.body;
    if (provider != NULL || *word == '/')
        return true;
    for (size_t i = 0; cli_family_at(i) != NULL; i++)
        cli_show_join(&names, cli_family_at(i)->name);
    err_set(err, ERR_CONFIG,
            "there is no family \"%.40s\": it is a path, as /mj/submit/imagine, or "
            "one of %s",
            word, names.data);
    buf_clear(&names);
    return false;
}

static bool check_source(const struct submit *submit, struct err *err)
{
    const struct cli_command *command = submit->cli->command;
    bool has_data = command->values[CLI_DATA] != NULL, has_form = command->form_count > 0;

    if (command->values[CLI_HOOK] != NULL && has_form)
        return err_set(err, ERR_CONFIG, "--hook: a form has -F notifyHook=URL");
    return (has_data != has_form) || (!has_data && submit->example != NULL) ||
           err_set(err, ERR_CONFIG,
                   "submit takes the job from -d JSON, -d @FILE or -d -, or a form from -F");
}

bool cli_submit_jobs(struct cli *cli, struct err *err)
{
    const struct cli_command *command = cli->command;
    struct submit submit = {.cli = cli,
                            .key = command->values[CLI_IDEMPOTENCY_KEY],
                            .is_watched = command->values[CLI_WATCH] != NULL ||
                                          command->values[CLI_DIRECTORY] != NULL};
    int64_t timeout_ms = -1;
    bool ok;

    if (!find_path(&submit, err) || !cli_command_seconds(command, CLI_TIMEOUT, &timeout_ms, err))
        return false;
    if (!check_source(&submit, err))
        return false;
    ok = command->form_count > 0 ? submit_form(&submit, err) : submit_bodies(&submit, err);
    if (ok && submit.is_watched && submit.count > 0)
        ok = wait_for_ends(&submit, timeout_ms, err);
    for (size_t i = 0; i < submit.count; i++)
        free((char *)submit.ids[i]);
    free(submit.ids);
    return ok;
}
