// The API as an OpenAPI 3.1 document.
#include "scheduler/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field_check.h"
#include "core/json/field_schema.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "scheduler/routes.h"

static const char about[] =
    "Jobs of media generation: each is taken at once, goes to its vendor, is followed there, and "
    "ends with its files archived. The families speak the words of their vendors' own clients; "
    "/v1/tasks shows the tasks of all of them.\n\n"
    "In a body, null and an empty text count as left out, and fields that aren't listed go on to "
    "the vendor. A body may also come as multipart/form-data. What is wrong with a request before "
    "its route is known (a malformed head, a timeout) is told in the shape of Error.";

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

static json_t *ref(const char *place, const char *name)
{
    struct buf text = {0};
    json_t *made;

    buf_fmt(&text, "#/components/%s/%s", place, name);
    made = json_pack("{s:s}", "$ref", text.data);
    buf_clear(&text);
    return made;
}

// The name of a family's schema: "<family>_shown".
static json_t *family_ref(const struct family *family, const char *what)
{
    char name[64];

    snprintf(name, sizeof name, "%s_%s", family->name, what);
    return ref("schemas", name);
}

static bool has_body(const struct served *served)
{
    return served->method == HTTP_POST_ || served->method == HTTP_PUT_;
}

static bool is_submit(const struct served *served)
{
    return served->route != NULL && route_makes_task(served->route);
}

// Requests.

static void add_parameter(json_t *list, const char *name, const char *where, bool is_required,
                          json_t *schema, const char *what)
{
    json_t *parameter = json_pack("{s:s,s:s,s:b,s:o}", "name", name, "in", where, "required",
                                  is_required, "schema", schema);

    if (what != NULL)
        set_text(parameter, "description", what);
    json_array_append_new(list, parameter);
}

// The names in a path, "{id}", each a parameter.
static void add_path_names(json_t *list, const char *path)
{
    while ((path = strchr(path, '{')) != NULL) {
        size_t len = strcspn(++path, "}");
        char *name = mem_strn(path, len);

        add_parameter(list, name, "path", true, json_pack("{s:s}", "type", "string"), NULL);
        free(name);
    }
}

static void add_query(json_t *list, const struct field_rule *rule)
{
    for (; rule != NULL && rule->path != NULL; rule++) {
        json_t *schema = field_schema_of(rule);

        json_object_del(schema, "description");
        add_parameter(list, rule->path, "query", rule->is_required, schema, rule->about);
    }
}

static json_t *parameters_of(const struct served *served, const char *path)
{
    json_t *list = json_array();

    add_path_names(list, path);
    add_query(list, served->query);
    if (is_submit(served))
        json_array_append_new(list, ref("parameters", "IdempotencyKey"));
    if (served->answer != NULL && strcmp(served->answer, "text/event-stream") == 0)
        json_array_append_new(list, ref("parameters", "LastEventId"));
    return list;
}

static json_t *file_form_schema(void)
{
    return json_plain_read(
        "{'type':'object','required':['file'],'properties':{'file':{"
        "'type':'string','contentMediaType':'application/octet-stream'}}}");
}

// The schema of a JSON body; NULL: it takes none.
static json_t *body_schema(const struct served *served)
{
    const struct field_rule *own[] = {served->body, NULL};

    if (served->route != NULL)
        return served->route->rules == NULL ? NULL : field_schema(served->route->rules);
    if (served->body != NULL)
        return field_schema(own);
    return served->example == NULL ? NULL : json_pack("{s:s}", "type", "object");
}

static json_t *media(json_t *schema, const char *example)
{
    json_t *made = json_pack("{s:o}", "schema", schema);

    if (example != NULL)
        json_object_set_new(made, "example", json_plain_read(example));
    return made;
}

// NULL: none.
static json_t *request_body(const struct served *served)
{
    json_t *content, *schema;
    bool is_needed = false;

    if (!has_body(served))
        return NULL;
    content = json_object();
    schema = body_schema(served);
    if (served->takes_form) {
        json_object_set_new(content, "multipart/form-data", media(file_form_schema(), NULL));
    } else if (served->takes_bytes) {
        json_object_set_new(content, "application/octet-stream", json_object());
    } else if (schema != NULL) {
        is_needed = json_object_get(schema, "required") != NULL;
        json_object_set_new(content, "application/json", media(schema, served->example));
        if (is_submit(served))
            json_object_set_new(content, "multipart/form-data", media(json_incref(schema), NULL));
    }
    if (json_object_size(content) == 0) {
        json_decref(content);
        return NULL;
    }
    return json_pack("{s:b,s:o}", "required",
                     is_needed || served->takes_form || served->takes_bytes, "content", content);
}

