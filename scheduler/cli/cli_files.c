// Files: what a task made, and what a job is made from.
#include "scheduler/cli/cli_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_task.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"

enum { NAME_BYTES_MAX = 200, PIECE_BYTES = 64 << 10 };

// A file on its way: written beside its place, and renamed once it is whole and right.
struct save {
    FILE *file;
    struct digest *digest;
    int64_t bytes;
    int error; // errno; 0: none
};

static bool is_plain(unsigned char c)
{
    return c > ' ' && c != '/' && c != 0x7f && c != '\\';
}

// The last segment of the link's path. It comes from elsewhere: it stays in the folder.
static void name_of_link(const char *url, struct buf *name)
{
    size_t len = strcspn(url, "?#");
    const char *from = memrchr(url, '/', len);

    from = from == NULL ? url : from + 1;
    len -= (size_t)(from - url);
    for (size_t i = 0; i < len && name->len < NAME_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)from[i];

        buf_char(name, is_plain(c) && !(c == '.' && name->len == 0) ? (char)c : '_');
    }
    if (name->len == 0)
        buf_str(name, "file");
}

static bool make_directory(const char *directory, struct err *err)
{
    char *path = mem_str(directory);
    bool ok = true;

    for (char *slash = path; ok && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        ok = mkdir(path, 0777) == 0 || errno == EEXIST;
        if (slash != NULL)
            *slash = '/';
    }
    free(path);
    return ok || err_set(err, ERR_CONFIG, "%.160s: can't be made: %s", directory, strerror(errno));
}

static bool on_data(void *ctx, const void *data, size_t len)
{
    struct save *save = ctx;

    if (fwrite(data, 1, len, save->file) != len) {
        save->error = errno;
        return false;
    }
    digest_add(save->digest, data, len);
    save->bytes += (int64_t)len;
    return true;
}

// Whether a file of that path has that checksum.
static bool is_there(const char *path, const char *sha256)
{
    FILE *file = *sha256 == '\0' ? NULL : fopen(path, "r");
    struct digest *digest;
    char piece[PIECE_BYTES], hex[SHA256_HEX_BYTES];
    size_t got;

    if (file == NULL)
        return false;
    digest = digest_new();
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        digest_add(digest, piece, got);
    digest_hex(digest, hex);
    digest_free(digest);
    fclose(file);
    return strcmp(hex, sha256) == 0;
}

static bool check(const struct save *save, const json_t *artifact, struct err *err)
{
    int64_t bytes = field_int_or(artifact, "bytes", save->bytes);
    const char *sha256 = field_str_or_empty(artifact, "sha256");
    char hex[SHA256_HEX_BYTES];

    if (bytes != save->bytes)
        return err_set(err, ERR_IO, "%lld of %lld bytes came", (long long)save->bytes,
                       (long long)bytes);
    digest_hex(save->digest, hex);
    return *sha256 == '\0' || strcmp(hex, sha256) == 0 ||
           err_set(err, ERR_IO, "isn't what was archived: its sha256 differs");
}

static bool fetch(struct cli *cli, const json_t *artifact, const char *path, const char *part,
                  struct err *err)
{
    struct save save = {.file = fopen(part, "w")};
    bool ok;

    if (save.file == NULL)
        return err_set(err, ERR_CONFIG, "%.160s: %s", part, strerror(errno));
    save.digest = digest_new();
    ok = cli_http_fetch(cli->http, field_str_or_empty(artifact, "url"), on_data, &save, err);
    if (fclose(save.file) != 0 && save.error == 0)
        save.error = errno;
    if (save.error != 0)
        ok = err_set(err, ERR_CONFIG, "%.160s: %s", part, strerror(save.error));
    ok = ok && (check(&save, artifact, err) || err_wrap(err, "%.120s", path));
    if (ok && rename(part, path) != 0)
        ok = err_set(err, ERR_CONFIG, "%.160s: %s", path, strerror(errno));
    if (!ok)
        unlink(part);
    digest_free(save.digest);
    return ok;
}

static bool save_text(const json_t *artifact, const char *path, struct err *err)
{
    const char *text = field_str_or_empty(artifact, "text");
    FILE *file = fopen(path, "w");
    bool ok = file != NULL;

    if (ok) {
        ok = fputs(text, file) >= 0;
        ok = fclose(file) == 0 && ok;
    }
    return ok || err_set(err, ERR_CONFIG, "%.160s: %s", path, strerror(errno));
}

