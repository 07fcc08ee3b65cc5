// fal's images: what requests to /v1/images and those in fal's own words become, and where they go.
// Single quotes stand for double ones.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "tests/support/check.h"

#define HOST "https://queue.fal.run"
#define LINK "https://e.com/a.png"
#define LAST "https://e.com/b.png"
#define RAW "iVBORw0KGgo="
#define DATA "data:image/png;base64," RAW

static struct config_model model = {.name = (char *)"art"};
static struct account account = {
    .name = (char *)"a", .provider_name = (char *)"fal", .models = &model, .model_count = 1};

// `theirs`: what the account calls the model "art".
static struct task *make(const char *theirs, const char *action, const char *request,
                         const char *dialect)
{
    struct task *task = task_new();
    json_t *json = json_plain_read(request);
    struct err err;

    assert_non_null(json);
    account.base_url = (char *)HOST;
    account.dialect_name = (char *)(uintptr_t)dialect;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    model.upstream = (char *)(uintptr_t)theirs;
    task->model = mem_str("art");
    task->action = mem_str(action);
    task->request = json_dumps(json, 0);
    json_decref(json);
    return task;
}

static int tear_down(void **state)
{
    (void)state;
    account_clear_keys(&account);
    return 0;
}

#define NANO "fal-ai/nano-banana"
#define PRO "fal-ai/nano-banana-pro"
#define FLUX "fal-ai/flux/dev"
#define KONTEXT "fal-ai/flux-pro/kontext"
#define MULTI "fal-ai/flux-pro/kontext/max/multi"
#define SEEDREAM "fal-ai/bytedance/seedream/v4"
#define GPT "fal-ai/gpt-image-1.5"
#define OTHER "fal-ai/lighthouse"