// Answers.

static void add_answer(json_t *responses, int status, const char *what, const char *type,
                       json_t *schema)
{
    json_t *answer = json_pack("{s:s,s:{s:o}}", "description", what, "headers", "X-Request-Id",
                               ref("headers", "RequestId"));
    json_t *headers = json_object_get(answer, "headers");
    char code[8];

    snprintf(code, sizeof code, "%d", status);
    if (status == 429 || status == 503)
        json_object_set_new(headers, "Retry-After", ref("headers", "RetryAfter"));
    if (schema != NULL)
        json_object_set_new(answer, "content", json_pack("{s:{s:o}}", type, "schema", schema));
    json_object_set_new(responses, code, answer);
}

// The schema of an error in the words of the route. An error about the key is told in every family
// as on our own surface.
static json_t *error_schema(const struct served *served, int status)
{
    return served->family == NULL || status == 401 ? ref("schemas", "Error")
                                                   : family_ref(served->family, "refused");
}

static void add_error(json_t *responses, const struct served *served, int status)
{
    add_answer(responses, status, http_status_text(status), "application/json",
               error_schema(served, status));
}

static json_t *shown_schema(const struct served *served)
{
    switch (served->route->kind) {
    case ROUTE_SUBMIT:
    case ROUTE_ASK:
        return family_ref(served->family, "accepted");
    case ROUTE_LIST:
        return family_ref(served->family, "listed");
    case ROUTE_PAGE:
        return json_pack("{s:s,s:{s:{s:s},s:{s:s,s:o},s:{s:[s,s]},s:{s:[s,s]},s:{s:s}}}", "type",
                         "object", "properties", "object", "const", "list", "data", "type", "array",
                         "items", family_ref(served->family, "shown"), "first_id", "type", "string",
                         "null", "last_id", "type", "string", "null", "has_more", "type",
                         "boolean");
    case ROUTE_FORGET:
        return json_plain_read(
            "{'type':'object','required':['id','object','deleted'],"
            "'properties':{'id':{'type':'string'},'object':{'type':'string'},"
            "'deleted':{'const':true}}}");
    case ROUTE_RESULT:
    case ROUTE_FETCH:
    case ROUTE_CONTENT:
    case ROUTE_CANCEL:
    case ROUTE_OUTCOME:
        break;
    }
    return served->route->shown_schema != NULL ? json_plain_read(served->route->shown_schema)
                                               : family_ref(served->family, "shown");
}

static bool is_media_type(const char *answer)
{
    return strchr(answer, '/') != NULL;
}

static bool is_file(const struct route *route)
{
    return route->kind == ROUTE_CONTENT ||
           (route->kind == ROUTE_RESULT && route->shown_schema == NULL);
}

static void add_success(json_t *responses, const struct served *served)
{
    const char *answer = served->answer;

    if (served->route != NULL && is_file(served->route))
        add_answer(responses, 200, "The file", "application/octet-stream", json_object());
    else if (served->route != NULL)
        add_answer(responses, 200, "OK", "application/json", shown_schema(served));
    else if (answer != NULL && is_media_type(answer))
        add_answer(responses, 200, "OK", answer, json_object());
    else if (answer != NULL)
        add_answer(responses, 200, "OK", "application/json", ref("schemas", answer));
}

// Those that a route has beside the others of its kind.
static void add_own_statuses(json_t *responses, const struct served *served, const char *statuses)
{
    char *end;

    for (; statuses != NULL && *statuses != '\0'; statuses = end) {
        int status = (int)strtol(statuses, &end, 10);

        if (status >= 400)
            add_error(responses, served, status);
        else
            add_answer(responses, status, http_status_text(status), NULL, NULL);
    }
}