static void say_saved(struct cli *cli, const json_t *artifact, const char *path, bool was_there)
{
    struct buf text = {0}, clean = {0};

    if (cli->output == CLI_JSON) {
        json_auto_t *file = json_pack("{s:s,s:O}", "file", path, "artifact", artifact);

        if (file != NULL)
            cli_show_json(file);
        return;
    }
    cli_text_clean(&clean, path);
    buf_str(&text, buf_text(&clean));
    if (cli->output == CLI_TABLE) {
        if (field_at(artifact, "bytes") != NULL) {
            buf_str(&text, "  ");
            cli_show_bytes(&text, field_int_or(artifact, "bytes", 0));
        }
        if (*field_str_or_empty(artifact, "sha256") != '\0')
            buf_str(&text, was_there ? "  was there already" : "  sha256 ok");
    }
    puts(text.data);
    buf_clear(&text);
    buf_clear(&clean);
}

// What Spool couldn't archive has no file; where it gives the vendor's link, that is taken, too.
static void say_missing(const char *id, const json_t *artifact)
{
    struct err why;

    err_set(&why, ERR_IO, "%.40s: %s %s: %s", id, field_str_or_empty(artifact, "kind"),
            *field_str_or_empty(artifact, "url") == '\0' ? "couldn't be had"
                                                         : "is the vendor's own link",
            field_str_or_empty(artifact, "error.message"));
    cli_show_error(why.message);
}

static bool save_one(struct cli *cli, const char *id, size_t number, const json_t *artifact,
                     const char *directory, struct err *err)
{
    const char *url = field_str_or_empty(artifact, "url");
    struct buf path = {0}, part = {0}, name = {0};
    bool is_text = field_at(artifact, "text") != NULL, ok = true, was_there = false;

    if (field_at(artifact, "error") != NULL)
        say_missing(id, artifact);
    if (!is_text && *url == '\0')
        return true;
    if (is_text)
        buf_fmt(&name, "%s-%zu.txt", id, number);
    else
        name_of_link(url, &name);
    buf_fmt(&path, "%s/%s", directory, buf_text(&name));
    buf_fmt(&part, "%s/.%s.part", directory, buf_text(&name));
    if (is_text)
        ok = save_text(artifact, path.data, err);
    else if (is_there(path.data, field_str_or_empty(artifact, "sha256")))
        was_there = true;
    else
        ok = fetch(cli, artifact, path.data, part.data, err);
    if (ok)
        say_saved(cli, artifact, path.data, was_there);
    buf_clear(&path);
    buf_clear(&part);
    buf_clear(&name);
    return ok;
}

bool cli_files_save(struct cli *cli, const json_t *task, const char *directory, struct err *err)
{
    const json_t *artifacts = field_at(task, "artifacts"), *artifact;
    size_t i;

    if (directory != NULL && *directory != '\0' && !make_directory(directory, err))
        return false;
    directory = directory == NULL || *directory == '\0' ? "." : directory;
    json_array_foreach((json_t *)artifacts, i, artifact)
    {
        if (!save_one(cli, field_str_or_empty(task, "id"), i + 1, artifact, directory, err))
            return false;
    }
    return true;
}

// The verbs.

static bool download_one(struct cli *cli, const char *id, struct err *err)
{
    json_auto_t *task = cli_task_get(cli->http, id, err);
    const char *status = field_str_or_empty(task, "status");

    if (task == NULL)
        return false;
    if (!cli_task_has_ended(task))
        return err_set(err, ERR_CONFLICT, "%.40s is %s: \"spool watch %.40s\" waits for its end",
                       id, status, id);
    if (json_array_size(field_at(task, "artifacts")) == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "%.40s is %s and has no files: \"spool get %.40s\" says "
                       "why",
                       id, status, id);
    return cli_files_save(cli, task, cli->command->values[CLI_DIRECTORY], err);
}

bool cli_files_download(struct cli *cli, struct err *err)
{
    for (size_t i = 0; i < cli->command->word_count; i++) {
        struct err why;

        if (!download_one(cli, cli->command->words[i], &why) && !cli_show_and_go_on(cli, &why, err))
            return false;
    }
    return true;
}

bool cli_files_upload(struct cli *cli, struct err *err)
{
    struct http_request request = {.method = HTTP_POST_};
    struct http_response response = {0};
    struct buf url = {0}, field = {0};
    const char *fields[1];
    json_t *file = NULL;

    buf_fmt(&url, "%s/v1/files/uploads", cli_http_url(cli->http));
    buf_fmt(&field, "file=@%s", cli->command->words[0]);
    request.url = buf_take(&url);
    fields[0] = field.data;
    if (cli_http_send_form(cli->http, &request, fields, 1, &response, err))
        file = cli_http_read(cli->http, &response, err);
    http_response_clear(&response);
    buf_clear(&field);
    if (file == NULL)
        return false;
    if (cli->output == CLI_JSON)
        cli_show_json(file);
    else
        puts(field_str_or_empty(file, "url"));
    json_decref(file);
    return true;
}