static const struct {
    const char *theirs, *action, *request;
    const char *path, *sent; // NULL: it is refused,
    const char *error;       // and this is how what is said of it begins
} cases[] = {
    // From /v1/images.
    {NANO, "generate", "{'model':'art','prompt':'x'}", NANO, "{'prompt':'x'}", NULL},
    {NANO, "generate",
     "{'prompt':'x','n':4,'size':'1792x1024','user':'u','response_format':'b64_json',"
     "'stream':true,'partial_images':1,'sync_mode':true,'quality':'hd','style':'vivid',"
     "'notifyHook':'http://h','output_format':'webp'}",
     NANO, "{'prompt':'x','num_images':4,'aspect_ratio':'16:9','output_format':'webp'}", NULL},
    {NANO, "generate", "{'prompt':'x','size':'1024x1536'}", NANO,
     "{'prompt':'x','aspect_ratio':'2:3'}", NULL},
    {NANO, "generate", "{'prompt':'x','size':'auto','n':null}", NANO, "{'prompt':'x'}", NULL},
    {NANO, "generate", "{'prompt':'x','size':'1024x1024','aspect_ratio':'21:9'}", NANO,
     "{'prompt':'x','aspect_ratio':'21:9'}", NULL},
    {NANO, "generate", "{'prompt':'x','size':'large'}", NULL, NULL, "size: must be"},
    {NANO, "generate", "{'prompt':'x','size':'0x1024'}", NULL, NULL, "size: must be"},
    {NANO, "generate", "{'prompt':'x','size':'99999x1024'}", NULL, NULL, "size: must be"},
    {NANO, "generate", "{'prompt':'x','size':'1024x'}", NULL, NULL, "size: must be"},
    {NANO, "generate", "{'prompt':'x','n':5}", NULL, NULL, "n: must be from 1 to 4"},
    {NANO, "generate", "{'prompt':'x','resolution':'2K'}", NULL, NULL,
     "resolution: is not supported by art"},
    {PRO, "generate", "{'prompt':'x','resolution':'2K'}", PRO, "{'prompt':'x','resolution':'2K'}",
     NULL},
    {NANO, "generate", "{'prompt':'x','background':'opaque'}", NULL, NULL, "background: is not"},
    {NANO, "generate", "{'prompt':'x','moderation':'low'}", NULL, NULL, "moderation: is not"},
    {NANO, "generate", "{'prompt':'x','output_compression':5}", NULL, NULL, "output_compression: "},
    {NANO, "generate", "{'prompt':'x','watermark':true}", NULL, NULL, "watermark: is not"},
    {NANO, "edit", "{'prompt':'x','images':['" LINK "','" RAW "']}", NANO "/edit",
     "{'prompt':'x','image_urls':['" LINK "','" DATA "']}", NULL},
    {NANO "/edit", "edit", "{'prompt':'x','images':['" LINK "']}", NANO "/edit",
     "{'prompt':'x','image_urls':['" LINK "']}", NULL},
    {NANO, "generate", "{'prompt':'x','images':['" LINK "']}", NANO "/edit",
     "{'prompt':'x','image_urls':['" LINK "']}", NULL},
    {NANO, "edit", "{'prompt':'x','images':['" LINK "'],'mask':'" LINK "'}", NULL, NULL,
     "mask: is not supported by art"},
    {NANO, "variation", "{'images':['" LINK "']}", NULL, NULL, "model: art makes no variations"},
    {FLUX, "generate", "{'prompt':'x','size':'1024x768','n':2}", FLUX,
     "{'prompt':'x','image_size':{'width':1024,'height':768},'num_images':2}", NULL},
    {FLUX, "generate", "{'prompt':'x','size':'square_hd'}", FLUX,
     "{'prompt':'x','image_size':'square_hd'}", NULL},
    {FLUX, "generate", "{'prompt':'x','aspect_ratio':'1:1'}", NULL, NULL, "aspect_ratio: is not"},
    {FLUX, "edit", "{'prompt':'x','images':['" LINK "']}", FLUX "/image-to-image",
     "{'prompt':'x','image_url':'" LINK "'}", NULL},
    {FLUX, "edit", "{'prompt':'x','images':['" LINK "','" LAST "']}", NULL, NULL,
     "images: at most 1 for art"},
    {KONTEXT, "edit", "{'prompt':'x','images':['" RAW "'],'size':'1024x1024'}", KONTEXT,
     "{'prompt':'x','image_url':'" DATA "','aspect_ratio':'1:1'}", NULL},
    {MULTI, "edit", "{'prompt':'x','images':['" LINK "','" LAST "']}", MULTI,
     "{'prompt':'x','image_urls':['" LINK "','" LAST "']}", NULL},
    {SEEDREAM "/text-to-image", "edit", "{'prompt':'x','images':['" LINK "'],'n':6}",
     SEEDREAM "/edit", "{'prompt':'x','image_urls':['" LINK "'],'num_images':6}", NULL},
    {SEEDREAM "/text-to-image", "generate", "{'prompt':'x','n':7}", NULL, NULL, "n: must be"},
    {GPT, "edit",
     "{'prompt':'x','images':['" LINK "'],'mask':'" RAW "','size':'1024x1536','quality':'low',"
     "'background':'opaque','input_fidelity':'high'}",
     GPT "/edit",
     "{'prompt':'x','image_urls':['" LINK "'],'mask_image_url':'" DATA "',"
     "'image_size':'1024x1536','quality':'low','background':'opaque','input_fidelity':'high'}",
     NULL},
    {"fal-ai/gpt-image-1/text-to-image", "edit", "{'prompt':'x','images':['" LINK "']}",
     "fal-ai/gpt-image-1/edit-image", "{'prompt':'x','image_urls':['" LINK "']}", NULL},
    {"fal-ai/imagen4/preview", "edit", "{'prompt':'x','images':['" LINK "']}", NULL, NULL,
     "images: is not supported by art"},
    {"fal-ai/flux-pro/v1.1", "edit", "{'prompt':'x','images':['" LINK "']}", NULL, NULL,
     "images: is not supported by art"},
    // A model that nobody knows gets what it is told.
    {OTHER, "generate",
     "{'prompt':'x','size':'512x512','n':9,'quality':'q','background':'b','aspect_ratio':'1:1',"
     "'glow':{'a':1}}",
     OTHER,
     "{'prompt':'x','image_size':{'width':512,'height':512},'num_images':9,'quality':'q',"
     "'background':'b','aspect_ratio':'1:1','glow':{'a':1}}",
     NULL},
    {OTHER, "edit", "{'prompt':'x','images':['" LINK "'],'mask':'" LAST "'}", OTHER,
     "{'prompt':'x','image_url':'" LINK "','mask_url':'" LAST "'}", NULL},
    {OTHER, "edit", "{'prompt':'x','images':['" LINK "','" LAST "']}", OTHER,
     "{'prompt':'x','image_urls':['" LINK "','" LAST "']}", NULL},
    // Each to its own.
    {"fal-ai/kling-video/v2/master/text-to-video", "generate", "{'prompt':'x'}", NULL, NULL,
     "model: art doesn't make images"},
    {"fal-ai/kling-video/v1.6/pro/image-to-video", "edit", "{'prompt':'x'}", NULL, NULL,
     "model: art doesn't make images"},
    {"fal-ai/wan/v2.2-a14b/text-to-image", "generate", "{'prompt':'x'}",
     "fal-ai/wan/v2.2-a14b/text-to-image", "{'prompt':'x'}", NULL},
    {"fal-ai/minimax/image-01", "generate", "{'prompt':'x'}", "fal-ai/minimax/image-01",
     "{'prompt':'x'}", NULL},
    {NANO, "video", "{'prompt':'x'}", NULL, NULL, "model: art doesn't make videos"},
    {FLUX, "video", "{'prompt':'x'}", NULL, NULL, "model: art doesn't make videos"},
    {OTHER, "video", "{'prompt':'x'}", OTHER, "{'prompt':'x'}", NULL},
    {"lighthouse", "generate", "{'prompt':'x'}", NULL, NULL, "model: art stands for no endpoint"},
    {"fal-ai/../x", "run", "{'prompt':'x'}", NULL, NULL, "model: art stands for no endpoint"},
    // In fal's own words, and in those of the page.
    {NANO, "run",
     "{'prompt':'x','negative_prompt':'n','image_size':'landscape_16_9','num_images':2,'seed':7,"
     "'guidance_scale':3.5,'num_inference_steps':28,'sync_mode':true,'output_format':'png'}",
     NANO, "{'prompt':'x','aspect_ratio':'16:9','num_images':2,'seed':7,'output_format':'png'}",
     NULL},
    {NANO, "run", "{'prompt':'x','image_size':'square_hd'}", NANO,
     "{'prompt':'x','aspect_ratio':'1:1'}", NULL},
    {NANO, "run", "{'prompt':'x','image_size':'portrait_4_3'}", NANO,
     "{'prompt':'x','aspect_ratio':'3:4'}", NULL},
    {NANO, "run", "{'prompt':'x','image_size':{'width':1280,'height':720}}", NANO,
     "{'prompt':'x','aspect_ratio':'16:9'}", NULL},
    {NANO, "run", "{'prompt':'x','image_size':'square','aspect_ratio':'4:5'}", NANO,
     "{'prompt':'x','aspect_ratio':'4:5'}", NULL},
    {NANO, "run", "{'prompt':'x','image_size':'wide'}", NULL, NULL, "image_size: must be"},
    {NANO, "run", "{'prompt':'x','image_size':{'width':'1','height':2}}", NULL, NULL,
     "image_size: must be"},
    {NANO, "run", "{'prompt':'x','num_images':5}", NULL, NULL, "num_images: must be from 1 to 4"},
    {NANO, "run", "{}", NULL, NULL, "prompt: is required"},
    {NANO, "run", "{'prompt':''}", NULL, NULL, "prompt: is required"},
    {NANO "/edit", "run", "{'image_url':'" LINK "'}", NULL, NULL, "prompt: is required"},
    {NANO "/edit", "run", "{'prompt':'x'}", NULL, NULL, "image_url: is required"},
    {NANO "/edit", "run", "{'prompt':'x','image_urls':['',null]}", NULL, NULL,
     "image_url: is required"},
    {NANO "/edit", "run", "{'prompt':'x','image_url':'" LINK "','strength':0.6}", NANO "/edit",
     "{'prompt':'x','image_urls':['" LINK "']}", NULL},
    {NANO "/edit", "run", "{'prompt':'x','image_url':'" LINK "','image_urls':['" RAW "']}",
     NANO "/edit", "{'prompt':'x','image_urls':['" DATA "']}", NULL},
    {NANO "/edit", "run", "{'prompt':'x','image_url':'" RAW "'}", NANO "/edit",
     "{'prompt':'x','image_urls':['" DATA "']}", NULL},
    {NANO "/edit", "run", "{'prompt':'x','image_url':'" LINK "','mask_url':'" LINK "'}", NULL, NULL,
     "mask_url: is not supported by art"},
    {FLUX, "run",
     "{'prompt':'x','image_size':'portrait_4_3','guidance_scale':3.5,'num_inference_steps':28,"
     "'enable_safety_checker':false}",
     FLUX,
     "{'prompt':'x','image_size':'portrait_4_3','guidance_scale':3.5,'num_inference_steps':28,"
     "'enable_safety_checker':false}",
     NULL},
    {KONTEXT, "run", "{'prompt':'x','image_url':'" LINK "','guidance_scale':3.5}", KONTEXT,
     "{'prompt':'x','image_url':'" LINK "','guidance_scale':3.5}", NULL},
    {GPT "/edit", "run", "{'prompt':'x','image_url':'" LINK "','mask_url':'" LINK "'}", GPT "/edit",
     "{'prompt':'x','image_urls':['" LINK "'],'mask_image_url':'" LINK "'}", NULL},
    {OTHER, "run", "{'image_url':'" RAW "','mask_url':'" LINK "','strength':0.5,'n':3}", OTHER,
     "{'image_url':'" DATA "','mask_url':'" LINK "','strength':0.5,'n':3}", NULL},
    {"fal-ai/kling-video/v2/master/text-to-video", "run", "{'prompt':'x','duration':'5'}",
     "fal-ai/kling-video/v2/master/text-to-video", "{'prompt':'x','duration':'5'}", NULL},
};

