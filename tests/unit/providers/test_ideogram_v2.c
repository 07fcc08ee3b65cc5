// Ideogram's newer API: what goes there, in its words, and what stays a call.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/ideogram_case.h"

#define V2 "http://v/v2/image/"
#define MASK "'mask':" FILE("mask.png", RAW)

static void check_all(const struct ideogram_case *cases, size_t count)
{
    ideogram_bind("v2", NULL, NULL);
    for (size_t i = 0; i < count; i++)
        ideogram_check_case(&cases[i]);
}

static void test_jobs(void **state)
{
    static const struct ideogram_case cases[] = {
        {V3 "generate", NULL, "{" P "}", V2 "generate/ideogram-3", "{" P ",'async':true}", NULL},
        {V3 "generate", NULL,
         "{" P ",'aspect_ratio':'ASPECT_16_9','model':'V_3','magic_prompt_option':'AUTO',"
         "'rendering_speed':'TURBO','style_type':'DESIGN','negative_prompt':'Y','num_images':8,"
         "'seed':2147483647,'callback_url':'https://e.com/hook'}",
         V2 "generate/ideogram-3",
         "{" P ",'aspect_ratio':'16x9','magic_prompt':'auto','rendering_speed':'turbo',"
         "'style_type':'design','negative_prompt':'Y','num_images':8,'seed':2147483647,"
         "'async':true}",
         NULL},
        {V3 "generate", NULL,
         "{" P ",'resolution':'800x1280','style_preset':'BRIGHT_ART','private':false,"
         "'color_palette':{'name':'EMBER'},'enable_copyright_detection':true}",
         V2 "generate/ideogram-3",
         "{" P ",'resolution':'800x1280','style_preset':'bright_art','private':false,"
         "'color_palette':{'name':'ember'},'enable_copyright_detection':true,'async':true}",
         NULL},
        {V3 "generate", NULL,
         "{" P ",'style_codes':['AAFF5733'],'magic_prompt':'OFF','rendering_speed':'QUALITY',"
         "'style_type':'','seed':'0'}",
         V2 "generate/ideogram-3",
         "{" P ",'style_codes':['AAFF5733'],'magic_prompt':'off','rendering_speed':'quality',"
         "'seed':0,'async':true}",
         NULL},

        {V3 "edit", NULL, "{" P "," IMG ",'mask':'" RAW "','style_type':'FICTION','seed':7}",
         V2 "inpaint/ideogram-3",
         "{" P ",'style_type':'fiction','seed':'7','async':'true'," SENT "," MASK "}", NULL},
        {V3 "edit", NULL, "{" P ",'image':'" LINK "','mask':'" LINK "','num_images':'2'}",
         V2 "inpaint/ideogram-3", "{" P ",'num_images':'2','async':'true'," SENT "," MASK "}",
         NULL},

        {V3 "remix", NULL,
         "{" P "," IMG ",'image_weight':0,'aspect_ratio':'ASPECT_1_3','style_codes':['a','b']}",
         V2 "remix/ideogram-3",
         "{" P ",'image_weight':'1','aspect_ratio':'1x3','style_codes':['a','b'],"
         "'async':'true'," SENT "}",
         NULL},
        {V3 "remix", NULL,
         "{" P ",'image':'" LINK "','resolution':'1344x768','rendering_speed':'DEFAULT',"
         "'color_palette':{'members':[{'color_hex':'#FFAA00'}]}}",
         V2 "remix/ideogram-3",
         "{" P ",'resolution':'1344x768','rendering_speed':'default',"
         "'color_palette':{'members':[{'color_hex':'#FFAA00'}]},'async':'true'," SENT "}",
         NULL},

        // The vendor wants to know how large.
        {V3 "reframe", NULL, "{" IMG "}", V2 "reframe/ideogram-3",
         "{'resolution':'1024x1024','async':'true'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'aspect_ratio':'16x9','model':'V_3'}",
         V2 "reframe/ideogram-3", "{'resolution':'1312x736','async':'true'," SENT "}", NULL},

        // Else it may be shown to everybody.
        {V3 "replace-background", NULL, "{" P ",'image':'" LINK "','rendering_speed':'TURBO'}",
         V2 "replace-background/ideogram-3",
         "{" P ",'rendering_speed':'turbo','private':'true','async':'true'," SENT "}", NULL},
        {V3 "replace-background", NULL, "{" P "," IMG ",'private':false}",
         V2 "replace-background/ideogram-3", "{" P ",'private':'false','async':'true'," SENT "}",
         NULL},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

// What the newer API lacks is asked for as at an account without it: it would pass over the field
// in silence, or refuse the word.
static void test_calls(void **state)
{
    static const struct ideogram_case cases[] = {
        {V3 "edit", NULL, "{" P "," IMG "}", "http://v/v1/edit",
         "{" P ",'images':" FILE("image.png", RAW) "}", NULL},
        {V3 "generate", NULL, "{" P ",'rendering_speed':'FLASH'}", AT "generate",
         "{" P ",'rendering_speed':'FLASH'}", NULL},
        {V3 "generate", NULL, "{" P ",'rendering_speed':'BALANCED'}", AT "generate",
         "{" P ",'rendering_speed':'BALANCED'}", NULL},
        {V3 "generate", NULL, "{" P ",'custom_model_uri':'model/x'}", AT "generate",
         "{" P ",'custom_model_uri':'model/x'}", NULL},
        {V3 "generate", NULL, "{" P ",'webhook_url':'https://e.com/a'}", AT "generate",
         "{" P ",'webhook_url':'https://e.com/a'}", NULL},
        {V3 "replace-background", NULL, "{" P "," IMG ",'seed':7}", AT "replace-background",
         "{" P ",'seed':'7'," SENT "}", NULL},
        {V3 "replace-background", NULL, "{" P "," IMG ",'magic_prompt':'ON'}",
         AT "replace-background", "{" P ",'magic_prompt':'ON'," SENT "}", NULL},
        {OLD "generate", NULL, "{" IR(P) "}", "http://v/generate", "{" IR(P ",'model':'V_2'") "}",
         NULL},
        {OLD "remix", NULL, "{" IR(P) "," IF "}", "http://v/remix",
         "{" IR(P ",'model':'V_2'") "," SENT_IF "}", NULL},
        {OLD "upscale", NULL, "{" IF "}", "http://v/upscale", "{'image_request':{}," SENT_IF "}",
         NULL},
        {OLD "describe", NULL, "{" IF "}", "http://v/describe", "{" SENT_IF "}", NULL},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

static void test_refusals(void **state)
{
    static const struct ideogram_case cases[] = {
        {.path = V3 "generate", .body = "{" P ",'rendering_speed':'FAST'}", .error = "rendering_"},
        {.path = V3 "generate", .body = "{" P "," IMG "}", .error = "image: is not supported by"},
        {.path = V3 "generate",
         .body = "{" P ",'resolution':'1344x768','aspect_ratio':'ASPECT_16_9'}",
         .error = "resolution: not beside aspect_ratio"},
        {.path = V3 "edit",
         .body = "{" P "," IMG ",'mask':'" RAW "','resolution':'1024x1024'}",
         .error = "resolution: is not supported by edit"},
        {.path = V3 "reframe",
         .body = "{" IMG ",'negative_prompt':'x'}",
         .error = "negative_prompt: is not supported by reframe"},
    };

    (void)state;
    check_all(cases, sizeof cases / sizeof cases[0]);
}

// What is sent as webhook_url; NULL: nothing.
static char *hook_of(const char *path, const char *body, const char *callback_url)
{
    struct err err;
    struct task *task = ideogram_accept(path, body, &err);
    struct http_request made = {0};
    json_t *sent;
    char *hook;

    assert_non_null(task);
    mem_set_str(&task->callback_url, callback_url);
    assert_true(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    sent = ideogram_body_of(&made);
    hook = mem_str(json_string_value(json_object_get(sent, "webhook_url")));
    json_decref(sent);
    http_request_clear(&made);
    task_free(task);
    return hook;
}

// The vendor calls no address without TLS, and where it has no field for one none is sent.
static void test_webhooks(void **state)
{
#define OURS "https://s.example/v1/callbacks/task_1.x"
    static const struct {
        const char *path, *body, *url;
        bool is_sent;
    } cases[] = {
        {V3 "generate", "{" P "}", OURS, true},
        {V3 "edit", "{" P "," IMG ",'mask':'" RAW "'}", OURS, true},
        {V3 "remix", "{" P "," IMG "}", OURS, true},
        {V3 "replace-background", "{" P "," IMG "}", OURS, true},
        {V3 "reframe", "{" IMG "}", OURS, false},
        {V3 "generate", "{" P "}", "http://s.example/v1/callbacks/task_1.x", false},
        {V3 "generate", "{" P "}", NULL, false},
        {V3 "generate", "{" P ",'rendering_speed':'FLASH'}", OURS, false}, // a call
        {OLD "generate", "{" IR(P) "}", OURS, false},
    };

    (void)state;
    ideogram_bind("v2", NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *hook = hook_of(cases[i].path, cases[i].body, cases[i].url);

        if ((hook != NULL) != cases[i].is_sent || (hook != NULL && strcmp(hook, OURS) != 0))
            fail_msg("%s %s: %s", cases[i].path, cases[i].body, hook == NULL ? "none" : hook);
        free(hook);
    }
}

static void test_looks(void **state)
{
    struct err err;
    struct task *task = ideogram_accept(V3 "generate", "{" P "}", &err);
    struct http_request made = {0};

    (void)state;
    ideogram_bind("v2", NULL, NULL);
    assert_true(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    assert_non_null(strstr(made.headers.data, "Api-Key: k\n"));
    assert_null(strstr(made.headers.data, "Authorization"));
    http_request_clear(&made);
    mem_set_str(&task->upstream_id, "x-d_Zi/w");
    assert_true(ideogram_account.dialect->build_poll(task, &ideogram_account, &made, &err));
    assert_string_equal(made.url, "http://v/v2/generations/x-d_Zi%2Fw");
    assert_non_null(strstr(made.headers.data, "Api-Key: k\n"));
    http_request_clear(&made);
    assert_false(provider_can_cancel(&ideogram_account));
    // Looks do without the request, which is gone by then.
    mem_set_str(&task->request, NULL);
    assert_true(ideogram_account.dialect->build_poll(task, &ideogram_account, &made, &err));
    http_request_clear(&made);
    task_free(task);
}

static int tear_down(void **state)
{
    (void)state;
    ideogram_unbind();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),     cmocka_unit_test(test_calls),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_webhooks),
        cmocka_unit_test(test_looks),
    };

    return cmocka_run_group_tests_name("ideogram_v2", tests, NULL, tear_down);
}
