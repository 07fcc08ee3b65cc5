// The document against the tables that it is made of.
#include "scheduler/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "scheduler/routes.h"
#include "tests/support/check.h"

static struct routes *routes;
static json_t *document;

static int set_up(void **state)
{
    (void)state;
    routes = routes_new();
    document = openapi_document(routes, "https://spool.example", true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(document);
    routes_free(routes);
    return 0;
}

// The operation of a route.
static json_t *operation_of(const json_t *of, const struct served *served)
{
    char path[128], method[8];
    const char *star = strchr(served->pattern, '*'), *rest = strstr(served->pattern, "...}");

    snprintf(path, sizeof path, "%.*s%s",
             (int)(star != NULL   ? (size_t)(star - served->pattern)
                   : rest != NULL ? (size_t)(rest - served->pattern)
                                  : strlen(served->pattern)),
             served->pattern,
             star != NULL   ? "{key}"
             : rest != NULL ? "}"
                            : "");
    snprintf(method, sizeof method, "%s", http_method_name(served->method));
    for (char *at = method; *at != '\0'; at++)
        *at |= 0x20;
    return json_object_get(json_object_get(json_object_get(of, "paths"), path), method);
}

// A new route says what it does, or this fails.
static void test_every_route_is_there(void **state)
{
    const struct served *served;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++, count++) {
        bool is_submit = served->route != NULL && served->route->kind == ROUTE_SUBMIT;

        if (operation_of(document, served) == NULL)
            fail_msg("%s isn't there", served->pattern);
        if (served->summary == NULL || *served->summary == '\0')
            fail_msg("%s: says nothing", served->pattern);
        if (is_submit && (served->example == NULL || served->route->rules == NULL))
            fail_msg("%s: has no example, or no table of fields", served->pattern);
        if (served->family == NULL && served->answer == NULL &&
            strcmp(served->pattern, "/v1/events") != 0)
            fail_msg("%s: doesn't say what it answers", served->pattern);
    }
    assert_true(count > 60);
}

static void test_what_is_private(void **state)
{
    json_t *public = openapi_document(routes, "https://spool.example", false);
    const struct served *served;

    (void)state;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++)
        assert_int_equal(operation_of(public, served) != NULL, !served->is_private);
    json_decref(public);
}

// Each example is taken by its table, and, of a submit, by its family.
static void test_examples(void **state)
{
    const struct served *served;

    (void)state;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++) {
        json_t *body = served->example == NULL ? NULL : json_plain_read(served->example);
        struct task *task = task_new();
        const char *once = NULL;
        struct err err = {0};

        if (served->example != NULL && body == NULL)
            fail_msg("%s: the example isn't JSON", served->pattern);
        if (body != NULL && served->body != NULL && !field_check(body, served->body, &err))
            fail_msg("%s: %s", served->pattern, err.message);
        if (body != NULL && served->route != NULL &&
            !field_check_all(body, served->route->rules, &err))
            fail_msg("%s: %s", served->pattern, err.message);
        if (body != NULL && served->route != NULL && served->route->kind == ROUTE_SUBMIT) {
            struct family_request request = {.route = served->route, .body = body};

            mem_set_str(&task->family, served->family->name);
            task->request = json_dumps(body, JSON_COMPACT);
            if (!served->family->accept(&request, task, &once, &err))
                fail_msg("%s: %s", served->pattern, err.message);
        }
        task_free(task);
        json_decref(body);
    }
}

static void test_families(void **state)
{
    const struct family *family;

    (void)state;
    for (size_t i = 0; (family = family_at(i)) != NULL; i++) {
        const char *schemas[] = {family->accepted_schema, family->shown_schema,
                                 family->listed_schema, family->refused_schema};

        if (family->title == NULL || family->refused_schema == NULL ||
            (family->accepted != NULL && family->accepted_schema == NULL) ||
            (family->render != NULL && family->shown_schema == NULL) ||
            (family->render_list != NULL && family->listed_schema == NULL))
            fail_msg("%s: doesn't say what it answers", family->name);
        for (size_t k = 0; k < 4; k++) {
            json_t *schema = schemas[k] == NULL ? json_null() : json_plain_read(schemas[k]);

            if (schema == NULL)
                fail_msg("%s: schema %zu isn't JSON", family->name, k);
            json_decref(schema);
        }
    }
}

// What "$ref" names is there, wherever it is.
static void check_refs(const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;

    json_object_foreach((json_t *)value, name, item)
    {
        if (strcmp(name, "$ref") == 0) {
            char path[128], *at = path;

            snprintf(path, sizeof path, "%s", json_string_value(item) + strlen("#/"));
            while ((at = strchr(at, '/')) != NULL)
                *at = '.';
            if (field_at(document, path) == NULL)
                fail_msg("there is no %s", json_string_value(item));
        }
        check_refs(item);
    }
    json_array_foreach(value, i, item) check_refs(item);
}

static void test_references(void **state)
{
    (void)state;
    check_refs(document);
}

static void test_one_operation(void **state)
{
    json_t *imagine = json_object_get(
        json_object_get(json_object_get(document, "paths"), "/mj/submit/imagine"), "post");
    json_t *body = field_at(imagine, "requestBody.content");
    json_t *schema = json_object_get(json_object_get(body, "application/json"), "schema");

    (void)state;
    assert_string_equal(field_str_or_empty(imagine, "operationId"), "post_mj_submit_imagine");
    assert_string_equal(field_str_or_empty(schema, "required.0"), "prompt");
    assert_int_equal(field_int_or(schema, "properties.prompt.maxLength", 0), 16384);
    assert_string_equal(field_str_or_empty(schema, "properties.botType.enum.1"), "NIJI_JOURNEY");
    assert_string_equal(field_str_or_empty(schema, "properties.notifyHook.format"), "uri");
    assert_non_null(field_at(imagine, "responses.422"));
    assert_null(field_at(imagine, "responses.403"));
    assert_int_equal(json_array_size(json_object_get(imagine, "security")), 2);
}

// Seedance's and Volcengine's bodies are both told.
static void test_a_path_of_two_families(void **state)
{
    json_t *operation = json_object_get(
        json_object_get(json_object_get(document, "paths"), "/volc/v1/contents/generations/tasks"),
        "post");
    json_t *body = json_object_get(field_at(operation, "requestBody.content"), "application/json");

    (void)state;
    assert_int_equal(field_count(body, "schema.anyOf"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_there),
        cmocka_unit_test(test_what_is_private),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_one_operation),
        cmocka_unit_test(test_a_path_of_two_families),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