static void check_case(size_t i, const char *dialect)
{
    struct task *task = make(cases[i].theirs, cases[i].action, cases[i].request, dialect);
    struct http_request request = {0};
    json_t *sent = NULL, *expected = NULL;
    struct err err = {0};
    char url[200];

    if (account.dialect->check(task, &account, &err)) {
        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        sent = json_loads(request.body.data, 0, NULL);
        snprintf(url, sizeof url, HOST "/%s", cases[i].path == NULL ? "" : cases[i].path);
        assert_string_equal(request.url, url);
        assert_non_null(strstr(request.headers.data, dialect == NULL
                                                         ? "Authorization: Key k\n"
                                                         : "Authorization: Bearer k\n"));
    } else if (cases[i].error == NULL || err.code != ERR_INVALID ||
               strncmp(err.message, cases[i].error, strlen(cases[i].error)) != 0) {
        fail_msg("%s: %s", cases[i].request, err.message);
    }
    if (cases[i].sent != NULL) {
        expected = json_plain_read(cases[i].sent);
        assert_non_null(expected);
    }
    if ((sent == NULL) != (expected == NULL) || (sent != NULL && !json_equal(sent, expected)))
        fail_msg("%s: %s", cases[i].request, buf_text(&request.body));
    json_decref(sent);
    json_decref(expected);
    http_request_clear(&request);
    task_free(task);
    account_clear_keys(&account);
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_case(i, NULL);
}

