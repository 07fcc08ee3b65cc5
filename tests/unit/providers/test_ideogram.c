// Ideogram: what a request becomes, and where it goes. Single quotes stand for double ones; of a
// form a file is {"name","type","data"}, with its data in base64.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/message/multipart.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/ideogram_case.h"

#define JPEG "/9j/4AAQSkZJRgAB"
#define GIF "R0lGODlhAQABAAAA"
#define PNG_OF(ihdr) "iVBORw0KGgoAAAANSUhEUgAA" ihdr
#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
#define SMALL PNG_OF("AAEAAAABCAIAAACQd1Pe") // 1x1
#define WIDE PNG_OF("AAIAAAABCAIAAACQd1Pe")  // 2x1

static void test_official(void **state)
{
    static const struct ideogram_case cases[] = {
        {V3 "generate", NULL, "{" P "}", AT "generate", "{" P "}", NULL},
        {V3 "generate", NULL,
         "{" P ",'aspect_ratio':'ASPECT_16_9','model':'V_3','magic_prompt_option':'AUTO',"
         "'rendering_speed':'TURBO','style_type':'DESIGN','negative_prompt':'y','num_images':8,"
         "'seed':2147483647,'callback_url':'https://e.com/hook'}",
         AT "generate",
         "{" P ",'aspect_ratio':'16x9','magic_prompt':'AUTO','rendering_speed':'TURBO',"
         "'style_type':'DESIGN','negative_prompt':'y','num_images':8,'seed':2147483647}",
         NULL},
        {V3 "generate", NULL,
         "{" P ",'aspect_ratio':'10x16','magic_prompt':'OFF','num_images':'2','seed':'2147483647',"
         "'style_type':'','negative_prompt':null}",
         AT "generate",
         "{" P ",'aspect_ratio':'10x16','magic_prompt':'OFF','num_images':2,'seed':2147483647}",
         NULL},
        {V3 "generate", NULL, "{" P ",'aspect_ratio':'3:1'}", AT "generate",
         "{" P ",'aspect_ratio':'3x1'}", NULL},
        {V3 "generate", NULL, "{" P ",'resolution':'800x1280','style_preset':'BRIGHT_ART'}",
         AT "generate", "{" P ",'resolution':'800x1280','style_preset':'BRIGHT_ART'}", NULL},
        {V3 "generate", NULL, "{" P ",'style_codes':['AAFF5733']}", AT "generate",
         "{" P ",'style_codes':['AAFF5733']}", NULL},

        {V3 "edit", NULL, "{" P "," IMG ",'mask':'" RAW "','style_type':'DESIGN','seed':7}",
         AT "edit",
         "{" P ",'style_type':'DESIGN','seed':'7'," SENT ",'mask':" FILE("mask.png", RAW) "}",
         NULL},
        {V3 "edit", NULL, "{" P ",'image':'" LINK "','mask':'" LINK "','num_images':'2'}",
         AT "edit", "{" P ",'num_images':'2'," SENT ",'mask':" FILE("mask.png", RAW) "}", NULL},
        {V3 "edit", NULL, "{" P ",'image':'" JPEG "','mask':'" DATA "'}", AT "edit",
         "{" P ",'image':{'name':'image.jpg','type':'image/jpeg','data':'" JPEG
         "'},'mask':" FILE("mask.png", RAW) "}",
         NULL},
        {V3 "edit", NULL,
         "{" P "," IMG ",'mask':'','style_type':'DESIGN','rendering_speed':'TURBO','num_images':2,"
         "'magic_prompt_option':'ON'}",
         "http://v/v1/edit",
         "{" P ",'num_images':'2','magic_prompt':'ON','images':" FILE("image.png", RAW) "}", NULL},
        {V3 "edit", NULL, "{" P ",'image':'" LINK "'}", "http://v/v1/edit",
         "{" P ",'images':" FILE("image.png", RAW) "}", NULL},

        {V3 "remix", NULL,
         "{" P "," IMG ",'image_weight':0,'aspect_ratio':'ASPECT_1_3','style_codes':['a','b']}",
         AT "remix",
         "{" P ",'image_weight':'1','aspect_ratio':'1x3','style_codes':['a','b']," SENT "}", NULL},
        {V3 "remix", NULL, "{" P "," IMG ",'image_weight':'100','resolution':'1344x768'}",
         AT "remix", "{" P ",'image_weight':'100','resolution':'1344x768'," SENT "}", NULL},
        {V3 "remix", NULL, "{" P "," IMG ",'color_palette':{'name':'EMBER'}}", AT "remix",
         "{" P ",'color_palette':{'name':'EMBER'}," SENT "}", NULL},

        {V3 "reframe", NULL, "{" IMG ",'resolution':'1536x512'}", AT "reframe",
         "{'resolution':'1536x512'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'model':'V_3'}", AT "reframe",
         "{'resolution':'1024x1024'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'aspect_ratio':'ASPECT_16_9'}", AT "reframe",
         "{'resolution':'1312x736'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'aspect_ratio':'9x16'}", AT "reframe",
         "{'resolution':'736x1312'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'aspect_ratio':'ASPECT_3_1'}", AT "reframe",
         "{'resolution':'1536x512'," SENT "}", NULL},
        {V3 "reframe", NULL, "{" IMG ",'aspect_ratio':'1:1'}", AT "reframe",
         "{'resolution':'1024x1024'," SENT "}", NULL},

        {V3 "replace-background", NULL, "{" P ",'image':'" LINK "','seed':0}",
         AT "replace-background", "{" P ",'seed':'0'," SENT "}", NULL},

        {OLD "generate", NULL, "{" IR(P) "}", "http://v/generate", "{" IR(P ",'model':'V_2'") "}",
         NULL},
        {OLD "generate", NULL,
         "{" IR(P ",'model':'V_2_TURBO','aspect_ratio':'16:9','magic_prompt_option':'AUTO',"
                  "'style_type':'ANIME','negative_prompt':'y','num_images':'3','seed':'5'") "}",
         "http://v/generate",
         "{" IR(P ",'model':'V_2_TURBO','aspect_ratio':'ASPECT_16_9','magic_prompt_option':'AUTO',"
                  "'style_type':'ANIME','negative_prompt':'y','num_images':3,'seed':5") "}",
         NULL},
        {OLD "generate", NULL, "{" IR(P ",'model':'AUTO','resolution':'RESOLUTION_1280_720'") "}",
         "http://v/generate", "{" IR(P ",'model':'AUTO','resolution':'RESOLUTION_1280_720'") "}",
         NULL},
        // As a form has it.
        {OLD "remix", NULL,
         "{'image_request':'{\\'prompt\\':\\'x\\',\\'image_weight\\':0}'," IF "}", "http://v/remix",
         "{" IR(P ",'model':'V_2','image_weight':1") "," SENT_IF "}", NULL},
        {OLD "remix", NULL, "{" IR(P ",'model':'V_1'") ",'image_file':'" LINK "'}",
         "http://v/remix", "{" IR(P ",'model':'V_1'") "," SENT_IF "}", NULL},
        {OLD "upscale", NULL, "{" IR(P ",'model':'V_2','detail':'60','resemblance':1") "," IF "}",
         "http://v/upscale", "{" IR(P ",'detail':60,'resemblance':1") "," SENT_IF "}", NULL},
        {OLD "upscale", NULL, "{" IF "}", "http://v/upscale", "{'image_request':{}," SENT_IF "}",
         NULL},
        {OLD "upscale", NULL, "{" IR("") "," IF "}", "http://v/upscale",
         "{'image_request':{}," SENT_IF "}", NULL},
        {OLD "describe", NULL, "{" IF "}", "http://v/describe", "{" SENT_IF "}", NULL},
        {OLD "describe", NULL, "{'image_file':'" LINK "','describe_model_version':'V_3'}",
         "http://v/describe", "{'describe_model_version':'V_3'," SENT_IF "}", NULL},
    };

    (void)state;
    ideogram_bind(NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ideogram_check_case(&cases[i]);
}

// Our own paths, where links are opened by whoever is there.
static void test_relay(void **state)
{
#define RELAY_AT "http://v" V3
    static const struct ideogram_case cases[] = {
        {V3 "generate", NULL,
         "{" P ",'aspect_ratio':'16x9','magic_prompt':'ON','notifyHook':'https://e.com'}",
         RELAY_AT "generate", "{" P ",'aspect_ratio':'ASPECT_16_9','magic_prompt_option':'ON'}",
         NULL},
        {V3 "edit", NULL, "{" P ",'image':'" LINK "','model':'V_3'}", RELAY_AT "edit",
         "{" P ",'image':'" LINK "','model':'V_3'}", NULL},
        {V3 "edit", NULL, "{" P ",'image':'" LINK "','mask':'" RAW "'}", RELAY_AT "edit",
         "{" P ",'image':'" LINK "','mask':'" RAW "'}", NULL},
        {V3 "remix", NULL, "{" P "," IMG ",'image_weight':'0'}", RELAY_AT "remix",
         "{" P "," IMG ",'image_weight':0}", NULL},
        {V3 "reframe", NULL, "{" IMG "}", RELAY_AT "reframe", "{" IMG "}", NULL},
        {V3 "replace-background", NULL, "{" P "," IMG "}", RELAY_AT "replace-background",
         "{" P "," IMG "}", NULL},
        {OLD "generate", NULL, "{" IR(P) "}", "http://v/ideogram/generate", "{" IR(P) "}", NULL},
        {OLD "remix", NULL, "{" IR(P ",'model':'V_2'") "," IF "}", "http://v/ideogram/remix",
         "{" IR(P ",'model':'V_2'") "," IF "}", NULL},
        {OLD "upscale", NULL, "{" IF "}", "http://v/ideogram/upscale", "{" IF "}", NULL},
        {OLD "describe", NULL, "{" IF "}", "http://v/ideogram/describe", "{" IF "}", NULL},
    };

    (void)state;
    ideogram_bind("relay", NULL, NULL);
    assert_null(ideogram_account.dialect->input_at);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ideogram_check_case(&cases[i]);
}

static void test_refusals(void **state)
{
    static const struct ideogram_case cases[] = {
        {.path = V3 "generate", .body = "{}", .error = "prompt: is required"},
        {.path = V3 "generate", .body = "{'prompt':''}", .error = "prompt: must not be empty"},
        {.path = V3 "generate", .body = "{'prompt':5}", .error = "prompt: must be a string"},
        {.path = V3 "generate", .body = "{" P ",'model':'V_2'}", .error = "model: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'aspect_ratio':'ASPECT_7_5'}",
         .error = "aspect_ratio: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'aspect_ratio':'16*9'}",
         .error = "aspect_ratio: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'aspect_ratio':'16x9x'}",
         .error = "aspect_ratio: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'magic_prompt_option':'on'}",
         .error = "magic_prompt_option: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'magic_prompt':7}",
         .error = "magic_prompt: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'rendering_speed':'FAST'}",
         .error = "rendering_speed: must be one of"},
        {.path = V3 "generate",
         .body = "{" P ",'style_type':'ANIME'}",
         .error = "style_type: must be one of"},
        {.path = V3 "generate", .body = "{" P ",'num_images':0}", .error = "num_images: must be"},
        {.path = V3 "generate", .body = "{" P ",'num_images':9}", .error = "num_images: must be"},
        {.path = V3 "generate",
         .body = "{" P ",'num_images':'two'}",
         .error = "num_images: must be"},
        {.path = V3 "generate", .body = "{" P ",'seed':-1}", .error = "seed: must be from 0"},
        {.path = V3 "generate", .body = "{" P ",'seed':2147483648}", .error = "seed: must be from"},
        {.path = V3 "generate", .body = "{" P ",'seed':1.5}", .error = "seed: must be an integer"},
        {.path = V3 "generate",
         .body = "{" P ",'negative_prompt':[]}",
         .error = "negative_prompt: must be a string"},
        {.path = V3 "generate",
         .body = "{" P ",'resolution':'1000x1000'}",
         .error = "resolution: must be one that V_3 has"},
        {.path = V3 "generate",
         .body = "{" P ",'resolution':'1280x720'}",
         .error = "resolution: must be one that V_3 has"},
        {.path = V3 "generate",
         .body = "{" P ",'resolution':1024}",
         .error = "resolution: must be a string"},
        {.path = V3 "generate",
         .body = "{" P ",'resolution':'1344x768','aspect_ratio':'ASPECT_16_9'}",
         .error = "resolution: not beside aspect_ratio"},
        {.path = V3 "generate",
         .body = "{" P ",'style_codes':['a'],'style_type':'DESIGN'}",
         .error = "style_codes: not beside style_type"},
        {.path = V3 "generate", .body = "{" P "," IMG "}", .error = "image: is not supported by"},
        {.path = V3 "generate",
         .body = "{" P ",'image_weight':5}",
         .error = "image_weight: is not"},
        {.path = V3 "generate",
         .body = "{" P ",'callback_url':'ftp://x'}",
         .error = "callback_url: must be"},
        {.path = V3 "edit", .body = "{" P "}", .error = "image: is required"},
        {.path = V3 "edit", .body = "{" IMG "}", .error = "prompt: is required"},
        {.path = V3 "edit", .body = "{" P ",'image':''}", .error = "image: must not be empty"},
        {.path = V3 "edit",
         .body = "{" P ",'image':'ftp://e.com/a'}",
         .error = "image: must be an"},
        {.path = V3 "edit", .body = "{" P ",'image':['" RAW "']}", .error = "image: must be an"},
        {.path = V3 "edit", .body = "{" P ",'image':'" GIF "'}", .error = "image: must be a JPEG"},
        {.path = V3 "edit", .body = "{" P ",'image':'PGh0bWw+'}", .error = "image: must be a JPEG"},
        {.path = V3 "edit",
         .body = "{" P "," IMG ",'mask':'" GIF "'}",
         .error = "mask: must be a JPEG"},
        {.path = V3 "edit", .body = "{" P "," IMG ",'mask':5}", .error = "mask: must be an"},
        {.path = V3 "edit",
         .body = "{" P ",'image':'" SMALL "','mask':'" WIDE "'}",
         .error = "mask: is 2x1, the image is 1x1"},
        {.path = V3 "edit",
         .body = "{" P "," IMG ",'aspect_ratio':'1x1'}",
         .error = "aspect_ratio: is not supported by edit"},
        {.path = V3 "edit",
         .body = "{" P "," IMG ",'negative_prompt':'y'}",
         .error = "negative_prompt: is not"},
        {.path = V3 "remix", .body = "{" P "}", .error = "image: is required"},
        {.path = V3 "remix",
         .body = "{" P "," IMG ",'image_weight':101}",
         .error = "image_weight: must be from 0 to 100"},
        {.path = V3 "remix",
         .body = "{" P "," IMG ",'image_weight':-1}",
         .error = "image_weight: must be from 0 to 100"},
        {.path = V3 "remix",
         .body = "{" P "," IMG ",'image_weight':0.5}",
         .error = "image_weight: must be an integer"},
        {.path = V3 "remix", .body = "{" P "," IMG ",'mask':'" RAW "'}", .error = "mask: is not"},
        {.path = V3 "reframe", .body = "{}", .error = "image: is required"},
        {.path = V3 "reframe", .body = "{" IMG ",'resolution':'big'}", .error = "resolution: must"},
        {.path = V3 "reframe",
         .body = "{" IMG ",'style_type':'DESIGN'}",
         .error = "style_type: is not supported by reframe"},
        {.path = V3 "reframe", .body = "{" IMG "," P "}", .error = "prompt: is not supported"},
        {.path = V3 "replace-background", .body = "{" IMG "}", .error = "prompt: is required"},
        {.path = V3 "replace-background", .body = "{" P "}", .error = "image: is required"},
        {.path = V3 "replace-background",
         .body = "{" P "," IMG ",'resolution':'1024x1024'}",
         .error = "resolution: is not supported by replace-background"},
        {.path = OLD "generate", .body = "{}", .error = "image_request: is required"},
        {.path = OLD "generate", .body = "{" P "}", .error = "image_request: is required"},
        {.path = OLD "generate",
         .body = "{'image_request':'x'}",
         .error = "image_request: must be an object"},
        {.path = OLD "remix",
         .body = "{'image_request':'{\\'prompt\\':\\'x\\',\\'prompt\\':1}'," IF "}",
         .error = "image_request: must be an object"},
        {.path = OLD "remix",
         .body = "{'image_request':'[1]'," IF "}",
         .error = "image_request: must be an object"},
        {.path = OLD "remix",
         .body = "{'image_request':'{\\'prompt\\':" DEEP "}'," IF "}",
         .error = "image_request: must be an object"},
        {.path = OLD "generate",
         .body = "{'image_request':[1]}",
         .error = "image_request: must be an object"},
        {.path = OLD "generate",
         .body = "{" IR("'model':'V_2'") "}",
         .error = "image_request.prompt: is required"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'model':'V_9'") "}",
         .error = "image_request.model: must be one of"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'aspect_ratio':'ASPECT_2_1'") "}",
         .error = "image_request.aspect_ratio: must be one of"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'magic_prompt_option':'YES'") "}",
         .error = "image_request.magic_prompt_option: must be one of"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'style_type':'ODD'") "}",
         .error = "image_request.style_type: must be one of"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'num_images':9") "}",
         .error = "image_request.num_images: must be from 1 to 8"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'resolution':'1280x720'") "}",
         .error = "image_request.resolution: must be one that V_2 has"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'resolution':'RESOLUTION_800_1280'") "}",
         .error = "image_request.resolution: must be one that V_2 has"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'resolution':'RESOLUTION_1024_1024x'") "}",
         .error = "image_request.resolution: must be one that V_2 has"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'resolution':'RESOLUTION_1024_1024','aspect_ratio':'1x1'") "}",
         .error = "image_request.resolution: not beside aspect_ratio"},
        {.path = OLD "generate",
         .body = "{" IR(P) "," IF "}",
         .error = "image_file: is not supported by"},
        {.path = OLD "generate",
         .body = "{" IR(P ",'image_weight':5") "}",
         .error = "image_request.image_weight: is not"},
        {.path = OLD "remix", .body = "{" IR(P) "}", .error = "image_file: is required"},
        {.path = OLD "remix", .body = "{" IF "}", .error = "image_request: is required"},
        {.path = OLD "remix",
         .body = "{" IR(P ",'image_weight':101") "," IF "}",
         .error = "image_request.image_weight: must be"},
        {.path = OLD "remix",
         .body = "{" IR(P) ",'image_file':'" GIF "'}",
         .error = "image_file: must be a JPEG"},
        {.path = OLD "upscale", .body = "{" IR(P) "}", .error = "image_file: is required"},
        {.path = OLD "upscale",
         .body = "{" IR("'detail':0") "," IF "}",
         .error = "image_request.detail: must be from 1 to 100"},
        {.path = OLD "upscale",
         .body = "{" IR("'resemblance':101") "," IF "}",
         .error = "image_request.resemblance: must be from 1 to 100"},
        {.path = OLD "upscale",
         .body = "{" IR("'style_type':'ANIME'") "," IF "}",
         .error = "image_request.style_type: is not supported by upscale"},
        {.path = OLD "describe", .body = "{}", .error = "image_file: is required"},
        {.path = OLD "describe", .body = "{'image_file':7}", .error = "image_file: must be"},
        {.path = OLD "describe",
         .body = "{" IF ",'describe_model_version':'V_1'}",
         .error = "describe_model_version: must be one of"},
    };

    (void)state;
    for (int relay = 0; relay < 2; relay++) {
        ideogram_bind(relay == 1 ? "relay" : NULL, NULL, NULL);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            ideogram_check_case(&cases[i]);
    }
}