static json_t *responses_of(const struct served *served)
{
    bool is_content = served->route != NULL && served->route->kind == ROUTE_CONTENT;
    bool names_one = strchr(served->pattern, '{') != NULL;
    json_t *responses = json_object();

    add_success(responses, served);
    if (has_body(served) || served->query != NULL || is_submit(served))
        add_error(responses, served, 400);
    if (served->needs != NEEDS_NONE)
        add_error(responses, served, 401);
    if (served->needs == NEEDS_OPERATOR)
        add_error(responses, served, 403);
    if (names_one || is_submit(served) ||
        (served->route != NULL && served->route->kind == ROUTE_FETCH))
        add_error(responses, served, 404);
    if (has_body(served)) {
        add_error(responses, served, 413);
        add_error(responses, served, 415);
    }
    if (is_submit(served)) {
        add_error(responses, served, 422);
        add_error(responses, served, 429);
    }
    if (served->route != NULL && served->route->kind == ROUTE_RESULT)
        add_answer(responses, 202, "Where the client prefers to respond-async: the task",
                   "application/json", ref("schemas", "Task"));
    if (served->route != NULL &&
        (served->route->kind == ROUTE_ASK || served->route->kind == ROUTE_RESULT))
        add_error(responses, served, 504);
    if (!served->has_no_body)
        add_error(responses, served, 503);
    if (served->route != NULL && served->route->kind == ROUTE_CANCEL)
        add_error(responses, served, 409);
    if (served->route != NULL && served->route->kind == ROUTE_OUTCOME)
        add_own_statuses(responses, served, "400 409 500 502 504");
    if (is_content)
        add_own_statuses(responses, served, "206 302 304 409 416");
    add_own_statuses(responses, served, served->statuses);
    return responses;
}

// Operations.

static json_t *security_of(const struct served *served)
{
    json_t *list = json_array();

    if (served->needs == NEEDS_NONE)
        return list;
    json_array_append_new(list, json_pack("{s:[]}", "bearer"));
    json_array_append_new(list, json_pack("{s:[]}", "mjApiSecret"));
    if (served->may_query)
        json_array_append_new(list, json_pack("{s:[]}", "accessToken"));
    if (served->family != NULL && served->family->takes_google_keys) {
        json_array_append_new(list, json_pack("{s:[]}", "googApiKey"));
        json_array_append_new(list, json_pack("{s:[]}", "keyInQuery"));
    }
    if (served->family != NULL && served->family->takes_key_scheme)
        json_array_append_new(list, json_pack("{s:[]}", "keyScheme"));
    return list;
}

// "/media/*" is a path with a name in it, and OpenAPI has no other word for "{name...}" than
// "{name}".
static void path_of(const struct served *served, struct buf *path)
{
    const char *at = served->pattern;

    for (; *at != '\0' && *at != '*'; at++) {
        if (strncmp(at, "...}", 4) == 0)
            at += strlen("...");
        buf_char(path, *at);
    }
    buf_str(path, *at == '*' ? "{key}" : "");
}

static void method_of(const struct served *served, char method[8])
{
    snprintf(method, 8, "%s", http_method_name(served->method));
    for (; *method != '\0'; method++)
        *method = (char)tolower((unsigned char)*method);
}

// "post_mj_submit_imagine"
static char *operation_id(const char *method, const char *path)
{
    struct buf id = {0};

    buf_str(&id, method);
    for (; *path != '\0'; path++) {
        if (isalnum((unsigned char)*path))
            buf_char(&id, *path);
        else if (id.data[id.len - 1] != '_')
            buf_char(&id, '_');
    }
    while (id.data[id.len - 1] == '_')
        id.data[--id.len] = '\0';
    return buf_take(&id);
}

static const char *tag_of(const struct served *served)
{
    if (served->family != NULL)
        return served->family->title;
    if (served->is_private)
        return "For operators";
    return strncmp(served->pattern, "/v1/files", 9) == 0 ||
                   strncmp(served->pattern, "/media", 6) == 0
               ? "Files"
           : strncmp(served->pattern, "/v1/", 4) == 0 ? "Tasks"
                                                      : "The service";
}

static json_t *operation(const struct served *served, const char *method, const char *path)
{
    char *id = operation_id(method, path);
    json_t *made = json_pack("{s:s,s:[s],s:s,s:o,s:o}", "operationId", id, "tags", tag_of(served),
                             "summary", served->summary == NULL ? "" : served->summary, "security",
                             security_of(served), "parameters", parameters_of(served, path));
    json_t *body = request_body(served);

    if (served->mode != NULL)
        set_text(made, "description", "The prefix of the path chooses the speed.");
    if (body != NULL)
        json_object_set_new(made, "requestBody", body);
    json_object_set_new(made, "responses", responses_of(served));
    free(id);
    return made;
}

// Two families may share a path: then the body, and an answer, is one's or the other's.

static void merge_schema(json_t *one, const json_t *other)
{
    json_t *mine = json_object_get(one, "schema"), *theirs = json_object_get(other, "schema");
    json_t *any = json_object_get(mine, "anyOf");

    if (json_equal(mine, theirs) || theirs == NULL)
        return;
    if (any == NULL) {
        any = json_pack("[O]", mine);
        json_object_set_new(one, "schema", json_pack("{s:o}", "anyOf", any));
    }
    json_array_append(any, theirs);
}