// A relay has fal's path, and is a call there.
static void test_relay(void **state)
{
    struct task *task = make(NANO, "generate", "{'prompt':'x'}", "relay");
    struct http_request request = {0};
    struct err err;

    (void)state;
    assert_true(account.dialect->is_call(task, &account));
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_non_null(strstr(request.headers.data, "Idempotency-Key: "));
    assert_true(request.timeout_ms >= 300000);
    http_request_clear(&request);
    model.upstream = (char *)"bria/text-to-image";
    assert_false(account.dialect->check(task, &account, &err));
    assert_string_equal(err.message, "model: art has no path at a relay");
    task_free(task);
    account_clear_keys(&account);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].action, "video") != 0 && strncmp(cases[i].theirs, "fal-ai/", 7) == 0)
            check_case(i, "relay");
    task = make(OTHER, "video", "{'prompt':'x'}", "relay");
    assert_false(account.dialect->is_call(task, &account));
    task_free(task);
}

// What clients send to a path of the family's.
static void test_family(void **state)
{
    static const struct {
        const char *path, *body;
        const char *error; // NULL: it is taken
    } requests[] = {
        {"nano-banana", "{'prompt':'x','image_size':'landscape_16_9','num_images':1}", NULL},
        {"nano-banana/edit", "{'prompt':'x','image_url':'" LINK "','strength':0.6}", NULL},
        {"flux-pro/kontext/max", "{'prompt':'x','image_size':{'width':1,'height':2}}", NULL},
        {"birefnet", "{'image_url':'" DATA "','glow':{'a':[1]}}", NULL},
        {"x", "{'prompt':'x','seed':7,'guidance_scale':0.5,'num_inference_steps':30}", NULL},
        {"x", "{'prompt':null,'image_size':null,'image_urls':[],'sync_mode':false}", NULL},
        {"x", "{'prompt':5}", "prompt: "},
        {"x", "{'prompt':['x']}", "prompt: "},
        {"x", "{'negative_prompt':5}", "negative_prompt: "},
        {"x", "{'image_size':5}", "image_size: "},
        {"x", "{'image_size':['square']}", "image_size: "},
        {"x", "{'aspect_ratio':1.5}", "aspect_ratio: "},
        {"x", "{'num_images':0}", "num_images: "},
        {"x", "{'num_images':17}", "num_images: "},
        {"x", "{'num_images':'2'}", "num_images: "},
        {"x", "{'num_images':1.5}", "num_images: "},
        {"x", "{'seed':'7'}", "seed: "},
        {"x", "{'seed':-1}", "seed: "},
        {"x", "{'guidance_scale':'3'}", "guidance_scale: "},
        {"x", "{'num_inference_steps':0}", "num_inference_steps: "},
        {"x", "{'enable_safety_checker':1}", "enable_safety_checker: "},
        {"x", "{'sync_mode':'true'}", "sync_mode: "},
        {"x", "{'image_url':5}", "image_url: "},
        {"x", "{'image_url':['" LINK "']}", "image_url: "},
        {"x", "{'image_urls':'" LINK "'}", "image_urls: "},
        {"x", "{'image_urls':[5]}", "image_urls.0: "},
        {"x", "{'mask_url':{}}", "mask_url: "},
        {"x", "{'mask_url':true}", "mask_url: "},
        {"x", "{'strength':1.5}", "strength: "},
        {"x", "{'strength':-0.5}", "strength: "},
        {"x", "{'notifyHook':5}", "notifyHook: "},
    };
    const struct family *family = family_find("fal");
    char path[161];
    struct err err;

    (void)state;
    assert_string_equal(family->routes[0].path, "/fal-ai/{model...}");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct family_request request = {.route = family->routes, .path_id = requests[i].path};
        struct task *task = task_new();
        json_t *body = json_plain_read(requests[i].body);
        const char *once = NULL;
        bool is_taken;

        assert_non_null(body);
        request.body = body;
        is_taken = family->accept(&request, task, &once, &err);
        if (is_taken != (requests[i].error == NULL) ||
            (!is_taken && (err.code != ERR_INVALID || strncmp(err.message, requests[i].error,
                                                              strlen(requests[i].error)) != 0)))
            fail_msg("%s: %s", requests[i].body, is_taken ? "taken" : err.message);
        if (is_taken) {
            assert_string_equal(task->provider, "fal");
            assert_int_equal(strncmp(task->model, "fal-ai/", 7), 0);
            assert_string_equal(task->model + 7, requests[i].path);
        }
        json_decref(body);
        task_free(task);
    }

    // Longer than any model's name.
    snprintf(path, sizeof path, "%0160d", 0);
    struct task *task = task_new();
    json_t *body = json_object();
    struct family_request request = {.route = family->routes, .path_id = path, .body = body};
    const char *once = NULL;

    assert_false(family->accept(&request, task, &once, &err));
    assert_int_equal(err.code, ERR_MODEL);
    json_decref(body);
    task_free(task);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_bodies),
        TEST(test_relay),
        TEST(test_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