// What the account calls a model; the path of V_3 says it by itself.
static void test_models(void **state)
{
    static const struct {
        const char *dialect, *path, *body, *model, *theirs, *sent;
    } cases[] = {
        {NULL, V3 "generate", "{" P "}", "V_3", "V_3b", "{" P "}"},
        {"relay", V3 "generate", "{" P "}", "V_3", "V_3b", "{" P ",'model':'V_3b'}"},
        {NULL, OLD "generate", "{" IR(P) "}", "V_2", "V_2b", "{" IR(P ",'model':'V_2b'") "}"},
        {"relay", OLD "generate", "{" IR(P) "}", "V_2", "V_2b", "{" IR(P ",'model':'V_2b'") "}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct task *task = ideogram_accept(cases[i].path, cases[i].body, &err);
        struct http_request made = {0};
        json_t *sent, *expected = json_plain_read(cases[i].sent);

        ideogram_bind(cases[i].dialect, cases[i].model, cases[i].theirs);
        assert_non_null(task);
        assert_string_equal(task->model, cases[i].model);
        assert_true(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
        sent = ideogram_body_of(&made);
        if (json_equal(sent, expected) != 1)
            fail_msg("%s: sends %s", cases[i].body, made.body.data);
        json_decref(sent);
        json_decref(expected);
        http_request_clear(&made);
        task_free(task);
    }
}

static void test_tasks(void **state)
{
    static const struct {
        const char *path, *body, *action, *model; // NULL: none
    } cases[] = {
        {V3 "generate", "{" P "}", "generate", "V_3"},
        {V3 "replace-background", "{" P "," IMG "}", "replace-background", "V_3"},
        {OLD "generate", "{" IR(P) "}", "legacy-generate", "V_2"},
        {OLD "remix", "{" IR(P ",'model':'V_1_TURBO'") "," IF "}", "legacy-remix", "V_1_TURBO"},
        {OLD "generate", "{" IR(P ",'model':'AUTO'") "}", "legacy-generate", NULL},
        {OLD "upscale", "{" IR(P ",'model':'V_2'") "," IF "}", "upscale", NULL},
        {OLD "describe", "{" IF "}", "describe", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        struct task *task = ideogram_accept(cases[i].path, cases[i].body, &err);

        assert_non_null(task);
        assert_string_equal(task->provider, "ideogram");
        assert_string_equal(task->action, cases[i].action);
        assert_int_equal(task->cost, 1);
        if (cases[i].model == NULL)
            assert_null(task->model);
        else
            assert_string_equal(task->model, cases[i].model);
        task_free(task);
    }
}

static void test_keys(void **state)
{
    struct err err;
    struct task *task = ideogram_accept(V3 "generate", "{" P "}", &err);
    struct http_request made = {0};

    (void)state;
    ideogram_bind(NULL, NULL, NULL);
    assert_true(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    assert_non_null(strstr(made.headers.data, "Api-Key: k\n"));
    assert_null(strstr(made.headers.data, "Authorization"));
    assert_null(strstr(made.headers.data, "Idempotency-Key"));
    http_request_clear(&made);
    mem_set_str(&task->upstream_id, "none");
    assert_true(ideogram_account.dialect->build_poll(task, &ideogram_account, &made, &err));
    assert_string_equal(made.url, "http://v/v2/generations/none");
    assert_non_null(strstr(made.headers.data, "Api-Key: k\n"));
    http_request_clear(&made);

    ideogram_bind("relay", NULL, NULL);
    assert_true(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    assert_non_null(strstr(made.headers.data, "Authorization: Bearer k\n"));
    assert_non_null(strstr(made.headers.data, "Idempotency-Key: task_1\n"));
    assert_null(strstr(made.headers.data, "Api-Key"));
    http_request_clear(&made);
    assert_true(ideogram_account.dialect->build_poll(task, &ideogram_account, &made, &err));
    assert_string_equal(made.url, "http://v/v1/models");
    http_request_clear(&made);
    task_free(task);
}

static void make_picture(size_t bytes, struct buf *file)
{
    buf_reserve(file, bytes);
    buf_add(file, "\x89PNG\r\n\x1a\n", 8);
    memset(file->data + file->len, '0', bytes - file->len);
    file->len = bytes;
    file->data[bytes] = '\0';
}

static bool is_taken_in_request(const struct buf *file, struct err *err)
{
    struct task *task = ideogram_accept(V3 "replace-background", "{" P "," IMG "}", err);
    struct buf request = {0};
    bool is;

    buf_str(&request, "{\"image\":\"");
    base64_encode(file->data, file->len, &request);
    buf_str(&request, "\"}");
    free(task->request);
    task->request = buf_take(&request);
    is = ideogram_account.dialect->check(task, &ideogram_account, err);
    task_free(task);
    return is;
}

// Its first bytes are there, and its size.
static bool is_taken_behind_link(const struct buf *file, struct err *err)
{
    struct task *task = ideogram_accept(V3 "replace-background", "{" P ",'image':'" LINK "'}", err);
    struct http_request made = {0};
    bool is;

    assert_true(ideogram_account.dialect->check(task, &ideogram_account, err));
    ideogram_give_inputs(task, RAW);
    buf_reset(&task->inputs[0].data);
    buf_add(&task->inputs[0].data, file->data, MEDIA_HEAD_BYTES);
    task->inputs[0].bytes = (int64_t)file->len;
    is = ideogram_account.dialect->build_submit(task, &ideogram_account, &made, err);
    if (is) {
        assert_int_equal(made.gap_count, 1);
        assert_int_equal(made.gaps[0].bytes, file->len);
        assert_true(made.body.len < 4096);
    }
    http_request_clear(&made);
    task_free(task);
    return is;
}

// Whether in the request or behind a link, which is known when it is fetched.
static void test_sizes(void **state)
{
    enum { LIMIT = 10 * 1024 * 1024 };

    (void)state;
    ideogram_bind(NULL, NULL, NULL);
    for (int more = 0; more < 2; more++) {
        struct buf file = {0};
        struct err err = {0};

        make_picture(LIMIT + (size_t)more, &file);
        assert_int_equal(is_taken_in_request(&file, &err), more == 0);
        if (more == 1)
            assert_string_equal(err.message, "image: is larger than 10 MB");
        err = (struct err){0};
        assert_int_equal(is_taken_behind_link(&file, &err), more == 0);
        if (more == 1)
            assert_string_equal(err.message, "image: is larger than 10 MB");
        assert_int_equal(err.code, more == 0 ? 0 : ERR_INVALID);
        buf_clear(&file);
    }
}

// A link leads to something else than the vendor takes, or to nothing.
static void test_fetched(void **state)
{
    struct http_request made = {0};
    struct err err = {0};
    struct task *task = ideogram_accept(OLD "describe", "{'image_file':'" LINK "'}", &err);

    (void)state;
    ideogram_bind(NULL, NULL, NULL);
    assert_false(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    http_request_clear(&made);
    ideogram_give_inputs(task, GIF);
    assert_int_equal(task->input_count, 1);
    assert_false(ideogram_account.dialect->build_submit(task, &ideogram_account, &made, &err));
    assert_string_equal(err.message, "image_file: must be a JPEG, a PNG or a WebP");
    assert_int_equal(err.code, ERR_INVALID);
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
        cmocka_unit_test(test_official), cmocka_unit_test(test_relay),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_models),
        cmocka_unit_test(test_tasks),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_fetched),
    };

    return cmocka_run_group_tests_name("ideogram", tests, NULL, tear_down);
}