static void merge_content(json_t *one, const json_t *other)
{
    json_t *theirs;
    const char *type;

    json_object_foreach(json_object_get(other, "content"), type, theirs)
    {
        json_t *mine = json_object_get(json_object_get(one, "content"), type);

        if (mine != NULL)
            merge_schema(mine, theirs);
    }
}

static void merge_operation(json_t *one, const json_t *other)
{
    json_t *responses = json_object_get(one, "responses"), *theirs;
    const char *status;

    merge_content(json_object_get(one, "requestBody"), json_object_get(other, "requestBody"));
    json_object_foreach(json_object_get(other, "responses"), status, theirs)
    {
        json_t *mine = json_object_get(responses, status);

        if (mine == NULL)
            json_object_set(responses, status, theirs);
        else
            merge_content(mine, theirs);
    }
}

static void add_operation(json_t *paths, const struct served *served)
{
    struct buf path = {0};
    char method[8];
    json_t *item, *known, *made;

    path_of(served, &path);
    method_of(served, method);
    made = operation(served, method, path.data);
    item = json_object_get(paths, path.data);
    if (item == NULL) {
        item = json_object();
        json_object_set_new(paths, path.data, item);
    }
    known = json_object_get(item, method);
    if (known == NULL)
        json_object_set(item, method, made);
    else
        merge_operation(known, made);
    json_decref(made);
    buf_clear(&path);
}

// The whole.

static void add_family_schema(json_t *schemas, const struct family *family, const char *what,
                              const char *text)
{
    char name[64];

    if (text == NULL)
        return;
    snprintf(name, sizeof name, "%s_%s", family->name, what);
    json_object_set_new(schemas, name, json_plain_read(text));
}

static json_t *schemas_of_all(void)
{
    json_t *schemas = openapi_schemas();
    const struct family *family;

    json_object_set_new(schemas, "Error", json_plain_read(family_envelope_schema));
    for (size_t i = 0; (family = family_at(i)) != NULL; i++) {
        add_family_schema(schemas, family, "accepted", family->accepted_schema);
        add_family_schema(schemas, family, "shown", family->shown_schema);
        add_family_schema(schemas, family, "listed", family->listed_schema);
        add_family_schema(schemas, family, "refused", family->refused_schema);
    }
    return schemas;
}

static json_t *components(void)
{
    json_t *made = json_plain_read(
        "{'securitySchemes':{"
        "'bearer':{'type':'http','scheme':'bearer'},"
        "'keyScheme':{'type':'http','scheme':'Key'},"
        "'mjApiSecret':{'type':'apiKey','in':'header','name':'mj-api-secret'},"
        "'googApiKey':{'type':'apiKey','in':'header','name':'x-goog-api-key'},"
        "'keyInQuery':{'type':'apiKey','in':'query','name':'key'},"
        "'accessToken':{'type':'apiKey','in':'query','name':'access_token',"
        "'description':'A read token, of POST /v1/events/token, or a key: for browsers, which set "
        "no "
        "headers here.'}},"
        "'parameters':{"
        "'IdempotencyKey':{'name':'Idempotency-Key','in':'header','description':'The same key and "
        "body within 24 hours get the first answer again, and make no second task.',"
        "'schema':{'type':'string','minLength':1,'maxLength':255}},"
        "'LastEventId':{'name':'Last-Event-ID','in':'header','description':'The id that was told "
        "last: what came since is told.','schema':{'type':'string'}}},"
        "'headers':{"
        "'RequestId':{'description':'Of this request, as in the log.','schema':{'type':'string'}},"
        "'RetryAfter':{'description':'Seconds.','schema':{'type':'integer'}}}}");

    json_object_set_new(made, "schemas", schemas_of_all());
    return made;
}

json_t *openapi_document(const struct routes *routes, const char *server_url, bool has_private)
{
    json_t *paths = json_object();
    const struct served *served;

    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++)
        if (has_private || !served->is_private)
            add_operation(paths, served);
    return json_pack("{s:s,s:{s:s,s:s,s:s,s:{s:s,s:s}},s:[{s:s}],s:o,s:o}", "openapi", "3.1.0",
                     "info", "title", "Spool", "version", SPOOL_VERSION, "description", about,
                     "license", "name", "MIT", "identifier", "MIT", "servers", "url", server_url,
                     "paths", paths, "components", components());
}
