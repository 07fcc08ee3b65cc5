// What clients send, as it arrives at the vendor: family, then the adapter's check and its submit.
//
// Single quotes stand for double ones, IMG for an image in base64.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/message/multipart.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/image_form.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/fill_gaps.h"

#define MJ "/mj/submit/"
#define KLING "/kling/v1/videos/"
#define PICTURES "/kling/v1/images/"
#define SUNO "/suno/submit/"
#define CREATE "/v1/video/create"
#define VIDEOS "/v1/videos"
#define WAN "/alibailian/api/v1/services/aigc/video-generation/video-synthesis"
#define T25 "'model':'wan2.5-t2v-preview'"
#define T22 "'model':'wan2.2-t2v-plus'"
#define I25 "'model':'wan2.5-i2v-preview'"
#define I22 "'model':'wan2.2-i2v-plus'"
#define KF "'model':'wan2.2-kf2v-flash'"
#define S2V "'model':'wan2.2-s2v'"
#define FRAMES "'first_frame_url':'https://e.com/1','last_frame_url':'https://e.com/2'"
#define VOICE "'image_url':'https://e.com/a.png','audio_url':'https://e.com/a.mp3'"
#define MINIMAX "/minimax/v1/video_generation"
#define HAILUO "'model':'MiniMax-Hailuo-02'"
#define BY_DEFAULT "'duration':6,'resolution':'768P'"
#define H3 "'model':'MiniMax-H3'"
#define FRAME(url, role) "{'type':'image_url','image_url':{'url':'" url "'},'role':'" role "'}"
#define ARK "/volc/v1/contents/generations/tasks"
#define V3 "'model_name':'kling-v3'"
#define RELAY_V3 V3 ",'model':'kling-v3'"
#define VEO "'model':'veo-3.1'"
#define V15 "'model':'doubao-seedance-1-5-pro'"
#define V2 "'model':'doubao-seedance-2-0'"
#define GOOGLE(instance) "{'instances':[" instance "],'parameters':{'sampleCount':1}}"
#define IMAGE "'image':{'bytesBase64Encoded':'iVBORw0KGgo=','mimeType':'image/png'}"
#define ITEM(kind, url) "{'type':'" kind "','" kind "':{'url':'" url "'}}"
#define TEXT "{'type':'text','text':'x'}"

static const char image[] = "data:image/png;base64,iVBORw0KGgo=";

struct request_case {
    const char *path, *dialect; // NULL: the first
    const char *body;
    const char *sent;  // what the vendor gets, without our mark; NULL: it is refused,
    const char *error; // and this is how what is said of it begins
};

static const char *chosen = "veo"; // by the model, where it chooses the provider

static char *json_of(const char *text)
{
    struct buf json = {0};

    for (; *text != '\0'; text++) {
        if (strncmp(text, "IMG", 3) == 0) {
            buf_str(&json, image);
            text += 2;
        } else {
            buf_char(&json, *text == '\'' ? '"' : *text);
        }
    }
    return buf_take(&json);
}

static const struct route *route_of(const char *path, const struct family **family)
{
    for (size_t i = 0; (*family = family_at(i)) != NULL; i++)
        for (const struct route *route = (*family)->routes; route->method != NULL; route++)
            if (strcmp(route->path, path) == 0 && strcmp(route->method, "POST") == 0)
                return route;
    return NULL;
}

static bool build(const char *provider, const struct task *task, const char *dialect,
                  struct http_request *request, struct err *err)
{
    struct account account = {.name = (char *)"a",
                              .base_url = (char *)"http://v",
                              .provider_name = (char *)(uintptr_t)provider,
                              .dialect_name = (char *)(uintptr_t)dialect};
    bool ok;

    assert_true(provider_bind(&account, err));
    account_set_key(&account, "service_account_file.project_id", "p");
    account_set_key(&account, "api_key", "k");
    ok = (account.dialect->check == NULL || account.dialect->check(task, &account, err)) &&
         account.dialect->build_submit(task, &account, request, err);
    account_clear_keys(&account);
    return ok;
}

static json_t *submit(const struct request_case *one, struct err *err)
{
    static const char *const marks[] = {"external_task_id", "state"};
    const struct family *family;
    struct family_request request = {.route = route_of(one->path, &family)};
    struct http_request made = {0};
    struct task *task = task_new();
    const char *once = NULL;
    json_t *body, *sent = NULL;

    assert_non_null(request.route);
    task->request = json_of(one->body);
    body = json_loads(task->request, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    request.body = body;
    snprintf(task->id, sizeof task->id, "task_1");
    if (family->accept(&request, task, &once, err)) {
        const char *provider = task->provider == NULL ? chosen : task->provider;

        if (build(provider, task, one->dialect, &made, err))
            sent = json_loads(buf_text(&made.body), JSON_REJECT_DUPLICATES, NULL);
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        json_object_del(sent, marks[i]);
    http_request_clear(&made);
    json_decref(body);
    task_free(task);
    return sent;
}

static unsigned run(const struct request_case *one)
{
    struct err err = {0};
    json_t *sent = submit(one, &err), *expected = NULL;
    bool ok;

    if (one->sent != NULL) {
        char *text = json_of(one->sent);

        expected = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(expected);
        free(text);
        ok = sent != NULL && json_equal(sent, expected) == 1;
    } else {
        ok = sent == NULL && err.code == ERR_INVALID &&
             strncmp(err.message, one->error, strlen(one->error)) == 0;
    }
    if (!ok) {
        char *text = sent == NULL ? NULL : json_dumps(sent, JSON_COMPACT);

        print_error("%s %s %s\n  gives %s\n", one->path, one->dialect == NULL ? "" : one->dialect,
                    one->body, text == NULL ? err.message : text);
        free(text);
    }
    json_decref(sent);
    json_decref(expected);
    return !ok;
}

static void run_all(const struct request_case *cases, size_t count)
{
    unsigned failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += run(&cases[i]);
    assert_int_equal(failed, 0);
}

#define RUN_ALL(cases) run_all((cases), sizeof(cases) / sizeof((cases)[0]))

// What is left empty isn't there: neither for us nor for the vendor.
static void test_empty(void **state)
{
    static const struct request_case cases[] = {
        {MJ "imagine", NULL,
         "{'prompt':'x','base64Array':[],'notifyHook':null,'state':'','botType':''}",
         "{'prompt':'x'}", NULL},
        {MJ "imagine", NULL, "{'prompt':'x','base64Array':[''],'botType':null,'remix':{}}",
         "{'prompt':'x'}", NULL},
        {MJ "imagine", NULL, "{'prompt':'x','base64Array':['',null,'IMG'],'accountFilter':{}}",
         "{'prompt':'x','base64Array':['IMG']}", NULL},
        {MJ "imagine", NULL, "{'prompt':'x','base64Array':''}", "{'prompt':'x'}", NULL},
        {MJ "imagine", NULL, "{'prompt':'x','base64Array':{}}", NULL, "base64Array: "},
        {MJ "imagine", NULL, "{'prompt':'','base64Array':['IMG']}", NULL, "prompt: "},
        {MJ "imagine", NULL, "{'prompt':null}", NULL, "prompt: "},
        {MJ "blend", NULL, "{'base64Array':['IMG','','IMG'],'dimensions':''}",
         "{'base64Array':['IMG','IMG']}", NULL},
        {MJ "blend", NULL, "{'base64Array':['IMG','']}", NULL, "base64Array: "},
        {MJ "blend", NULL, "{'base64Array':['']}", NULL, "base64Array: "},
        {MJ "describe", NULL, "{'base64':'','link':'https://e.com/a.png'}",
         "{'link':'https://e.com/a.png'}", NULL},
        {MJ "describe", NULL, "{'base64':'IMG','link':''}", "{'base64':'IMG'}", NULL},
        {MJ "describe", NULL, "{'base64':'','link':null}", NULL, "base64: "},
        {MJ "action", NULL, "{'taskId':'t','customId':'c','enableRemix':''}",
         "{'taskId':'t','customId':'c'}", NULL},
        {MJ "modal", NULL, "{'taskId':'t','maskBase64':'','prompt':null}", "{'taskId':'t'}", NULL},
        {MJ "modal", NULL, "{'taskId':'','prompt':'x'}", NULL, "taskId: "},
        {MJ "upload-discord-images", NULL, "{'base64Array':['']}", NULL, "base64Array: "},

        {KLING "text2video", NULL,
         "{" V3 ",'prompt':'x','model':'','image':'','image_tail':null,'image_urls':[''],"
         "'negative_prompt':null,'mode':'','duration':'','aspect_ratio':'','sound':'',"
         "'multi_shots':'','multi_prompt':[],'kling_elements':[null],'element_list':'',"
         "'cfg_scale':'','camera_control':{},'watermark_info':{'enabled':null},"
         "'callback_url':'','notifyHook':null,'external_task_id':''}",
         "{" V3 ",'prompt':'x'}", NULL},
        {KLING "text2video", "relay", "{" V3 ",'prompt':'x','image_urls':[''],'mode':''}",
         "{" RELAY_V3 ",'prompt':'x'}", NULL},
        {KLING "text2video", NULL, "{" V3 ",'prompt':'x','camera_control':[]}", NULL,
         "camera_control: "},
        {KLING "text2video", NULL,
         "{" V3 ",'prompt':'x','camera_control':{'type':'simple','config':{}}}",
         "{" V3 ",'prompt':'x','camera_control':{'type':'simple'}}", NULL},
        {KLING "image2video", NULL, "{" V3 ",'image':'','image_urls':['https://e.com/a',null]}",
         "{" V3 ",'image':'https://e.com/a'}", NULL},
        {KLING "image2video", NULL, "{" V3 ",'image_urls':['','https://e.com/b']}",
         "{" V3 ",'image_tail':'https://e.com/b'}", NULL},
        {KLING "image2video", NULL, "{" V3 ",'image_urls':['',''],'image':null}", NULL,
         "image_urls: "},
        {KLING "multi-image2video", NULL, "{" V3 ",'prompt':'x','image_list':['']}", NULL,
         "image_list: "},
        {KLING "multi-image2video", NULL,
         "{" V3 ",'prompt':'x','image_list':['',{'image_url':'','image':'https://e.com/a'}]}",
         "{" V3 ",'prompt':'x','image_list':[{'image':'https://e.com/a'}]}", NULL},
        {KLING "multi-image2video", NULL, "{" V3 ",'prompt':'x','image_list':[{'image_url':''}]}",
         NULL, "image_list.0.image_url: "},
        {KLING "omni-video", NULL,
         "{" V3 ",'prompt':'x','image_list':[''],'video_list':[],'voice_list':null,"
         "'multi_prompt':[null]}",
         "{'model_name':'kling-v3-omni','prompt':'x','aspect_ratio':'16:9'}", NULL},
        {KLING "omni-video", NULL, "{" V3 ",'prompt':'x','video_list':[{}]}", NULL,
         "video_list.0.video_url: "},
        {PICTURES "generations", NULL,
         "{'model':'','prompt':'x','n':'','image':'','image_reference':null,'resolution':'',"
         "'image_fidelity':'','negative_prompt':''}",
         "{'prompt':'x'}", NULL},
        {PICTURES "kolors-virtual-try-on", NULL, "{'human_image':'IMG','cloth_image':''}", NULL,
         "cloth_image: "},

        {SUNO "music", NULL,
         "{'gpt_description_prompt':'x','prompt':'','title':'','tags':null,'mv':'',"
         "'continue_clip_id':'','continue_at':'','audio_url':'','task':'','singer_style':'',"
         "'make_instrumental':'','notifyHook':''}",
         "{'gpt_description_prompt':'x','make_instrumental':false}", NULL},
        {SUNO "music", NULL, "{'continue_clip_id':'c','prompt':'x','continue_at':''}", NULL,
         "continue_at: "},
        {SUNO "lyrics", NULL, "{'prompt':null}", NULL, "prompt: "},
        {SUNO "concat", NULL, "{'clip_id':'c','is_infill':''}", "{'clip_id':'c'}", NULL},

        {CREATE, "gemini",
         "{" VEO ",'prompt':'x','images':[],'size':'','aspect_ratio':null,'duration':'',"
         "'negative_prompt':''}",
         GOOGLE("{'prompt':'x'}"), NULL},
        {CREATE, "gemini", "{" VEO ",'prompt':'x','images':['']}", GOOGLE("{'prompt':'x'}"), NULL},
        {CREATE, "gemini", "{" VEO ",'prompt':'x','images':['','IMG',null]}",
         GOOGLE("{'prompt':'x'," IMAGE "}"), NULL},
        {CREATE, "relay", "{" VEO ",'prompt':'x','images':[''],'foo':[]}", "{" VEO ",'prompt':'x'}",
         NULL},
        {CREATE, NULL, "{" VEO ",'prompt':'','images':['']}", NULL, "prompt: "},
        {CREATE, NULL, "{'model':'','prompt':'x'}", NULL, "model: "},
        {VIDEOS, "gemini",
         "{" VEO ",'prompt':'x','seconds':'','size':null,'image_url':'','input_reference':{},"
         "'storyboard':[],'private':'','callback_url':null}",
         GOOGLE("{'prompt':'x'}"), NULL},
        {VIDEOS, "gemini", "{" VEO ",'prompt':'x','input_reference':{'image_url':null}}",
         GOOGLE("{'prompt':'x'}"), NULL},
        {VIDEOS, "relay", "{" VEO ",'storyboard':[null,{'prompt':'x','duration':''}]}",
         "{" VEO ",'storyboard':[{'prompt':'x'}]}", NULL},
        {VIDEOS, NULL, "{" VEO ",'storyboard':[null]}", NULL, "prompt: "},
        {VIDEOS, NULL, "{" VEO ",'prompt':'x','input_reference':[]}", NULL, "input_reference: "},

        {ARK, NULL,
         "{" V2 ",'content':['',{'type':'text','text':'x','role':''}],'ratio':'','resolution':null,"
         "'duration':'','frames':null,'camera_fixed':'','seed':'','watermark':'',"
         "'service_tier':'','tools':[],'callback_url':''}",
         "{" V2 ",'content':[" TEXT "]}", NULL},
        {ARK, "relay", "{" V2 ",'content':[" TEXT "],'ratio':'','seed':''}",
         "{" V2 ",'content':[" TEXT "]}", NULL},
        {ARK, NULL, "{" V2 ",'content':['']}", NULL, "content: "},
        {ARK, NULL, "{" V2 ",'content':[{'type':'text','text':''}]}", NULL, "content.0.text: "},
        {ARK, NULL, "{" V2 ",'content':[" ITEM("image_url", "") "]}", NULL,
         "content.0.image_url.url: "},
        {ARK, NULL, "{" V15 ",'content':{'prompt':'x','image_url':'','aspect_ratio':null}}",
         "{" V15 ",'content':[" TEXT "]}", NULL},
        {ARK, "relay", "{" V15 ",'content':{'prompt':'x','image_url':''}}",
         "{" V15 ",'content':{'prompt':'x'}}", NULL},
        {ARK, NULL, "{" V15 ",'content':{'prompt':''}}", NULL, "content.prompt: "},
    };

    (void)state;
    RUN_ALL(cases);
}

// What the vendor opens is the vendor's to judge; what we fetch has to be a link.
static void test_sources(void **state)
{
    static const struct request_case cases[] = {
        {ARK, NULL, "{" V2 ",'content':[" ITEM("image_url", "asset://asset-2026-ab1c") "]}",
         "{" V2 ",'content':[" ITEM("image_url", "asset://asset-2026-ab1c") "]}", NULL},
        {ARK, NULL,
         "{" V2 ",'content':[" ITEM("image_url", "asset-7") "," ITEM(
             "video_url", "tos://b/a.mp4") "," ITEM("audio_url", "asset://a b") "]}",
         "{" V2 ",'content':[" ITEM("image_url", "asset-7") "," ITEM(
             "video_url", "tos://b/a.mp4") "," ITEM("audio_url", "asset://a b") "]}",
         NULL},
        {ARK, NULL, "{" V2 ",'content':[" ITEM("image_url", "asset://a\\nb") "]}", NULL,
         "content.0.image_url.url: "},
        {ARK, NULL, "{" V2 ",'content':[{'type':'image_url','image_url':{'url':5}}]}", NULL,
         "content.0.image_url.url: "},
        {ARK, NULL, "{" V15 ",'content':{'prompt':'x','image_url':'asset://a'}}",
         "{" V15 ",'content':[" TEXT "," ITEM("image_url", "asset://a") "]}", NULL},
        {KLING "image2video", NULL, "{" V3 ",'image':'kfile:1','image_tail':'kfile-2'}",
         "{" V3 ",'image':'kfile:1','image_tail':'kfile-2'}", NULL},
        {KLING "image2video", "relay", "{" V3 ",'image_urls':['gs://b/a.png']}",
         "{" RELAY_V3 ",'image_urls':['gs://b/a.png']}", NULL},
        {KLING "image2video", NULL, "{" V3 ",'image':5}", NULL, "image: "},
        {KLING "multi-image2video", NULL, "{" V3 ",'prompt':'x','image_list':['asset://a']}",
         "{" V3 ",'prompt':'x','image_list':[{'image':'asset://a'}]}", NULL},
        {KLING "omni-video", NULL, "{" V3 ",'prompt':'x','video_list':[{'video_url':'asset://a'}]}",
         "{'model_name':'kling-v3-omni','prompt':'x','video_list':[{'video_url':'asset://a'}]}",
         NULL},
        {PICTURES "kolors-virtual-try-on", NULL,
         "{'human_image':'asset://a','cloth_image':'asset://b'}",
         "{'human_image':'asset://a','cloth_image':'asset://b'}", NULL},
        {PICTURES "generations", NULL, "{'prompt':'x','image':'asset://a'}",
         "{'prompt':'x','image':'asset://a'}", NULL},
        {SUNO "music", NULL, "{'audio_url':'suno:clip/1','prompt':'x'}",
         "{'audio_url':'suno:clip/1','prompt':'x','make_instrumental':false}", NULL},
        {MJ "describe", NULL, "{'link':'s3://b/a.png'}", "{'link':'s3://b/a.png'}", NULL},
        {CREATE, "relay", "{" VEO ",'prompt':'x','images':['asset://a']}",
         "{" VEO ",'prompt':'x','images':['asset://a']}", NULL},
        {CREATE, "gemini", "{" VEO ",'prompt':'x','images':['asset://a']}", NULL, "images.0: "},
        {CREATE, "vertex", "{" VEO ",'prompt':'x','images':['what?']}", NULL, "images.0: "},
        {CREATE, "relay", "{" VEO ",'prompt':'x','images':[5]}", NULL, "images.0: "},
        {VIDEOS, "relay", "{" VEO ",'prompt':'x','image_url':'file-1'}",
         "{" VEO ",'prompt':'x','images':['file-1']}", NULL},
        {VIDEOS, "relay", "{" VEO ",'prompt':'x','input_reference':{'image_url':'file-1'}}",
         "{" VEO ",'prompt':'x','images':['file-1']}", NULL},
    };

    (void)state;
    RUN_ALL(cases);
}

// What is needed depends on what is asked for.
static void test_modes(void **state)
{
    static const struct request_case cases[] = {
        {SUNO "music", NULL, "{'prompt':'','title':'x','tags':'pop','make_instrumental':true}",
         "{'title':'x','tags':'pop','make_instrumental':true}", NULL},
        {SUNO "music", NULL, "{'prompt':'','title':'x','tags':'pop','make_instrumental':false}",
         NULL, "prompt: "},
        {SUNO "music", NULL, "{'title':'x','make_instrumental':true}", NULL, "tags: "},
        {SUNO "music", NULL,
         "{'continue_clip_id':'c','continue_at':60,'make_instrumental':true,'tags':'pop'}",
         "{'continue_clip_id':'c','continue_at':60,'make_instrumental':true,'tags':'pop'}", NULL},
        {SUNO "music", NULL, "{'continue_clip_id':'c','continue_at':60}", NULL, "prompt: "},
        {SUNO "music", NULL, "{'continue_clip_id':'c','prompt':'x'}", NULL, "continue_at: "},
        {SUNO "music", NULL, "{'audio_url':'https://e.com/a.mp3'}",
         "{'audio_url':'https://e.com/a.mp3','make_instrumental':false}", NULL},
        {SUNO "music", NULL, "{'task':'cover','cover_clip_id':'c','tags':'pop'}",
         "{'task':'cover','cover_clip_id':'c','tags':'pop','make_instrumental':false}", NULL},
        {SUNO "music", NULL, "{'make_instrumental':true}", NULL, "title: "},

        {KLING "image2video", NULL, "{" V3 ",'image':'https://e.com/a'}",
         "{" V3 ",'image':'https://e.com/a'}", NULL},
        {KLING "text2video", NULL, "{" V3 ",'image_urls':['https://e.com/a']}",
         "{" V3 ",'image':'https://e.com/a'}", NULL},
        {KLING "text2video", NULL, "{" V3 ",'image':'https://e.com/a'}", NULL, "prompt: "},
        {KLING "text2video", NULL,
         "{" V3 ",'multi_shots':true,'multi_prompt':[{'index':1,'prompt':'x','duration':5}]}",
         "{" V3 ",'multi_shot':true,'multi_prompt':[{'index':1,'prompt':'x','duration':'5'}]}",
         NULL},
        {KLING "omni-video", NULL,
         "{" V3 ",'prompt':'','multi_shot':true,'multi_prompt':[{'index':1,'prompt':'x'}]}",
         "{'model_name':'kling-v3-omni','multi_shot':true,'aspect_ratio':'16:9',"
         "'multi_prompt':[{'index':1,'prompt':'x'}]}",
         NULL},
        {KLING "omni-video", NULL,
         "{" V3 ",'prompt':'x','aspect_ratio':'1:1','image_list':[{'image_url':'a'}]}",
         "{'model_name':'kling-v3-omni','prompt':'x','aspect_ratio':'1:1',"
         "'image_list':[{'image_url':'a'}]}",
         NULL},
        {KLING "omni-video", NULL,
         "{" V3 ",'prompt':'x','image_list':[{'image_url':'a'},{'image_url':'b','type':"
         "'first_frame'}]}",
         "{'model_name':'kling-v3-omni','prompt':'x','image_list':[{'image_url':'a'},{'image_url':"
         "'b','type':'first_frame'}]}",
         NULL},
        {KLING "omni-video", NULL,
         "{" V3 ",'prompt':'x','video_list':[{'video_url':'a','refer_type':'feature'}]}",
         "{'model_name':'kling-v3-omni','prompt':'x','aspect_ratio':'16:9','video_list':[{"
         "'video_url':'a','refer_type':'feature'}]}",
         NULL},
        {KLING "omni-video", "relay", "{" V3 ",'prompt':'x'}", "{" RELAY_V3 ",'prompt':'x'}", NULL},
        {KLING "omni-video", NULL, "{" V3 ",'multi_prompt':[{'index':1,'prompt':'x'}]}", NULL,
         "prompt: "},
        {KLING "omni-video", NULL, "{" V3 ",'image_list':[{'image_url':'https://e.com/a'}]}", NULL,
         "prompt: "},
        {KLING "text2video", NULL, "{" V3 ",'prompt':'x','multi_shots':true}", NULL,
         "multi_prompt: "},
        {KLING "text2video", NULL,
         "{" V3 ",'prompt':'x','multi_shot':true,'shot_type':'intelligence'}",
         "{" V3 ",'prompt':'x','multi_shot':true,'shot_type':'intelligence'}", NULL},
        {KLING "text2video", NULL,
         "{" V3 ",'prompt':'x','multi_shot':true,'shot_type':'customize'}", NULL, "multi_prompt: "},
        {KLING "multi-image2video", NULL, "{" V3 ",'image_list':['https://e.com/a']}", NULL,
         "prompt: "},
        {PICTURES "generations", NULL, "{'image':'https://e.com/a'}", NULL, "prompt: "},

        {CREATE, "vertex", "{" VEO ",'images':['IMG']}", GOOGLE("{" IMAGE "}"), NULL},
        {CREATE, "gemini", "{" VEO ",'images':['IMG']}", NULL, "prompt: "},
        {CREATE, "relay", "{" VEO ",'images':['IMG']}", "{" VEO ",'images':['IMG']}", NULL},
        {VIDEOS, "relay", "{" VEO ",'image_url':'IMG'}", "{" VEO ",'images':['IMG']}", NULL},
        {VIDEOS, "vertex", "{" VEO ",'input_reference':'IMG'}", GOOGLE("{" IMAGE "}"), NULL},
        {VIDEOS, NULL, "{" VEO "}", NULL, "prompt: "},
        {ARK, NULL, "{" V15 ",'content':[" ITEM("image_url", "https://e.com/a") "]}",
         "{" V15 ",'content':[" ITEM("image_url", "https://e.com/a") "]}", NULL},
    };

    (void)state;
    RUN_ALL(cases);
}

// The vendor itself is known to refuse these; a relay may have what is newer than our lists.
static void test_limits(void **state)
{
    static const struct {
        const char *path, *native, *body, *field;
    } limits[] = {
        {KLING "text2video", "official", "{" V3 ",'prompt':'x','duration':30}", "duration: "},
        {KLING "text2video", "official", "{" V3 ",'prompt':'x','cfg_scale':7.5}", "cfg_scale: "},
        {KLING "text2video", "official", "{" V3 ",'prompt':'x','mode':'foo'}", "mode: "},
        {KLING "text2video", "official", "{" V3 ",'prompt':'x','aspect_ratio':'2:1'}",
         "aspect_ratio: "},
        {KLING "omni-video", "official", "{" V3 ",'prompt':'x','aspect_ratio':'4:3'}",
         "aspect_ratio: "},
        {KLING "text2video", "official",
         "{'model_name':'kling-v2-5-turbo','prompt':'x','duration':7}", "duration: "},
        {KLING "image2video", "official",
         "{'model_name':'kling-v2-6','image':'https://e.com/a','duration':'15'}", "duration: "},
        {KLING "text2video", "official", "{'model':'kling-v2-6','prompt':'x','mode':'4k'}",
         "mode: "},
        {KLING "image2video", "official", "{" V3 ",'image':'https://e.com/a','duration':'2'}",
         "duration: "},
        {KLING "multi-image2video", "official",
         "{" V3 ",'prompt':'x','image_list':['a','b','c','d','e']}", "image_list: "},
        {KLING "omni-video", "official", "{'model_name':'kling-v2-6','prompt':'x'}",
         "model_name: "},
        {KLING "omni-video", "official", "{'model':'kling-v1','prompt':'x'}", "model: "},
        {KLING "omni-video", "official",
         "{" V3 ",'prompt':'x','video_list':[{'video_url':'a'},{'video_url':'b'},"
         "{'video_url':'c'},{'video_url':'d'},{'video_url':'e'}]}",
         "video_list: "},
        {PICTURES "generations", "official", "{'prompt':'x','n':10}", "n: "},
        {PICTURES "generations", "official", "{'prompt':'x','resolution':'8k'}", "resolution: "},
        {PICTURES "generations", "official", "{'prompt':'x','image_reference':'pose'}",
         "image_reference: "},
        {ARK, "ark", "{" V2 ",'content':[" TEXT "],'resolution':'1080p'}", "resolution: "},
        {ARK, "ark", "{" V2 ",'content':[" TEXT "],'duration':30}", "duration: "},
        {ARK, "ark", "{" V2 ",'content':[" TEXT "],'frames':57}", "frames: "},
        {ARK, "ark", "{" V15 ",'content':[" TEXT "],'resolution':'4k'}", "resolution: "},
        {ARK, "ark", "{" V15 ",'content':[" TEXT "],'ratio':'2:1'}", "ratio: "},
        {ARK, "ark", "{" V15 ",'content':[" TEXT "],'service_tier':'gold'}", "service_tier: "},
        {ARK, "ark", "{" V2 ",'content':[" ITEM("audio_url", "https://e.com/a") "]}", "content: "},
        {ARK, "ark", "{" V2 ",'content':[" ITEM("mesh_url", "https://e.com/a") "]}",
         "content.0.type: "},
        {ARK, "ark", "{" V2 ",'content':[{'type':'text','text':'x','role':'narrator'}]}",
         "content.0.role: "},
        {ARK, "ark", "{" V15 ",'content':{'prompt':'x','aspect_ratio':'2:1'}}",
         "content.aspect_ratio: "},
        {WAN, "dashscope", "{" T25 ",'input':{'negative_prompt':'x'}}",
         "input.prompt: is required"},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x','img_url':'https://e.com/a'}}",
         "input.img_url: is not supported"},
        {WAN, "dashscope", "{" T22 ",'input':{'prompt':'x','audio_url':'https://e.com/a'}}",
         "input.audio_url: is not supported"},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x'},'parameters':{'duration':7}}",
         "parameters.duration: must be 5 or 10"},
        {WAN, "dashscope", "{" T22 ",'input':{'prompt':'x'},'parameters':{'duration':10}}",
         "parameters.duration: wan2.2-t2v-plus makes 5 seconds"},
        {WAN, "dashscope",
         "{'model':'wan2.6-t2v','input':{'prompt':'x'},'parameters':{'duration':16}}",
         "parameters.duration: must be from 2 to 15"},
        {WAN, "dashscope",
         "{'model':'wan2.6-t2v','input':{'prompt':'x'},'parameters':{'duration':1}}",
         "parameters.duration: "},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x'},'parameters':{'size':'720P'}}",
         "parameters.size: "},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x'},'parameters':{'size':'1280x720'}}",
         "parameters.size: "},
        {WAN, "dashscope", "{" T22 ",'input':{'prompt':'x'},'parameters':{'size':'1280*720'}}",
         "parameters.size: "},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'4K'}}",
         "parameters.resolution: must be one of: 480P, 720P, 1080P"},
        {WAN, "dashscope", "{" T22 ",'input':{'prompt':'x'},'parameters':{'resolution':'720P'}}",
         "parameters.resolution: must be one of: 480P, 1080P"},
        {WAN, "dashscope", "{" T25 ",'input':{'prompt':'x'},'parameters':{'seed':2147483648}}",
         "parameters.seed: "},
        {WAN, "dashscope", "{" I25 ",'input':{'prompt':'x'}}", "input.img_url: is required"},
        {WAN, "dashscope",
         "{" I22 ",'input':{'img_url':'https://e.com/a'},'parameters':{"
         "'resolution':'720P'}}",
         "parameters.resolution: "},
        {WAN, "dashscope", "{" KF ",'input':{'last_frame_url':'https://e.com/a'}}",
         "input.first_frame_url: is required"},
        {WAN, "dashscope", "{" KF ",'input':{'first_frame_url':'https://e.com/a'}}",
         "input.last_frame_url: is required"},
        {WAN, "dashscope", "{" S2V ",'input':{'image_url':'https://e.com/a'}}",
         "input.audio_url: is required"},
        {WAN, "dashscope", "{" S2V ",'input':{'audio_url':'https://e.com/a'}}",
         "input.image_url: is required"},
        {WAN, "dashscope", "{" S2V ",'input':{" VOICE "},'parameters':{'resolution':'1080P'}}",
         "parameters.resolution: "},
        {CREATE, "gemini", "{" VEO ",'prompt':'x','images':['IMG','IMG']}", "images: "},
        {CREATE, "vertex", "{" VEO ",'prompt':'x','images':['IMG','IMG']}", "images: "},
        {VIDEOS, "gemini", "{" VEO ",'storyboard':[{'prompt':'x'}]}", "storyboard: "},
        {"/jimeng/submit/videos", "volc", "{'model':'jimeng-video-3.0','prompt':'x','duration':8}",
         "duration: must be 5 or 10"},
        {"/jimeng/submit/videos", "volc", "{'model':'jimeng-video-3.0','prompt':'x','frames':240}",
         "frames: must be 121 or 241"},
        {"/jimeng/submit/videos", "volc",
         "{'model':'jimeng-video-3.0','prompt':'x','frames':121,'duration':10}",
         "frames: doesn't fit"},
        {"/jimeng/submit/videos", "volc",
         "{'model':'jimeng-video-3.0','prompt':'x','aspect_ratio':'2:1'}", "aspect_ratio: "},
        {"/jimeng/submit/videos", "volc",
         "{'model':'jimeng-video-3.0','image_url':'https://e.com/a','template_id':'spin',"
         "'camera_strength':'weak'}",
         "template_id: "},
        {"/jimeng/submit/videos", "volc",
         "{'model':'jimeng-video-3.0','image_url':'https://e.com/a','template_id':'handheld',"
         "'camera_strength':'heavy'}",
         "camera_strength: "},
    };
    unsigned failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct request_case one = {limits[i].path, limits[i].native, limits[i].body, NULL,
                                   limits[i].field};
        struct err err = {0};
        json_t *sent;

        failed += run(&one);
        one.dialect = "relay";
        sent = submit(&one, &err);
        if (sent == NULL)
            print_error("%s at a relay: %s\n", one.body, err.message);
        failed += sent == NULL;
        json_decref(sent);
    }
    assert_int_equal(failed, 0);
}

// Nobody's limits are another's: of a model that is newer than our lists nothing is known.
static void test_new_models(void **state)
{
    static const struct request_case cases[] = {
        {CREATE, "relay", "{'model':'veo-9','prompt':'x','aspect_ratio':'1:1','duration':30}",
         "{'model':'veo-9','prompt':'x','aspect_ratio':'1:1','duration':30}", NULL},
        {CREATE, "relay", "{'model':'veo-9','prompt':'x','size':'8K','images':['a','b','c']}",
         "{'model':'veo-9','prompt':'x','size':'8K','images':['a','b','c']}", NULL},
        {CREATE, "relay", "{" VEO ",'prompt':'x','aspect_ratio':'1:1'}", NULL, "aspect_ratio: "},
        {CREATE, "relay", "{" VEO ",'prompt':'x','duration':30}", NULL, "duration: "},
        {CREATE, "vertex", "{'model':'veo-9','prompt':'x','aspect_ratio':'1:1','duration':30}",
         "{'instances':[{'prompt':'x'}],'parameters':{'sampleCount':1,'aspectRatio':'1:1',"
         "'durationSeconds':30}}",
         NULL},
        {CREATE, "vertex", "{'model':'veo-9','prompt':'x','size':'8K'}", NULL, "size: "},
        {KLING "omni-video", "relay", "{'model_name':'kling-v9-omni','prompt':'x'}",
         "{'model_name':'kling-v9-omni','model':'kling-v9-omni','prompt':'x'}", NULL},
        {SUNO "music", NULL, "{'gpt_description_prompt':'x','mv':'chirp-v9'}",
         "{'gpt_description_prompt':'x','mv':'chirp-v9','make_instrumental':false}", NULL},
    };

    (void)state;
    RUN_ALL(cases);
}

// DashScope gets what each model has a word for.
static void test_wan(void **state)
{
    static const struct request_case cases[] = {
        {WAN, NULL,
         "{" T25 ",'input':{'prompt':'x','negative_prompt':'y','audio_url':'https://e.com/a.mp3'},"
         "'parameters':{'resolution':'720P','duration':10,'prompt_extend':false,'watermark':true,"
         "'audio':true,'seed':2147483647},'notifyHook':'http://h','callback_url':'http://i'}",
         "{" T25 ",'input':{'prompt':'x','negative_prompt':'y','audio_url':'https://e.com/a.mp3'},"
         "'parameters':{'size':'1280*720','duration':10,'prompt_extend':false,'watermark':true,"
         "'audio':true,'seed':2147483647}}",
         NULL},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'480P'}}",
         "{" T25 ",'input':{'prompt':'x'},'parameters':{'size':'832*480'}}", NULL},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'1080P'}}",
         "{" T25 ",'input':{'prompt':'x'},'parameters':{'size':'1920*1080'}}", NULL},
        {WAN, NULL,
         "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'1080P','size':'624*624'}}",
         "{" T25 ",'input':{'prompt':'x'},'parameters':{'size':'624*624'}}", NULL},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x','img_url':''},'parameters':{'seed':null}}",
         "{" T25 ",'input':{'prompt':'x'}}", NULL},
        {WAN, NULL,
         "{" T22 ",'input':{'prompt':'x'},'parameters':{'resolution':'480P','duration':5,"
         "'audio':true,'more':1},'more':2}",
         "{" T22 ",'input':{'prompt':'x'},'parameters':{'size':'832*480'}}", NULL},
        {WAN, NULL, "{" T22 ",'input':{'prompt':'x'},'parameters':{'duration':5}}",
         "{" T22 ",'input':{'prompt':'x'}}", NULL},
        {WAN, NULL,
         "{'model':'wan2.6-t2v','input':{'prompt':'x'},'parameters':{'duration':15,"
         "'size':'1632*1248'}}",
         "{'model':'wan2.6-t2v','input':{'prompt':'x'},'parameters':{'duration':15,"
         "'size':'1632*1248'}}",
         NULL},
        {WAN, NULL,
         "{" I25 ",'input':{'prompt':'x','img_url':'IMG','audio_url':'https://e.com/a'},"
         "'parameters':{'resolution':'480P','duration':5,'audio':false}}",
         "{" I25 ",'input':{'prompt':'x','img_url':'IMG','audio_url':'https://e.com/a'},"
         "'parameters':{'resolution':'480P','duration':5,'audio':false}}",
         NULL},
        {WAN, NULL, "{" I25 ",'input':{'img_url':'iVBORw0KGgo=','template':'flying'}}",
         "{" I25 ",'input':{'img_url':'IMG','template':'flying'}}", NULL},
        {WAN, NULL,
         "{" I22 ",'input':{'img_url':'https://e.com/a'},'parameters':{'resolution':'1080P',"
         "'duration':5,'audio':true,'size':'1280*720'}}",
         "{" I22 ",'input':{'img_url':'https://e.com/a'},'parameters':{'resolution':'1080P'}}",
         NULL},
        {WAN, NULL,
         "{" KF ",'input':{'prompt':'x'," FRAMES
         "},'parameters':{'resolution':'720P','duration':5}}",
         "{" KF ",'input':{'prompt':'x'," FRAMES "},'parameters':{'resolution':'720P'}}", NULL},
        {WAN, NULL, "{" KF ",'input':{'first_frame_url':'https://e.com/1','template':'hug'}}",
         "{" KF ",'input':{'first_frame_url':'https://e.com/1','template':'hug'}}", NULL},
        {WAN, NULL,
         "{" S2V ",'input':{'prompt':'x'," VOICE "},'parameters':{'resolution':'720P',"
         "'duration':5,'seed':1}}",
         "{" S2V ",'input':{" VOICE "},'parameters':{'resolution':'720P'}}", NULL},
        {WAN, NULL, "{'model':'wan-ai/wan2.1-t2v-14b','input':{'prompt':'x'}}",
         "{'model':'wan2.1-t2v-plus','input':{'prompt':'x'}}", NULL},
        {WAN, NULL,
         "{'model':'wan-ai/wan2.1-i2v-14b-720p','input':{'img_url':'https://e.com/a'},"
         "'parameters':{'resolution':'720P'}}",
         "{'model':'wan2.1-i2v-plus','input':{'img_url':'https://e.com/a'},"
         "'parameters':{'resolution':'720P'}}",
         NULL},
        {WAN, "relay", "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'720P'}}",
         "{" T25 ",'input':{'prompt':'x'},'parameters':{'resolution':'720P'}}", NULL},
        {WAN, "relay", "{'model':'wan9','input':{'prompt':'x','new':1},'parameters':{'new':2}}",
         "{'model':'wan9','input':{'prompt':'x','new':1},'parameters':{'new':2}}", NULL},
        {WAN, NULL, "{}", NULL, "model: is required"},
        {WAN, NULL, "{" T25 "}", NULL, "input: is required"},
        {WAN, NULL, "{" T25 ",'input':'x'}", NULL, "input: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':5}}", NULL, "input.prompt: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':[1]}", NULL, "parameters: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'watermark':'yes'}}", NULL,
         "parameters.watermark: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'duration':'5'}}", NULL,
         "parameters.duration: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'duration':5.5}}", NULL,
         "parameters.duration: "},
        {WAN, NULL, "{" T25 ",'input':{'prompt':'x'},'parameters':{'seed':-1}}", NULL,
         "parameters.seed: "},
        {WAN, NULL, "{" S2V ",'input':{'image_url':'here','audio_url':'oss://a/b'}}", NULL,
         "input.audio_url: "},
    };

    (void)state;
    RUN_ALL(cases);
}

static void test_wan_paths(void **state)
{
    static const struct {
        const char *model, *theirs; // NULL: the account lists none
        const char *path;
    } cases[] = {
        {"wan2.5-t2v-preview", NULL, "video-generation"},
        {"wan2.5-i2v-preview", NULL, "video-generation"},
        {"wan2.2-kf2v-flash", NULL, "image2video"},
        {"wan2.2-s2v", NULL, "image2video"},
        {"film", "wan2.2-kf2v-flash", "image2video"},
        {"film", "wanx2.1-kf2v-plus", "image2video"},
        {"film", "wan3-s2v", "image2video"},
        {"wan3-s2v", "m-1", "image2video"},
        {"film", "wan3-i2v", "video-generation"},
        {"film", "m-1", "video-generation"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_model model = {.name = (char *)(uintptr_t)cases[i].model,
                                     .upstream = (char *)(uintptr_t)cases[i].theirs};
        struct account account = {.name = (char *)"a",
                                  .base_url = (char *)"http://v",
                                  .provider_name = (char *)"wan",
                                  .models = &model,
                                  .model_count = cases[i].theirs != NULL};
        struct task *task = task_new();
        struct http_request request = {0};
        struct err err;
        char url[160];

        assert_true(provider_bind(&account, &err));
        account_set_key(&account, "api_key", "k");
        task->model = mem_str(cases[i].model);
        task->request = mem_str("{\"input\":{}}");
        task->upstream_id = mem_str("a/b?c");
        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        snprintf(url, sizeof url, "http://v/api/v1/services/aigc/%s/video-synthesis",
                 cases[i].path);
        assert_string_equal(request.url, url);
        assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
        assert_non_null(strstr(request.headers.data, "X-DashScope-Async: enable\n"));
        http_request_clear(&request);

        assert_true(account.dialect->build_poll(task, &account, &request, &err));
        assert_string_equal(request.url, "http://v/api/v1/tasks/a%2Fb%3Fc");
        assert_null(strstr(request.headers.data, "Async"));
        http_request_clear(&request);

        assert_true(account.dialect->build_cancel(task, &account, &request, &err));
        assert_string_equal(request.url, "http://v/api/v1/tasks/a%2Fb%3Fc/cancel");
        assert_int_equal(request.method, HTTP_POST_);
        assert_null(strstr(request.headers.data, "Async"));
        http_request_clear(&request);
        account_clear_keys(&account);
        task_free(task);
    }
}

// MiniMax gets a field for each thing, of its newer generation a list; old names become those of
// the models that it has.
static void test_minimax(void **state)
{
    static const struct request_case cases[] = {
        {MINIMAX, NULL, "{'model':'video-01','prompt':'x','notifyHook':'http://h','more':1}",
         "{" HAILUO ",'prompt':'x'," BY_DEFAULT "}", NULL},
        {MINIMAX, NULL, "{'model':'video-01','prompt':'x','first_frame_image':'https://e.com/a'}",
         "{" HAILUO ",'prompt':'x','first_frame_image':'https://e.com/a'," BY_DEFAULT "}", NULL},
        {MINIMAX, NULL, "{'model':'video-01-live2d','first_frame_image':'iVBORw0KGgo='}",
         "{'model':'I2V-01-live','first_frame_image':'IMG'}", NULL},
        {MINIMAX, NULL,
         "{" HAILUO ",'prompt':'x','first_frame_image':'IMG','last_frame_image':'https://e.com/b',"
         "'duration':10,'resolution':'512P','prompt_optimizer':false,'fast_pretreatment':true,"
         "'aigc_watermark':true,'ratio':'16:9','callback_url':'http://i'}",
         "{" HAILUO ",'prompt':'x','first_frame_image':'IMG','last_frame_image':'https://e.com/b',"
         "'duration':10,'resolution':'512P','prompt_optimizer':false,'fast_pretreatment':true,"
         "'aigc_watermark':true}",
         NULL},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','resolution':'1080P','duration':null}",
         "{" HAILUO ",'prompt':'x','resolution':'1080P','duration':6}", NULL},
        {MINIMAX, NULL, "{'model':'T2V-01-Director','prompt':'x','duration':6}",
         "{'model':'T2V-01-Director','prompt':'x','duration':6}", NULL},
        {MINIMAX, NULL,
         "{'model':'S2V-01','prompt':'x','subject_reference':[{'type':'character','image':["
         "'iVBORw0KGgo=','https://e.com/b']}]}",
         "{'model':'S2V-01','prompt':'x','subject_reference':[{'type':'character','image':["
         "'IMG','https://e.com/b']}]}",
         NULL},
        {MINIMAX, NULL, "{" H3 ",'prompt':'x','prompt_optimizer':true}",
         "{" H3 ",'content':[" TEXT "],'ratio':'16:9'}", NULL},
        {MINIMAX, NULL,
         "{'model':'MiniMax-H3-Max','prompt':'x','ratio':'21:9','resolution':'2K','duration':15,"
         "'aigc_watermark':false}",
         "{'model':'MiniMax-H3-Max','content':[" TEXT "],'ratio':'21:9','resolution':'2K',"
         "'duration':15,'aigc_watermark':false}",
         NULL},
        {MINIMAX, NULL,
         "{" H3 ",'first_frame_image':'iVBORw0KGgo=','last_frame_image':'https://e.com/b'}",
         "{" H3
         ",'content':[" FRAME("IMG", "first_frame") "," FRAME("https://e.com/b", "last_frame") "]}",
         NULL},
        {MINIMAX, "relay", "{'model':'video-01','prompt':'x','callback_url':'http://i'}",
         "{'model':'video-01','prompt':'x'}", NULL},
        {MINIMAX, "relay", "{'model':'MiniMax-H9','prompt':'x','new':1}",
         "{'model':'MiniMax-H9','prompt':'x','new':1}", NULL},
        {MINIMAX, NULL, "{'prompt':'x'}", NULL, "model: is required"},
        {MINIMAX, NULL, "{'model':'video-01'}", NULL, "prompt: is required"},
        {MINIMAX, NULL, "{'model':'video-01','prompt':''}", NULL, "prompt: must not be empty"},
        {MINIMAX, NULL, "{'model':'video-01','prompt':5}", NULL, "prompt: "},
        {MINIMAX, NULL, "{'model':'T2V-01','prompt':'x','first_frame_image':'IMG'}", NULL,
         "first_frame_image: is not supported by T2V-01"},
        {MINIMAX, NULL, "{'model':'I2V-01','prompt':'x'}", NULL,
         "first_frame_image: is required by I2V-01"},
        {MINIMAX, NULL, "{'model':'video-01-live2d','prompt':'x'}", NULL,
         "first_frame_image: is required by video-01-live2d"},
        {MINIMAX, NULL, "{'model':'MiniMax-Hailuo-2.3-Fast','prompt':'x'}", NULL,
         "first_frame_image: is required"},
        {MINIMAX, NULL, "{'model':'MiniMax-Hailuo-2.3','prompt':'x','last_frame_image':'IMG'}",
         NULL, "last_frame_image: is not supported"},
        {MINIMAX, NULL, "{'model':'S2V-01','prompt':'x'}", NULL, "subject_reference: is required"},
        {MINIMAX, NULL, "{'model':'S2V-01','subject_reference':{}}", NULL,
         "subject_reference: must be"},
        {MINIMAX, NULL, "{'model':'S2V-01','subject_reference':[{'type':'character'}]}", NULL,
         "subject_reference.0.image: is required"},
        {MINIMAX, NULL, "{'model':'S2V-01','subject_reference':[{'image':[5]}]}", NULL,
         "subject_reference.0.image.0: "},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','resolution':'720P'}", NULL, "resolution: "},
        {MINIMAX, NULL, "{'model':'T2V-01','prompt':'x','resolution':'768P'}", NULL,
         "resolution: "},
        {MINIMAX, NULL, "{" H3 ",'prompt':'x','resolution':'1080P'}", NULL, "resolution: "},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','duration':7}", NULL,
         "duration: must be 6 or 10"},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','duration':10,'resolution':'1080P'}", NULL,
         "duration: must be 6 in 1080P"},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','duration':'6'}", NULL, "duration: "},
        {MINIMAX, NULL, "{'model':'T2V-01','prompt':'x','duration':10}", NULL,
         "duration: must be 6"},
        {MINIMAX, NULL, "{" H3 ",'prompt':'x','duration':16}", NULL,
         "duration: must be from 4 to 15"},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','ratio':'9:16'}", NULL, "ratio: "},
        {MINIMAX, NULL, "{" H3 ",'prompt':'x','ratio':'adaptive'}", NULL, "ratio: "},
        {MINIMAX, NULL, "{" HAILUO ",'prompt':'x','prompt_optimizer':'yes'}", NULL,
         "prompt_optimizer: "},
    };

    (void)state;
    RUN_ALL(cases);
}

// The paths go by the model as the account calls it.
static void test_minimax_paths(void **state)
{
    static const struct {
        const char *model, *theirs; // NULL: the account lists none
        const char *submit, *poll;
    } cases[] = {
        {"video-01", NULL, "/v1/video_generation", "/v1/query/video_generation?task_id=a%2Fb%3Fc"},
        {"MiniMax-H3", NULL, "/v2/video_generation", "/v2/query/video_generation/a%2Fb%3Fc"},
        {"film", "MiniMax-H3-Max", "/v2/video_generation", "/v2/query/video_generation/a%2Fb%3Fc"},
        {"film", "m-1", "/v1/video_generation", "/v1/query/video_generation?task_id=a%2Fb%3Fc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_model model = {.name = (char *)(uintptr_t)cases[i].model,
                                     .upstream = (char *)(uintptr_t)cases[i].theirs};
        struct account account = {.name = (char *)"a",
                                  .base_url = (char *)"http://v",
                                  .provider_name = (char *)"minimax",
                                  .models = &model,
                                  .model_count = cases[i].theirs != NULL};
        struct task *task = task_new();
        struct http_request request = {0};
        struct buf likeness = {0};
        struct err err;
        bool is_v2 = strncmp(cases[i].submit, "/v2", 3) == 0;

        assert_true(provider_bind(&account, &err));
        account_set_key(&account, "api_key", "k");
        task->model = mem_str(cases[i].model);
        task->request = mem_str("{\"prompt\":\"p\"}");
        task->upstream_id = mem_str("a/b?c");
        task->callback_url = mem_str("http://s/v1/callbacks/x");
        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        assert_string_equal(request.url + strlen("http://v"), cases[i].submit);
        assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
        assert_non_null(strstr(request.body.data, "\"callback_url\":\"http://s/v1/callbacks/x\""));
        http_request_clear(&request);

        assert_true(account.dialect->build_poll(task, &account, &request, &err));
        assert_string_equal(request.url + strlen("http://v"), cases[i].poll);
        http_request_clear(&request);

        assert_true(account.dialect->build_next(task, &account, "1&x=2", &request, &err));
        assert_string_equal(request.url, "http://v/v1/files/retrieve?file_id=1%26x%3D2");
        http_request_clear(&request);

        // Only v2 has a list.
        assert_int_equal(account.dialect->build_lookup(task, &account, 0, &request, &err), is_v2);
        assert_int_equal(account.dialect->add_likeness(task, &account, &likeness), is_v2);
        http_request_clear(&request);
        assert_false(account.dialect->build_lookup(task, &account, 1, &request, &err));
        buf_clear(&likeness);
        account_clear_keys(&account);
        task_free(task);
    }
}

// At a relay the second request of a look is needed where the first shows no link.
static void test_minimax_relay_paths(void **state)
{
    struct account account = {.name = (char *)"a",
                              .base_url = (char *)"http://v",
                              .provider_name = (char *)"minimax",
                              .dialect_name = (char *)"relay"};
    struct task *task = task_new();
    struct http_request request = {0};
    struct err err;

    (void)state;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    task->upstream_id = mem_str("a/b");
    assert_true(account.dialect->build_poll(task, &account, &request, &err));
    assert_string_equal(request.url, "http://v/minimax/v1/query/video_generation?task_id=a%2Fb");
    http_request_clear(&request);
    assert_true(account.dialect->build_next(task, &account, "f&1", &request, &err));
    assert_string_equal(request.url, "http://v/minimax/v1/files/retrieve?file_id=f%261");
    assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
    http_request_clear(&request);
    account_clear_keys(&account);
    task_free(task);
}

// Kling's paths have the action in them, and a relay gets our id and where to call back, too.
static void test_kling_relay_paths(void **state)
{
    static const char *const paths[] = {"videos/text2video",        "videos/image2video",
                                        "videos/multi-image2video", "videos/omni-video",
                                        "images/generations",       "images/kolors-virtual-try-on"};
    struct account account = {.name = (char *)"a",
                              .base_url = (char *)"http://v",
                              .provider_name = (char *)"kling",
                              .dialect_name = (char *)"relay"};
    struct task *task = task_new();
    struct http_request request = {0};
    struct err err;
    char url[128];

    (void)state;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    snprintf(task->id, sizeof task->id, "task_1");
    task->upstream_id = mem_str("a/b");
    task->callback_url = mem_str("http://us/hook");
    task->request = mem_str("{\"prompt\":\"x\",\"callback_url\":\"http://theirs\"}");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        mem_set_str(&task->action, strchr(paths[i], '/') + 1);
        snprintf(url, sizeof url, "http://v/kling/v1/%s", paths[i]);
        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        assert_string_equal(request.url, url);
        assert_non_null(strstr(request.body.data, "\"external_task_id\":\"task_1\""));
        assert_non_null(strstr(request.body.data, "\"callback_url\":\"http://us/hook\""));
        assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
        assert_non_null(strstr(request.headers.data, "Idempotency-Key: task_1\n"));
        assert_false(request.wants_token);
        http_request_clear(&request);
        snprintf(url, sizeof url, "http://v/kling/v1/%s/a%%2Fb", paths[i]);
        assert_true(account.dialect->build_poll(task, &account, &request, &err));
        assert_string_equal(request.url, url);
        http_request_clear(&request);
    }
    account_clear_keys(&account);
    task_free(task);
}

// Sora's form is that of OpenAI's videos.
static void test_sora(void **state)
{
#define SORA "'model':'sora-2','prompt':'p'"
    static const struct request_case cases[] = {
        {VIDEOS, NULL, "{" SORA "}", "{" SORA "}", NULL},
        {VIDEOS, NULL, "{" SORA ",'seconds':'8','size':'1280x720'}",
         "{" SORA ",'seconds':'8','size':'1280x720'}", NULL},
        {VIDEOS, NULL, "{" SORA ",'duration':10,'private':true}",
         "{" SORA ",'seconds':'10','private':true}", NULL},
        {VIDEOS, NULL, "{" SORA ",'private':'true'}", "{" SORA ",'private':true}", NULL},
        {VIDEOS, NULL, "{" SORA ",'private':'false'}", "{" SORA ",'private':false}", NULL},
        {VIDEOS, NULL, "{" SORA ",'private':''}", "{" SORA "}", NULL},
        {CREATE, NULL, "{" SORA ",'aspect_ratio':'16:9'}", "{" SORA ",'size':'1280x720'}", NULL},
        {CREATE, NULL, "{" SORA ",'aspect_ratio':'9:16'}", "{" SORA ",'size':'720x1280'}", NULL},
        {CREATE, NULL, "{" SORA ",'aspect_ratio':'1:1'}", NULL, "aspect_ratio: must be"},
        {VIDEOS, NULL, "{" SORA ",'image_url':'https://a/b.png'}",
         "{" SORA ",'input_reference':{'image_url':'https://a/b.png'}}", NULL},
        {VIDEOS, NULL, "{" SORA ",'input_reference':{'image_url':'IMG'}}",
         "{" SORA ",'input_reference':{'image_url':'IMG'}}", NULL},
        {CREATE, NULL, "{" SORA ",'images':['https://a/1','https://a/2']}", NULL,
         "images: at most"},
        {CREATE, NULL, "{" SORA ",'negative_prompt':'n'}", NULL, "negative_prompt: is not"},
        {VIDEOS, NULL, "{'model':'sora-2','storyboard':[{'prompt':'a','duration':3}]}",
         "{'model':'sora-2','storyboard':[{'prompt':'a','duration':3}]}", NULL},
    };

    (void)state;
    chosen = "sora";
    RUN_ALL(cases);
    chosen = "veo";
}

// Where Runway's image stands: passed on, where it isn't known that the model takes no such place.
static void test_runway(void **state)
{
#define RUNWAY "/runwayml/v1/image_to_video"
#define AT(position) "'promptImage':[{'uri':'https://a/b','position':" position "}]"
#define SENT "'ratio':'1280:720','duration':5"
    static const struct request_case cases[] = {
        {RUNWAY, NULL, "{'model':'gen4_turbo'," AT("'first'") "}",
         "{'model':'gen4_turbo','promptImage':'https://a/b'," SENT "}", NULL},
        {RUNWAY, NULL, "{'model':'gen4_turbo'," AT("''") "}",
         "{'model':'gen4_turbo','promptImage':'https://a/b'," SENT "}", NULL},
        {RUNWAY, NULL, "{'model':'gen4_turbo'," AT("'last'") "}", NULL,
         "promptImage.0.position: must be first for gen4_turbo"},
        {RUNWAY, NULL, "{'model':'gen4.5','promptText':'x'," AT("'last'") "}", NULL,
         "promptImage.0.position: must be first for gen4.5"},
        {RUNWAY, NULL, "{'model':'veo3.1'," AT("'last'") ",'ratio':'1280:720'}",
         "{'model':'veo3.1'," AT("'last'") "," SENT "}", NULL},
        {RUNWAY, NULL, "{'model':'gen4_turbo'," AT("7") "}", NULL, "promptImage.0.position: "},
        {RUNWAY, "relay", "{'model':'veo3.1'," AT("'last'") "}",
         "{'model':'veo3.1'," AT("'last'") "}", NULL},
    };

    (void)state;
    RUN_ALL(cases);
}

// Jimeng's: which req_key, and what goes with it.
static void test_jimeng(void **state)
{
#define PATH "/jimeng/submit/videos"
#define V "'model':'jimeng-video-3.0'"
#define A "'https://e.com/a.png'"
#define B "'https://e.com/b.png'"
#define B64 "iVBORw0KGgo="
    static const struct request_case cases[] = {
        {PATH, NULL, "{" V ",'prompt':'x'}", "{'req_key':'jimeng_t2v_v30_1080p','prompt':'x'}",
         NULL},
        {PATH, NULL,
         "{" V
         ",'prompt':'x','duration':10,'aspect_ratio':'21:9','seed':-1,'notifyHook':'http://h/',"
         "'callback_url':'http://h/'}",
         "{'req_key':'jimeng_t2v_v30_1080p','prompt':'x','frames':241,'aspect_ratio':'21:9',"
         "'seed':-1}",
         NULL},
        {PATH, NULL, "{" V ",'prompt':'x','duration':5,'frames':121}",
         "{'req_key':'jimeng_t2v_v30_1080p','prompt':'x','frames':121}", NULL},
        {PATH, NULL,
         "{" V ",'prompt':'x','image_url':'','image_urls':[''],'binary_data_base64':[],"
         "'template_id':'','camera_strength':null,'duration':'','req_key':''}",
         "{'req_key':'jimeng_t2v_v30_1080p','prompt':'x'}", NULL},
        // One image, in whatever way; its ratio is its own.
        {PATH, NULL, "{" V ",'image_url':" A ",'duration':5,'aspect_ratio':'9:16'}",
         "{'req_key':'jimeng_i2v_first_v30_1080','image_urls':[" A "],'frames':121}", NULL},
        {PATH, NULL, "{" V ",'image_urls':[null," A "]}",
         "{'req_key':'jimeng_i2v_first_v30_1080','image_urls':[" A "]}", NULL},
        {PATH, NULL, "{" V ",'image_url':" A ",'image_urls':[" A "]}",
         "{'req_key':'jimeng_i2v_first_v30_1080','image_urls':[" A "]}", NULL},
        {PATH, NULL, "{" V ",'binary_data_base64':['" B64 "']}",
         "{'req_key':'jimeng_i2v_first_v30_1080','binary_data_base64':['" B64 "']}", NULL},
        {PATH, NULL, "{" V ",'binary_data_base64':['IMG']}",
         "{'req_key':'jimeng_i2v_first_v30_1080','binary_data_base64':['" B64 "']}", NULL},
        {PATH, NULL, "{" V ",'image_url':'IMG'}",
         "{'req_key':'jimeng_i2v_first_v30_1080','binary_data_base64':['" B64 "']}", NULL},
        // Two are the first and the last.
        {PATH, NULL, "{" V ",'prompt':'x','image_urls':[" A "," B "]}",
         "{'req_key':'jimeng_i2v_first_tail_v30_1080','prompt':'x','image_urls':[" A "," B "]}",
         NULL},
        {PATH, NULL, "{" V ",'image_url':" A ",'image_urls':[" A "," B "]}",
         "{'req_key':'jimeng_i2v_first_tail_v30_1080','image_urls':[" A "," B "]}", NULL},
        {PATH, NULL, "{" V ",'binary_data_base64':['IMG','" B64 "']}",
         "{'req_key':'jimeng_i2v_first_tail_v30_1080','binary_data_base64':['" B64 "','" B64 "']}",
         NULL},
        // A camera around one, at the only lines that it has.
        {PATH, NULL,
         "{" V ",'prompt':'x','image_url':" A ",'duration':5,'aspect_ratio':'9:16',"
         "'template_id':'handheld','camera_strength':'medium'}",
         "{'req_key':'jimeng_i2v_recamera_v30','prompt':'x','image_urls':[" A "],'frames':121,"
         "'template_id':'handheld','camera_strength':'medium'}",
         NULL},
        {PATH, "relay",
         "{" V ",'prompt':'x','image_url':" A ",'duration':5,'aspect_ratio':'9:16',"
         "'template_id':'handheld','camera_strength':'medium','callback_url':'http://h/'}",
         "{" V ",'prompt':'x','image_url':" A ",'duration':5,'aspect_ratio':'9:16',"
         "'template_id':'handheld','camera_strength':'medium'}",
         NULL},
        // What is wrong with the form, whoever gets it.
        {PATH, "relay", "{'prompt':'x'}", NULL, "model: is required"},
        {PATH, "relay", "{" V "}", NULL, "prompt: is required"},
        {PATH, "relay", "{" V ",'prompt':''}", NULL, "prompt: must not be empty"},
        {PATH, "relay", "{" V ",'prompt':['x']}", NULL, "prompt: "},
        {PATH, "relay", "{" V ",'prompt':'x','duration':'5'}", NULL, "duration: must be an int"},
        {PATH, "relay", "{" V ",'prompt':'x','duration':5.5}", NULL, "duration: must be an int"},
        {PATH, "relay", "{" V ",'prompt':'x','duration':0}", NULL, "duration: "},
        {PATH, "relay", "{" V ",'prompt':'x','frames':'121'}", NULL, "frames: "},
        {PATH, "relay", "{" V ",'prompt':'x','seed':-2}", NULL, "seed: "},
        {PATH, "relay", "{" V ",'prompt':'x','image_url':[" A "]}", NULL, "image_url: "},
        {PATH, "relay", "{" V ",'prompt':'x','image_url':'ftp://e.com/a'}", NULL, "image_url: "},
        {PATH, "relay", "{" V ",'image_urls':" A "}", NULL, "image_urls: "},
        {PATH, "relay", "{" V ",'image_urls':[" A ",7]}", NULL, "image_urls.1: "},
        {PATH, "relay", "{" V ",'image_urls':[" A "," B "," A "]}", NULL, "image_urls: "},
        {PATH, "relay", "{" V ",'binary_data_base64':'IMG'}", NULL, "binary_data_base64: "},
        {PATH, "relay", "{" V ",'binary_data_base64':[" A "]}", NULL, "binary_data_base64.0: "},
        {PATH, "relay", "{" V ",'binary_data_base64':['a','b','c']}", NULL, "binary_data_base64: "},
        {PATH, "relay", "{" V ",'image_url':" A ",'binary_data_base64':['IMG']}", NULL,
         "binary_data_base64: can't be sent beside"},
        {PATH, "relay", "{" V ",'image_url':" A ",'image_urls':[" B "]}", NULL,
         "image_urls: doesn't begin"},
        {PATH, "relay", "{" V ",'image_url':" A ",'template_id':'handheld'}", NULL,
         "camera_strength: is required"},
        {PATH, "relay", "{" V ",'image_url':" A ",'camera_strength':'weak'}", NULL,
         "template_id: is required"},
        {PATH, "relay", "{" V ",'prompt':'x','template_id':'handheld','camera_strength':'weak'}",
         NULL, "image_url: is required"},
        {PATH, "relay",
         "{" V ",'image_urls':[" A "," B "],'template_id':'handheld','camera_strength':'weak'}",
         NULL, "image_urls: must have one"},
        {PATH, "relay", "{" V ",'prompt':'x','req_key':'jimeng_t2v_v30'}", NULL, "req_key: "},
        {PATH, NULL, "{" V ",'prompt':'x','req_key':'jimeng_t2v_v30'}", NULL, "req_key: "},
        {PATH, NULL, "{" V ",'image_urls':[" A ",'IMG']}", NULL, "image_urls: a link and base64"},
        // From the unified form, as the common dialects keep it.
        {PATH, NULL, "{" V ",'prompt':'x','size':'1280x720','aspect_ratio':'16:9'}",
         "{'req_key':'jimeng_t2v_v30','prompt':'x','aspect_ratio':'16:9'}", NULL},
        {PATH, NULL, "{" V ",'image_url':" A ",'size':'1080p'}",
         "{'req_key':'jimeng_i2v_first_v30_1080','image_urls':[" A "]}", NULL},
        {PATH, NULL, "{" V ",'prompt':'x','size':'4k'}", NULL, "size: jimeng-video-3.0 has 720P"},
        {PATH, NULL,
         "{" V ",'image_url':" A ",'template_id':'handheld','camera_strength':'weak',"
         "'size':'1080P'}",
         NULL, "size: jimeng-video-3.0 has 720P only"},
        {PATH, "relay", "{" V ",'prompt':'x','size':'1920x1080','private':true}",
         "{" V ",'prompt':'x'}", NULL},
        {PATH, "relay", "{" V ",'prompt':'x','size':'720P'}", NULL, "size: "},
    };

    (void)state;
    RUN_ALL(cases);
}

static void test_what_is_known(void **state)
{
    static const struct {
        const char *provider, *public, *theirs;
        bool is_known;
    } cases[] = {
        {"seedance", "doubao-seedance-2-0", "ep-1", true},
        {"seedance", "film", "doubao-seedance-2-0-260128", true},
        {"seedance", "film", "ep-1", false},
        {"seedance", "film", "doubao-seedance-2-0-260128-x", false},
        {"kling", "kling-v2-9", "kling-v2-9", false},
        {"kling", "kling-v2-6", "k", true},
        {"veo", "film", "veo-3.1-generate-001", true},
        {"veo", "veo-4", "veo-4.0-generate-001", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_model model = {.name = (char *)(uintptr_t)cases[i].public,
                                     .upstream = (char *)(uintptr_t)cases[i].theirs};
        struct account account = {.name = (char *)"a",
                                  .provider_name = (char *)(uintptr_t)cases[i].provider,
                                  .models = &model,
                                  .model_count = 1};

        assert_true(provider_bind(&account, &(struct err){0}));
        if (provider_knows(&account, cases[i].public) != cases[i].is_known)
            fail_msg("%s as %s", cases[i].public, cases[i].theirs);
    }
}

// The parts of a form, each as "name=value" or "name@type=value".
static char *parts_of(const struct http_request *request)
{
    static const char type[] = "Content-Type: ";
    const char *at = strstr(buf_text(&request->headers), type);
    char *line;
    struct multipart form;
    struct buf parts = {0};
    struct err err;

    assert_non_null(at);
    at += strlen(type);
    line = mem_strn(at, strcspn(at, "\n"));
    assert_true(multipart_parse(line, request->body.data, request->body.len, &form, &err));
    free(line);
    for (size_t i = 0; i < form.count; i++) {
        const struct multipart_part *part = &form.parts[i];

        buf_add(&parts, part->name.data, part->name.len);
        buf_char(&parts, part->filename.data == NULL ? '=' : '@');
        buf_add(&parts, part->content_type.data, part->content_type.len);
        buf_add(&parts, " ", part->filename.data != NULL);
        buf_add(&parts, part->data.data, part->data.len);
        buf_char(&parts, '\n');
    }
    return buf_take(&parts);
}

// Gateways take forms with files; what links led to is among the task's inputs.
static void test_openai_forms(void **state)
{
    static const struct {
        const char *action, *model, *request, *links, *parts;
    } cases[] = {
        {"edit", "gpt-image-2",
         "{\"model\":\"gpt-image-2\",\"prompt\":\"x\",\"n\":2,\"quality\":\"hd\",\"images\":["
         "\"http://h/0\",\"data:image/gif;base64,R0lGODlhMQ==\",\"http://h/1\"],\"mask\":\"http://"
         "h/2\"}",
         "http://h/0 http://h/1 http://h/2 ",
         "model=gpt-image-2\nprompt=x\nn=2\nquality=high\nimage[]@image/gif GIF89a#0\n"
         "image[]@image/gif GIF89a1\nimage[]@image/gif GIF89a#1\nmask@image/gif GIF89a#2[52428800 "
         "bytes]\n"},
        {"edit", "dall-e-2",
         "{\"model\":\"dall-e-2\",\"prompt\":\"x\",\"images\":[\"R0lGODlhMQ==\"]}", "",
         "model=dall-e-2\nprompt=x\nimage@image/gif GIF89a1\n"},
        {"variation", "dall-e-2", "{\"model\":\"dall-e-2\",\"images\":[\"https://h/0\"]}",
         "https://h/0 ", "model=dall-e-2\nimage@image/gif GIF89a#0\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_new();
        struct http_request request = {0};
        struct buf links = {0};
        struct err err;
        char *link, *parts;

        snprintf(task->id, sizeof task->id, "task_1");
        task->action = mem_str(cases[i].action);
        task->model = mem_str(cases[i].model);
        task->request = mem_str(cases[i].request);
        for (size_t n = 0; (link = image_form_input_at(task, n)) != NULL; n++) {
            buf_fmt(&links, "%s ", link);
            free(link);
        }
        assert_string_equal(buf_text(&links), cases[i].links);
        task->inputs = mem_array(struct task_input, 3);
        for (task->input_count = 0; task->input_count < 3; task->input_count++) {
            buf_fmt(&task->inputs[task->input_count].data, "GIF89a#%zu", task->input_count);
            // The last is larger than what is in memory of it.
            task->inputs[task->input_count].bytes = task->input_count == 2 ? 50 << 20 : 8;
        }
        assert_true(build("openai", task, "relay", &request, &err));
        // No byte of a file that is behind a link is in the request.
        assert_null(strstr(buf_text(&request.body), "GIF89a#"));
        fill_gaps(&request, task);
        parts = parts_of(&request);
        assert_string_equal(parts, cases[i].parts);
        http_request_clear(&request);
        buf_reset(&task->inputs[0].data);
        buf_str(&task->inputs[0].data, "no image");
        if (*cases[i].links != '\0') {
            assert_false(build("openai", task, "relay", &request, &err));
            assert_true(err.code == ERR_INVALID && strstr(err.message, "is no image") != NULL);
            http_request_clear(&request);
        }
        free(parts);
        buf_clear(&links);
        task_free(task);
    }
}

// Images and speech, as OpenAI has them.
static void test_openai(void **state)
{
#define MAKE "/v1/images/generations"
#define EDIT "/v1/images/edits"
#define LIKE "/v1/images/variations"
#define SAY "/v1/audio/speech"
#define G2 "'model':'gpt-image-2','prompt':'x'"
#define G15 "'model':'gpt-image-1.5','prompt':'x'"
#define D2 "'model':'dall-e-2','prompt':'x'"
#define D3 "'model':'dall-e-3','prompt':'x'"
#define GROK "'model':'grok-4-image','prompt':'x'"
#define FLUX "'model':'flux-pro','prompt':'x'"
#define PIC "'https://e.com/a.png'"
#define FOUR PIC "," PIC "," PIC "," PIC
#define PIC2 "'https://e.com/b.png'"
#define IMAGES(...) "'images':[" __VA_ARGS__ "]"
#define OBJ(url) "{'image_url':" url "}"
#define TTS "'model':'tts-1','input':'x','voice':'nova'"
#define MINI "'model':'gpt-4o-mini-tts','input':'x'"
    static const struct request_case cases[] = {
        {MAKE, NULL, "{" G2 "}", "{" G2 "}", NULL},
        {MAKE, NULL,
         "{" G2
         ",'n':'3','size':'','quality':'hd','output_format':'webp','output_compression':'80',"
         "'moderation':'low','background':'opaque','user':'u','stream':'true','partial_images':'2',"
         "'notifyHook':'https://e.com','callback_url':''}",
         "{" G2 ",'n':3,'quality':'high','output_format':'webp','output_compression':80,"
         "'moderation':'low','background':'opaque','user':'u'}",
         NULL},
        {MAKE, "relay", "{" G2 ",'stream':true,'foo':{'bar':1}}", "{" G2 ",'foo':{'bar':1}}", NULL},
        {MAKE, NULL, "{" G2 ",'partial_images':1}", NULL, "partial_images: only with stream"},
        {MAKE, NULL, "{" G2 ",'partial_images':1,'stream':'false'}", NULL, "partial_images: only"},
        {MAKE, NULL, "{" G2 ",'partial_images':4,'stream':true}", NULL, "partial_images: must be"},
        {MAKE, NULL, "{'model':'gpt-image-2'}", NULL, "prompt: is required"},
        {MAKE, NULL, "{'prompt':'x'}", NULL, "model: is required"},
        {MAKE, NULL, "{" G2 ",'n':0}", NULL, "n: must be at least 1"},
        {MAKE, NULL, "{" G2 ",'n':11}", NULL, "n: must be from 1 to 10"},
        {MAKE, NULL, "{" G2 ",'n':1.5}", NULL, "n: must be an integer"},
        {MAKE, NULL, "{" G2 ",'n':'two'}", NULL, "n: must be an integer"},
        {MAKE, NULL, "{" G2 ",'stream':'yes'}", NULL, "stream: "},
        {MAKE, NULL, "{" G2 ",'size':'auto'}", "{" G2 ",'size':'auto'}", NULL},
        {MAKE, NULL, "{" G2 ",'size':'1008x1008'}", "{" G2 ",'size':'1008x1008'}", NULL},
        {MAKE, NULL, "{" G2 ",'size':'3840x2160'}", "{" G2 ",'size':'3840x2160'}", NULL},
        {MAKE, NULL, "{" G2 ",'size':'2160x3840'}", "{" G2 ",'size':'2160x3840'}", NULL},
        {MAKE, NULL, "{" G2 ",'size':'1536x512'}", "{" G2 ",'size':'1536x512'}", NULL},
        {MAKE, NULL, "{" G2 ",'size':'3840x2176'}", NULL, "size: must have"},
        {MAKE, NULL, "{" G2 ",'size':'3856x1600'}", NULL, "size: its sides may be 3840"},
        {MAKE, NULL, "{" G2 ",'size':'1552x512'}", NULL, "size: one side is"},
        {MAKE, NULL, "{" G2 ",'size':'512x1552'}", NULL, "size: one side is"},
        {MAKE, NULL, "{" G2 ",'size':'800x800'}", NULL, "size: must have"},
        {MAKE, NULL, "{" G2 ",'size':'1000x1024'}", NULL, "size: its sides must be multiples"},
        {MAKE, NULL, "{" G2 ",'size':'1024'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'size':'1024X1024'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'size':'1024x1024px'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'size':'-1024x-1024'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'size':'0x0'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'size':'99999x99999'}", NULL, "size: must be auto or"},
        {MAKE, NULL, "{" G2 ",'quality':'standard'}", NULL, "quality: must be one of"},
        {MAKE, NULL, "{" G2 ",'background':'transparent'}", NULL, "background: must be one of"},
        {MAKE, NULL, "{" G2 ",'output_format':'jpg'}", NULL, "output_format: must be one of"},
        {MAKE, NULL, "{" G2 ",'output_format':'png','output_compression':50}", NULL,
         "output_compression: only with"},
        {MAKE, NULL, "{" G2 ",'output_compression':50}", NULL, "output_compression: only with"},
        {MAKE, NULL, "{" G2 ",'output_format':'jpeg','output_compression':101}", NULL,
         "output_compression: must be"},
        {MAKE, NULL, "{" G2 ",'moderation':'high'}", NULL, "moderation: must be one of"},
        {MAKE, NULL, "{" G2 ",'response_format':'url'}", NULL, "response_format: is not"},
        {MAKE, NULL, "{" G2 ",'response_format':'gif'}", NULL, "response_format: must be one of"},
        {MAKE, NULL, "{" G2 ",'style':'vivid'}", NULL, "style: is not supported by gpt-image-2"},
        {MAKE, "relay", "{" G2 ",'style':'vivid'}", NULL, "style: is not supported"},
        {MAKE, NULL, "{" G2 ",'input_fidelity':'high'}", NULL, "input_fidelity: is not"},
        {MAKE, NULL, "{" G2 ",'aspect_ratio':'1:1'}", NULL, "aspect_ratio: is not"},
        {MAKE, NULL, "{" G2 ",'resolution':'1k'}", NULL, "resolution: is not"},
        {MAKE, NULL, "{" G2 ",'watermark':false}", NULL, "watermark: is not"},
        {MAKE, NULL, "{" G2 ",'sequential_image_generation':'auto'}", NULL, "sequential_image_gen"},
        {MAKE, NULL, "{" G2 ",'optimize_prompt_options':{'mode':'standard'}}", NULL,
         "optimize_pro"},
        {MAKE, NULL, "{" G2 ",'image':" PIC "}", NULL, "images: gpt-image-2 takes them at"},
        {MAKE, NULL, "{'model':'gpt-image-2-2026-04-21','prompt':'x','size':'1200x1200'}",
         "{'model':'gpt-image-2-2026-04-21','prompt':'x','size':'1200x1200'}", NULL},
        {MAKE, NULL, "{'model':'gpt-image-2.5-flare','prompt':'x','quality':'ultra','size':'4K'}",
         "{'model':'gpt-image-2.5-flare','prompt':'x','quality':'ultra','size':'4K'}", NULL},
        {MAKE, NULL,
         "{" G15 ",'background':'transparent','output_format':'webp','size':'1536x1024'}",
         "{" G15 ",'background':'transparent','output_format':'webp','size':'1536x1024'}", NULL},
        {MAKE, NULL, "{" G15 ",'background':'transparent','output_format':'jpeg'}", NULL,
         "background: a jpeg"},
        {MAKE, NULL, "{" G15 ",'size':'1200x1200'}", NULL, "size: must be one of"},
        {EDIT, NULL, "{" G15 ",'image':" PIC ",'input_fidelity':'high'}",
         "{" G15 ",'input_fidelity':'high'," IMAGES(OBJ(PIC)) "}", NULL},
        {EDIT, NULL,
         "{'model':'gpt-image-1-mini','prompt':'x','image':" PIC ",'input_fidelity':'low'}", NULL,
         "input_fidelity: is not"},

        {EDIT, NULL, "{" G2 ",'image':'IMG'}", "{" G2 "," IMAGES(OBJ("'IMG'")) "}", NULL},
        {EDIT, NULL, "{" G2 ",'image':'iVBORw0KGgo='}", "{" G2 "," IMAGES(OBJ("'IMG'")) "}", NULL},
        {EDIT, NULL, "{" G2 ",'image':[" PIC ",'IMG'],'mask':'IMG','n':'2'}",
         "{" G2 ",'n':2," IMAGES(OBJ(PIC) "," OBJ("'IMG'")) ",'mask':" OBJ("'IMG'") "}", NULL},
        {EDIT, NULL, "{" G2 ",'image[]':[" PIC "," PIC2 "]}",
         "{" G2 "," IMAGES(OBJ(PIC) "," OBJ(PIC2)) "}", NULL},
        {EDIT, NULL, "{" G2 ",'image[]':" PIC "}", "{" G2 "," IMAGES(OBJ(PIC)) "}", NULL},
        {EDIT, NULL, "{" G2 ",'image_input':[" PIC "]}", "{" G2 "," IMAGES(OBJ(PIC)) "}", NULL},
        {EDIT, NULL, "{" G2 "," IMAGES(OBJ(PIC) "," PIC2) ",'mask':" OBJ(PIC) "}",
         "{" G2 "," IMAGES(OBJ(PIC) "," OBJ(PIC2)) ",'mask':" OBJ(PIC) "}", NULL},
        {EDIT, NULL, "{" G2 "," IMAGES("{'image_url':{'url':" PIC "}}") "}",
         "{" G2 "," IMAGES(OBJ(PIC)) "}", NULL},
        {EDIT, NULL, "{" G2 "," IMAGES("'',null," PIC) "}", "{" G2 "," IMAGES(OBJ(PIC)) "}", NULL},
        {EDIT, NULL, "{" G2 "}", NULL, "image: is required"},
        {EDIT, NULL, "{" G2 ",'image':[]}", NULL, "image: is required"},
        {EDIT, NULL, "{" G2 ",'image':5}", NULL, "image: must be a string"},
        {EDIT, NULL, "{" G2 ",'image':[" PIC ",5]}", NULL, "image.1: must be a string"},
        {EDIT, NULL, "{" G2 "," IMAGES("{'file_id':'file-1'}") "}", NULL,
         "images.0.image_url: is required"},
        {EDIT, NULL, "{" G2 "," IMAGES("{'image_url':7}") "}", NULL,
         "images.0.image_url: must be a string"},
        {EDIT, NULL, "{" G2 ",'image':" PIC ",'mask':7}", NULL, "mask: must be a string"},
        {EDIT, NULL, "{" G2 ",'image':[" FOUR "," FOUR "," FOUR "," FOUR "," PIC "]}", NULL,
         "image: at most 16 images"},
        {EDIT, NULL, "{" G2 ",'image':'a\\nb'}", NULL, "image: has a control character"},
        {MAKE, NULL, "{" G15 ",'mask':" PIC "}", NULL, "mask: only for"},
        {LIKE, NULL, "{'model':'gpt-image-2','image':" PIC "}", NULL,
         "model: gpt-image-2 makes no variations"},

        {MAKE, "relay",
         "{" D3 ",'n':1,'size':'1792x1024','quality':'hd','style':'natural',"
         "'response_format':'b64_json'}",
         "{" D3 ",'n':1,'size':'1792x1024','quality':'hd','style':'natural',"
         "'response_format':'b64_json'}",
         NULL},
        {MAKE, "relay", "{" D3 ",'n':2}", NULL, "n: dall-e-3 makes one image"},
        {MAKE, "relay", "{" D3 ",'size':'512x512'}", NULL, "size: must be one of"},
        {MAKE, "relay", "{" D3 ",'style':'odd'}", NULL, "style: must be one of"},
        {MAKE, "relay", "{" D3 ",'background':'opaque'}", NULL, "background: is not"},
        {MAKE, "relay", "{" D3 ",'stream':true}", NULL, "stream: is not"},
        {MAKE, "relay", "{" D2 ",'n':10,'size':'256x256'}", "{" D2 ",'n':10,'size':'256x256'}",
         NULL},
        {MAKE, "relay", "{" D2 ",'style':'vivid'}", NULL, "style: is not"},
        {MAKE, "relay", "{" D2 ",'quality':'hd'}", NULL, "quality: must be one of"},
        {EDIT, "relay", "{" D2 ",'image':[" PIC "," PIC2 "]}", NULL,
         "images: dall-e-2 takes at most 1"},
        {LIKE, "relay", "{'n':2}", NULL, "image: is required"},

        {MAKE, "relay",
         "{" GROK ",'n':1,'aspect_ratio':'16:9','resolution':'2k','response_format':'url'}",
         "{" GROK ",'n':1,'aspect_ratio':'16:9','resolution':'2k','response_format':'url'}", NULL},
        {MAKE, "relay", "{" GROK ",'n':2}", NULL, "n: grok-4-image makes one image"},
        {MAKE, "relay", "{" GROK ",'size':'1024x1024'}", NULL, "size: is not supported by grok"},
        {MAKE, "relay", "{" GROK ",'quality':'high'}", NULL, "quality: is not"},
        {MAKE, "relay", "{" GROK ",'style':'vivid'}", NULL, "style: is not"},
        {MAKE, "relay", "{" GROK ",'resolution':'4k'}", NULL, "resolution: must be one of"},
        {MAKE, "relay", "{'model':'grok-imagine-image','prompt':'x','n':10}",
         "{'model':'grok-imagine-image','prompt':'x','n':10}", NULL},
        {EDIT, "relay", "{" GROK ",'image':" PIC "}", NULL, "model: grok-4-image edits no images"},

        {MAKE, "relay",
         "{" FLUX ",'image_input':" PIC ",'size':'2K','n':15,'watermark':'false','quality':'hd',"
         "'sequential_image_generation':'auto','style':'odd','response_format':'url','seed':7}",
         "{" FLUX ",'image_input':[" PIC "],'size':'2K','n':15,'watermark':false,'quality':'hd',"
         "'sequential_image_generation':'auto','style':'odd','response_format':'url','seed':7}",
         NULL},
        {MAKE, "relay", "{" FLUX ",'n':16}", NULL, "n: must be from 1 to 15"},
        {MAKE, "relay", "{" FLUX ",'watermark':1}", NULL, "watermark: "},
        {MAKE, "relay", "{" FLUX ",'sequential_image_generation':'on'}", NULL, "sequential_image_"},
        {MAKE, "relay", "{" FLUX ",'optimize_prompt_options':'fast'}", NULL, "optimize_prompt_opt"},

        {SAY, NULL, "{" TTS "}", "{" TTS "}", NULL},
        {SAY, NULL,
         "{" TTS ",'response_format':'opus','speed':0.25,'stream_format':'audio','user':'u',"
         "'callback_url':'https://e.com'}",
         "{" TTS ",'response_format':'opus','speed':0.25}", NULL},
        {SAY, "relay", "{" TTS ",'speed':4}", "{" TTS ",'speed':4}", NULL},
        {SAY, NULL, "{'model':'tts-1-hd-1106','input':'x','voice':'sage'}",
         "{'model':'tts-1-hd','input':'x','voice':'sage'}", NULL},
        {SAY, NULL, "{" MINI ",'voice':'cedar','instructions':'slowly'}",
         "{" MINI ",'voice':'cedar','instructions':'slowly'}", NULL},
        {SAY, NULL, "{" MINI ",'voice':{'id':'voice_1'}}", "{" MINI ",'voice':{'id':'voice_1'}}",
         NULL},
        {SAY, "relay", "{'model':'speech-02','input':'x','voice':'Ann','instructions':'slowly'}",
         "{'model':'speech-02','input':'x','voice':'Ann','instructions':'slowly'}", NULL},
        {SAY, NULL, "{" TTS ",'instructions':'slowly'}", NULL, "instructions: is not supported"},
        {SAY, NULL, "{" TTS ",'speed':0.2}", NULL, "speed: must be from 0.25 to 4"},
        {SAY, NULL, "{" TTS ",'speed':'1'}", NULL, "speed: "},
        {SAY, NULL, "{" TTS ",'response_format':'ogg'}", NULL, "response_format: must be one of"},
        {SAY, NULL, "{" TTS ",'stream_format':'sse'}", NULL, "stream_format: must be one of"},
        {SAY, NULL, "{'model':'tts-1','input':'x','voice':'cedar'}", NULL, "voice: must be one of"},
        {SAY, NULL, "{'model':'tts-1','input':'x','voice':5}", NULL, "voice: must be a string"},
        {SAY, NULL, "{'model':'tts-1','input':'x','voice':{}}", NULL, "voice.id: is required"},
        {SAY, NULL, "{'model':'tts-1','input':'x','voice':{'id':''}}", NULL, "voice.id: must not"},
        {SAY, NULL, "{'model':'tts-1','input':'x'}", NULL, "voice: is required"},
        {SAY, NULL, "{'model':'tts-1','input':'','voice':'nova'}", NULL,
         "input: must not be empty"},
        {SAY, NULL, "{'model':'tts-1','voice':'nova'}", NULL, "input: is required"},
        {SAY, NULL, "{'input':'x','voice':'nova'}", NULL, "model: is required"},
    };

    (void)state;
    chosen = "openai";
    RUN_ALL(cases);
    chosen = "veo";
}

// Seedream at Ark and at relays.
static void test_seedream(void **state)
{
#define D5 "'model':'doubao-seedream-5-0','prompt':'x'"
#define D45 "'model':'doubao-seedream-4-5','prompt':'x'"
#define D4 "'model':'doubao-seedream-4-0','prompt':'x'"
#define T2I "'model':'doubao-seedream-3-0','prompt':'x'"
#define SEEDEDIT "'model':'doubao-seededit-3-0','prompt':'x'"
#define PRO "'model':'doubao-seedream-5-0-pro-260801','prompt':'x'"
#define GROUP "sequential_image_generation"
#define ARK_ONE ",'" GROUP "':'disabled'" ARK_REST
#define ARK_GROUP(n) ",'" GROUP "':'auto','" GROUP "_options':{'max_images':" n "}" ARK_REST
#define ARK_REST ",'response_format':'url','watermark':false"
#define ARK_D5 "'model':'doubao-seedream-5-0-260128','prompt':'x'"
#define ARK_D45 "'model':'doubao-seedream-4-5-251128','prompt':'x'"
#define ARK_D4 "'model':'doubao-seedream-4-0-250828','prompt':'x'"
#define ARK_T2I "'model':'doubao-seedream-3-0-t2i-250415','prompt':'x'"
#define ARK_EDIT "'model':'doubao-seededit-3-0-i2i-250628','prompt':'x'"
#define FIVE PIC "," PIC "," PIC "," PIC "," PIC
    static const struct request_case cases[] = {
        {MAKE, NULL, "{" D45 "}", "{" ARK_D45 ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D5 ",'n':'1','watermark':'true','response_format':'b64_json','size':''}",
         "{" ARK_D5 ",'" GROUP "':'disabled','response_format':'url','watermark':true}", NULL},
        {MAKE, NULL,
         "{" D45 ",'size':'2K','response_format':'url','watermark':false,'quality':'hd','user':'u',"
         "'style':'vivid','stream':true,'partial_images':1,'optimize_prompt_options':{'mode':"
         "'standard'},'callback_url':'https://e.com'}",
         "{" ARK_D45 ",'size':'2K','optimize_prompt_options':{'mode':'standard'}" ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{'model':'doubao-seedream-4-5-251128','prompt':'x'}", "{" ARK_D45 ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{'model':'seedream-4-5-251128','prompt':'x','n':2}",
         "{'model':'seedream-4-5-251128','prompt':'x'" ARK_GROUP("2") "}", NULL},
        // References.
        {MAKE, NULL, "{" D45 ",'image_input':" PIC "}", "{" ARK_D45 ",'image':" PIC ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{" D45 ",'image_input':[" PIC "]}", "{" ARK_D45 ",'image':" PIC ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{" D45 ",'image':[" PIC ",'iVBORw0KGgo=','']}",
         "{" ARK_D45 ",'image':[" PIC ",'IMG']" ARK_ONE "}", NULL},
        {EDIT, NULL, "{" D4 ",'image':'IMG'}", "{" ARK_D4 ",'image':'IMG'" ARK_ONE "}", NULL},
        {EDIT, NULL, "{" D4 "," IMAGES(OBJ(PIC) "," OBJ(PIC2)) "}",
         "{" ARK_D4 ",'image':[" PIC "," PIC2 "]" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D45 ",'image_input':[" FIVE "," FIVE "," FIVE "]}", NULL,
         "images: doubao-seedream-4-5 takes at most 14"},
        {MAKE, NULL, "{" D45 ",'image_input':7}", NULL, "image_input: must be"},
        {EDIT, NULL, "{" D45 "}", NULL, "image: is required"},
        {EDIT, NULL, "{" D45 ",'image':" PIC ",'mask':" PIC "}", NULL, "mask: is not supported"},
        {LIKE, NULL, "{" D45 ",'image':" PIC "}", NULL,
         "model: doubao-seedream-4-5 makes no variations"},
        // Several.
        {MAKE, NULL, "{" D45 ",'n':4}", "{" ARK_D45 ARK_GROUP("4") "}", NULL},
        {MAKE, NULL, "{" D4 ",'n':15}", "{" ARK_D4 ARK_GROUP("15") "}", NULL},
        {MAKE, NULL, "{" D5 ",'n':3,'" GROUP "':'auto'}", "{" ARK_D5 ARK_GROUP("3") "}", NULL},
        {MAKE, NULL, "{" D5 ",'n':1,'" GROUP "':'auto'}", "{" ARK_D5 ARK_GROUP("1") "}", NULL},
        {MAKE, NULL, "{" D45 ",'" GROUP "':'auto'}", "{" ARK_D45 ",'" GROUP "':'auto'" ARK_REST "}",
         NULL},
        {MAKE, NULL, "{" D45 ",'" GROUP "':'auto','" GROUP "_options':{'max_images':5}}",
         "{" ARK_D45 ARK_GROUP("5") "}", NULL},
        {MAKE, NULL, "{" D45 ",'n':5,'" GROUP "_options':{'max_images':5}}",
         "{" ARK_D45 ARK_GROUP("5") "}", NULL},
        {MAKE, NULL, "{" D45 ",'n':5,'" GROUP "_options':{'max_images':4}}", NULL,
         "n: isn't what sequential_image_generation_options.max_images says"},
        {MAKE, NULL, "{" D45 ",'" GROUP "_options':{'max_images':4}}", NULL,
         "sequential_image_generation_options: only with"},
        {MAKE, NULL, "{" D45 ",'" GROUP "':'auto','" GROUP "_options':{'max_images':16}}", NULL,
         "sequential_image_generation_options.max_images: must be from 1 to 15"},
        {MAKE, NULL, "{" D45 ",'" GROUP "':'auto','" GROUP "_options':{'max_images':'4'}}", NULL,
         "sequential_image_generation_options.max_images: must be"},
        {MAKE, NULL, "{" D45 ",'n':2,'" GROUP "':'disabled'}", NULL,
         "n: sequential_image_generation disabled makes one image"},
        {MAKE, NULL, "{" D45 ",'n':16}", NULL, "n: must be from 1 to 15"},
        {MAKE, NULL, "{" D45 ",'n':0}", NULL, "n: must be at least 1"},
        {MAKE, NULL, "{" D45 ",'n':10,'image_input':[" FIVE "]}",
         "{" ARK_D45 ",'image':[" FIVE "]" ARK_GROUP("10") "}", NULL},
        {MAKE, NULL, "{" D45 ",'n':11,'image_input':[" FIVE "]}", NULL,
         "n: beside 5 images at most 10 are made"},
        {MAKE, NULL, "{" T2I ",'n':2}", NULL, "n: doubao-seedream-3-0 makes one image"},
        {EDIT, NULL, "{" SEEDEDIT ",'n':2,'image':" PIC "}", NULL,
         "n: doubao-seededit-3-0 makes one image"},
        // Sizes.
        {MAKE, NULL, "{" D5 ",'size':'3K'}", "{" ARK_D5 ",'size':'3K'" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D5 ",'size':'4K'}", NULL, "size: must be 2K, 3K, or WIDTHxHEIGHT"},
        {MAKE, NULL, "{" D5 ",'size':'3072x3072'}", "{" ARK_D5 ",'size':'3072x3072'" ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{" D5 ",'size':'4096x4096'}", NULL, "size: must have 3686400 to 10404496"},
        {MAKE, NULL, "{" D45 ",'size':'4K'}", "{" ARK_D45 ",'size':'4K'" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D45 ",'size':'1K'}", NULL, "size: must be 2K, 4K, or WIDTHxHEIGHT"},
        {MAKE, NULL, "{" D45 ",'size':'2k'}", NULL, "size: must be 2K, 4K, or"},
        {MAKE, NULL, "{" D45 ",'size':'2560x1440'}", "{" ARK_D45 ",'size':'2560x1440'" ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{" D45 ",'size':'2560x1439'}", NULL, "size: must have 3686400 to 16777216"},
        {MAKE, NULL, "{" D45 ",'size':'4096x4097'}", NULL, "size: must have"},
        {MAKE, NULL, "{" D45 ",'size':'1024x1024'}", NULL, "size: must have"},
        {MAKE, NULL, "{" D45 ",'size':'16384x1000'}", NULL, "size: one side is more than 16"},
        {MAKE, NULL, "{" D45 ",'size':'99999x99999'}", NULL, "size: must have"},
        {MAKE, NULL, "{" D45 ",'size':'2048*2048'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D45 ",'size':'2048x2048x'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D45 ",'size':'x2048'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D45 ",'size':'2048x-1'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D45 ",'size':'100000x2048'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D45 ",'size':'auto'}", NULL, "size: must be"},
        {MAKE, NULL, "{" D4 ",'size':'1K'}", "{" ARK_D4 ",'size':'1K'" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D4 ",'size':'1024x1024'}", "{" ARK_D4 ",'size':'1024x1024'" ARK_ONE "}",
         NULL},
        {MAKE, NULL, "{" D4 ",'size':'512x512'}", NULL, "size: must have 921600 to"},
        {MAKE, NULL, "{" T2I ",'size':'512x2048'}", "{" ARK_T2I ",'size':'512x2048'" ARK_REST "}",
         NULL},
        {MAKE, NULL, "{" T2I ",'size':'511x2048'}", NULL, "size: its sides must be from 512"},
        {MAKE, NULL, "{" T2I ",'size':'2K'}", NULL, "size: must be WIDTHxHEIGHT"},
        {EDIT, NULL, "{" SEEDEDIT ",'image':" PIC ",'size':'adaptive'}",
         "{" ARK_EDIT ",'image':" PIC ",'size':'adaptive'" ARK_REST "}", NULL},
        {EDIT, NULL, "{" SEEDEDIT ",'image':" PIC ",'size':'1024x1024'}", NULL,
         "size: must be adaptive"},
        // What only some models have.
        {MAKE, NULL, "{" T2I ",'seed':7,'guidance_scale':2.5}",
         "{" ARK_T2I ",'seed':7,'guidance_scale':2.5" ARK_REST "}", NULL},
        {MAKE, NULL, "{" T2I ",'seed':-2}", NULL, "seed: must be"},
        {MAKE, NULL, "{" T2I ",'guidance_scale':11}", NULL, "guidance_scale: must be"},
        {MAKE, NULL, "{" T2I ",'image':" PIC "}", NULL, "images: doubao-seedream-3-0 takes none"},
        {MAKE, NULL, "{" SEEDEDIT "}", NULL, "images: doubao-seededit-3-0 edits one"},
        {EDIT, NULL, "{" SEEDEDIT ",'image':[" PIC "," PIC2 "]}", NULL,
         "images: doubao-seededit-3-0 takes at most 1"},
        {MAKE, NULL, "{" T2I ",'" GROUP "':'disabled'}", NULL, GROUP ": is not supported by"},
        {MAKE, NULL, "{" T2I ",'optimize_prompt_options':{'mode':'standard'}}", NULL,
         "optimize_prompt_options: is not supported by"},
        {MAKE, NULL, "{" D45 ",'seed':7}", NULL, "seed: is not supported by doubao-seedream-4-5"},
        {MAKE, NULL, "{" D45 ",'guidance_scale':5}", NULL, "guidance_scale: is not supported"},
        {MAKE, NULL, "{" D45 ",'output_format':'png'}", NULL, "output_format: is not supported"},
        {MAKE, NULL, "{" D45 ",'tools':[{'type':'web_search'}]}", NULL, "tools: is not supported"},
        {MAKE, NULL, "{" D45 ",'aspect_ratio':'1:1'}", NULL, "aspect_ratio: is not supported"},
        {MAKE, NULL, "{" D45 ",'background':'opaque'}", NULL, "background: is not supported"},
        {MAKE, NULL, "{" D5 ",'output_format':'png','tools':[{'type':'web_search'}]}",
         "{" ARK_D5 ",'output_format':'png','tools':[{'type':'web_search'}]" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D5 ",'output_format':'webp'}", NULL, "output_format: must be one of"},
        {MAKE, NULL, "{" D4 ",'optimize_prompt_options':{'mode':'fast'}}",
         "{" ARK_D4 ",'optimize_prompt_options':{'mode':'fast'}" ARK_ONE "}", NULL},
        {MAKE, NULL, "{" D45 ",'optimize_prompt_options':{'mode':'fast'}}", NULL,
         "optimize_prompt_options.mode: must be one of: standard"},
        {MAKE, NULL, "{" D5 ",'optimize_prompt_options':{'mode':7}}", NULL,
         "optimize_prompt_options.mode: must be"},
        {MAKE, NULL, "{" D45 ",'foo':{'bar':1}}", "{" ARK_D45 ",'foo':{'bar':1}" ARK_ONE "}", NULL},
        // Newer than our tables.
        {MAKE, NULL, "{" PRO ",'size':'1K','seed':7,'quality':'x'}",
         "{" PRO ",'size':'1K','seed':7" ARK_REST "}", NULL},
        {MAKE, NULL, "{" PRO ",'n':2}", "{" PRO ARK_GROUP("2") "}", NULL},
        // Relays have the public form.
        {MAKE, "relay", "{" D45 "}", "{" D45 ",'watermark':false}", NULL},
        {MAKE, "relay",
         "{" D45 ",'image':[" PIC ",'iVBORw0KGgo='],'n':3,'size':'2K','response_format':'b64_json',"
         "'watermark':true,'stream':true}",
         "{" D45 ",'image_input':[" PIC ",'IMG'],'n':3,'size':'2K','response_format':'b64_json',"
         "'watermark':true}",
         NULL},
        {EDIT, "relay", "{" D45 ",'image':" PIC "}",
         "{" D45 ",'image_input':[" PIC "],'watermark':false}", NULL},
        {MAKE, "relay", "{" D45 ",'size':'1K'}", NULL, "size: must be"},
        {MAKE, "relay", "{" PRO ",'n':2,'size':'1K'}",
         "{" PRO ",'n':2,'size':'1K','watermark':false}", NULL},
    };

    (void)state;
    chosen = "seedream";
    RUN_ALL(cases);
    chosen = "veo";
}

// Qwen's images: models that make tasks, and models that answer with the result.
static void test_qwen(void **state)
{
#define QPLUS "'model':'qwen-image-plus'"
#define QMAX "'model':'qwen-image-max'"
#define Q2 "'model':'qwen-image-2.0'"
#define QPRO "'model':'qwen-image-2.0-pro'"
#define QEDIT "'model':'qwen-image-edit-plus'"
#define Q3 "'model':'qwen-image-3.0'"
#define INPUT(...) ",'input':{" __VA_ARGS__ "}"
#define SAYS(...) INPUT("'messages':[{'role':'user','content':[" __VA_ARGS__ "{'text':'x'}]}]")
#define PARAMETERS(...) ",'parameters':{" __VA_ARGS__ "}"
#define SHOWS(url) "{'image':" url "},"
    static const struct request_case cases[] = {
        {MAKE, NULL, "{" QMAX ",'prompt':'x'}", "{" QMAX SAYS() "}", NULL},
        {MAKE, NULL,
         "{" QMAX ",'prompt':'x','size':'1024x1024','n':1,'response_format':'b64_json','user':'u',"
         "'quality':'hd','style':'vivid','stream':true,'notifyHook':'https://e.com'}",
         "{" QMAX SAYS() PARAMETERS("'size':'1328*1328','n':1") "}", NULL},
        {MAKE, NULL,
         "{" QMAX ",'prompt':'x','negative_prompt':'n','seed':7,'watermark':false,"
         "'prompt_extend':true,'foo':{'bar':1}}",
         "{" QMAX SAYS() PARAMETERS("'negative_prompt':'n','seed':7,'watermark':false,"
                                    "'prompt_extend':true,'foo':{'bar':1}") "}",
         NULL},
        {MAKE, NULL, "{" QPLUS ",'prompt':'x'}", "{" QPLUS INPUT("'prompt':'x'") "}", NULL},
        {MAKE, NULL,
         "{" QPLUS ",'prompt':'x','negative_prompt':'n','n':'1','size':'1664*928','seed':0,"
         "'watermark':'true'}",
         "{" QPLUS INPUT("'prompt':'x','negative_prompt':'n'")
             PARAMETERS("'n':1,'size':'1664*928','seed':0,'watermark':true") "}",
         NULL},
        {MAKE, NULL, "{'model':'qwen-image','prompt':'x'}",
         "{'model':'qwen-image'" INPUT("'prompt':'x'") "}", NULL},
        {MAKE, NULL, "{'model':'qwen-image-plus-2026-01-09','prompt':'x'}",
         "{'model':'qwen-image-plus-2026-01-09'" INPUT("'prompt':'x'") "}", NULL},
        {MAKE, NULL, "{'model':'qwen-image-max-2025-12-30','prompt':'x'}",
         "{'model':'qwen-image-max-2025-12-30'" SAYS() "}", NULL},
        {MAKE, NULL, "{" QPRO ",'prompt':'x','n':6}", "{" QPRO SAYS() PARAMETERS("'n':6") "}",
         NULL},
        // Sizes: the nearest of five, or any of some area.
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'1792x1024'}",
         "{" QMAX SAYS() PARAMETERS("'size':'1664*928'") "}", NULL},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'1536x1024'}",
         "{" QMAX SAYS() PARAMETERS("'size':'1472*1104'") "}", NULL},
        {MAKE, NULL, "{" QPLUS ",'prompt':'x','size':'1024x1536'}",
         "{" QPLUS INPUT("'prompt':'x'") PARAMETERS("'size':'1104*1472'") "}", NULL},
        {MAKE, NULL, "{" QPLUS ",'prompt':'x','size':'1024x1792'}",
         "{" QPLUS INPUT("'prompt':'x'") PARAMETERS("'size':'928*1664'") "}", NULL},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'99999x1'}",
         "{" QMAX SAYS() PARAMETERS("'size':'1664*928'") "}", NULL},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'0x10'}", NULL, "size: must be WIDTHxHEIGHT"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'2K'}", NULL, "size: must be WIDTHxHEIGHT"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'1024x'}", NULL, "size: must be"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'1024x1024x'}", NULL, "size: must be"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'-1024x1024'}", NULL, "size: must be"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','size':'100000x1024'}", NULL, "size: must be"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'1024x1024'}",
         "{" Q2 SAYS() PARAMETERS("'size':'1024*1024'") "}", NULL},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'512x512'}",
         "{" Q2 SAYS() PARAMETERS("'size':'512*512'") "}", NULL},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'4096x1024'}",
         "{" Q2 SAYS() PARAMETERS("'size':'4096*1024'") "}", NULL},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'512x511'}", NULL, "size: must have 262144 to"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'2048x2049'}", NULL, "size: must have"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','size':'99999x99999'}", NULL, "size: must have"},
        // Several.
        {MAKE, NULL, "{" QMAX ",'prompt':'x','n':2}", NULL, "n: qwen-image-max makes one image"},
        {MAKE, NULL, "{" QPLUS ",'prompt':'x','n':2}", NULL, "n: qwen-image-plus makes one image"},
        {MAKE, "relay", "{" QPLUS ",'prompt':'x','n':2}", NULL, "n: qwen-image-plus makes one"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','n':7}", NULL, "n: must be from 1 to 6"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','n':0}", NULL, "n: must be at least 1"},
        {EDIT, NULL, "{'model':'qwen-image-edit','prompt':'x','image':" PIC ",'n':2}", NULL,
         "n: qwen-image-edit makes one image"},
        // References.
        {EDIT, NULL, "{" QEDIT ",'prompt':'x','image':" PIC "}", "{" QEDIT SAYS(SHOWS(PIC)) "}",
         NULL},
        {EDIT, NULL, "{" Q2 ",'prompt':'x','image':[" PIC ",'iVBORw0KGgo=','IMG'],'n':2}",
         "{" Q2 SAYS(SHOWS(PIC) SHOWS("'IMG'") SHOWS("'IMG'")) PARAMETERS("'n':2") "}", NULL},
        {MAKE, NULL, "{" QPRO ",'prompt':'x','image_input':" PIC "}", "{" QPRO SAYS(SHOWS(PIC)) "}",
         NULL},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','image':[" PIC "," PIC "," PIC "," PIC "]}", NULL,
         "images: qwen-image-2.0 takes at most 3"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','image':" PIC "}", NULL,
         "images: qwen-image-max takes none"},
        {EDIT, NULL, "{" QPLUS ",'prompt':'x','image':" PIC "}", NULL,
         "images: qwen-image-plus takes none"},
        {MAKE, NULL, "{" QEDIT ",'prompt':'x'}", NULL, "images: qwen-image-edit-plus edits one"},
        {EDIT, NULL, "{" Q2 ",'prompt':'x'}", NULL, "image: is required"},
        {EDIT, NULL, "{" QEDIT ",'prompt':'x','image':" PIC ",'mask':" PIC2 "}", NULL,
         "mask: is not supported by qwen-image-edit-plus"},
        {EDIT, NULL, "{" QEDIT ",'prompt':'x','image':" PIC ",'size':'800x600'}",
         "{" QEDIT SAYS(SHOWS(PIC)) PARAMETERS("'size':'800*600'") "}", NULL},
        {LIKE, NULL, "{" Q2 ",'image':" PIC "}", NULL, "model: qwen-image-2.0 makes no variations"},
        // Fields.
        {MAKE, NULL, "{" QMAX "}", NULL, "prompt: is required"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','seed':-1}", NULL, "seed: must be from 0"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','seed':2147483648}", NULL, "seed: must be"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','seed':'7'}", NULL, "seed: must be"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','prompt_extend':'yes'}", NULL, "prompt_extend: "},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','negative_prompt':7}", NULL, "negative_prompt: must"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','aspect_ratio':'1:1'}", NULL, "aspect_ratio: is not"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','background':'opaque'}", NULL, "background: is not"},
        {MAKE, NULL, "{" QMAX ",'prompt':'x','output_format':'png'}", NULL, "output_format: is"},
        {MAKE, NULL, "{" Q2 ",'prompt':'x','sequential_image_generation':'auto'}", NULL,
         "sequential_image_generation: is not supported by qwen-image-2.0"},
        // Newer than our tables.
        {MAKE, NULL, "{" Q3 ",'prompt':'x','size':'2K','n':9,'aspect_ratio':'1:1'}",
         "{" Q3 SAYS() PARAMETERS("'size':'2K','n':9,'aspect_ratio':'1:1'") "}", NULL},
        {MAKE, NULL, "{" Q3 ",'prompt':'x','size':'1024x768'}",
         "{" Q3 SAYS() PARAMETERS("'size':'1024*768'") "}", NULL},
        // Relays have the public form.
        {MAKE, "relay", "{" QMAX ",'prompt':'x','size':'1024x1024','response_format':'url'}",
         "{" QMAX ",'prompt':'x','size':'1024x1024','response_format':'url'}", NULL},
        {EDIT, "relay", "{" Q2 ",'prompt':'x','image':" PIC ",'n':2}",
         "{" Q2 ",'prompt':'x','n':2," IMAGES(OBJ(PIC)) "}", NULL},
        {MAKE, "relay", "{" Q2 ",'prompt':'x','image':'iVBORw0KGgo='}",
         "{" Q2 ",'prompt':'x','image_input':['IMG']}", NULL},
        {MAKE, "relay", "{" QMAX ",'prompt':'x','size':'huge'}", NULL, "size: must be"},
    };

    (void)state;
    chosen = "qwen";
    RUN_ALL(cases);
    chosen = "veo";
}

// Where DashScope is asked, and how: only a submit that makes a task says that it is to.
static void test_qwen_paths(void **state)
{
    static const struct {
        const char *model, *action, *dialect, *path;
        bool is_call;
    } cases[] = {
        {"qwen-image-plus", "generate", NULL, "/api/v1/services/aigc/text2image/image-synthesis",
         false},
        {"qwen-image", "generate", NULL, "/api/v1/services/aigc/text2image/image-synthesis", false},
        {"qwen-image-plus-2026-01-09", "generate", NULL,
         "/api/v1/services/aigc/text2image/image-synthesis", false},
        {"qwen-image-max", "generate", NULL,
         "/api/v1/services/aigc/multimodal-generation/generation", true},
        {"qwen-image-2.0", "edit", NULL, "/api/v1/services/aigc/multimodal-generation/generation",
         true},
        {"qwen-image-edit-plus", "edit", NULL,
         "/api/v1/services/aigc/multimodal-generation/generation", true},
        {"qwen-image-3.0", "generate", NULL,
         "/api/v1/services/aigc/multimodal-generation/generation", true},
        {"qwen-image-plus", "generate", "relay", "/v1/images/generations", true},
        {"qwen-image-2.0", "edit", "relay", "/v1/images/edits", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct account account = {.name = (char *)"a",
                                  .base_url = (char *)"http://v",
                                  .provider_name = (char *)"qwen",
                                  .dialect_name = (char *)(uintptr_t)cases[i].dialect};
        struct http_request request = {0};
        struct task *task = task_new();
        struct err err;
        bool is_task;

        snprintf(task->id, sizeof task->id, "task_1");
        task->action = mem_str(cases[i].action);
        task->model = mem_str(cases[i].model);
        task->request = mem_str("{\"prompt\":\"x\"}");
        assert_true(provider_bind(&account, &err));
        account_set_key(&account, "api_key", "k");
        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        is_task = strstr(request.headers.data, "X-DashScope-Async: enable\n") != NULL;
        assert_string_equal(request.url + strlen("http://v"), cases[i].path);
        assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
        assert_int_equal(account.dialect->is_call(task, &account), cases[i].is_call);
        assert_int_equal(is_task, !cases[i].is_call);
        assert_int_equal(request.timeout_ms, cases[i].is_call ? 360000 : 0);
        http_request_clear(&request);
        // What was lost is looked for where it may be listed.
        if (account.dialect->build_lookup != NULL)
            assert_int_equal(account.dialect->build_lookup(task, &account, 0, &request, &err),
                             !cases[i].is_call);
        if (request.url != NULL)
            assert_non_null(strstr(request.url, cases[i].model));
        http_request_clear(&request);
        task_free(task);
        account_clear_keys(&account);
    }
}

static void test_how_long_a_seed_may_take(void **state)
{
    struct account account = {.name = (char *)"a",
                              .base_url = (char *)"http://v",
                              .provider_name = (char *)"midjourney",
                              .dialect_name = (char *)"proxy"};
    struct task *task = task_new();
    struct http_request request = {0};
    struct err err;

    (void)state;
    task->action = mem_str("SEED");
    task->upstream_parent = mem_str("17");
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_string_equal(request.url, "http://v/mj/task/17/image-seed");
    assert_true(request.timeout_ms > 60000);
    http_request_clear(&request);
    account_clear_keys(&account);
    task_free(task);
}

// A text's length counts in characters, not in bytes.
static void test_lengths(void **state)
{
    static const struct {
        const char *path, *format;
        int characters;
        const char *provider; // NULL: openai
    } cases[] = {
        {SAY, "{'model':'tts-1','voice':'nova','input':'%s'}", 4096, NULL},
        {SAY, "{'model':'gpt-4o-mini-tts','voice':'nova','input':'x','instructions':'%s'}", 4096,
         NULL},
        {MAKE, "{'model':'gpt-image-2','prompt':'%s'}", 32000, NULL},
        {MAKE, "{'model':'dall-e-3','prompt':'%s'}", 4000, NULL},
        {MAKE, "{'model':'dall-e-2','prompt':'%s'}", 1000, NULL},
        {MAKE, "{'model':'qwen-image-max','prompt':'%s'}", 800, "qwen"},
        {MAKE, "{'model':'qwen-image-plus','prompt':'x','negative_prompt':'%s'}", 500, "qwen"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int more = 0; more < 2; more++) {
            const char *at = strstr(cases[i].format, "%s");
            struct request_case one = {.path = cases[i].path};
            struct buf body = {0};
            struct err err = {0};
            json_t *sent;

            buf_add(&body, cases[i].format, (size_t)(at - cases[i].format));
            for (int k = 0; k < cases[i].characters + more; k++)
                buf_str(&body, "\xe4\xbd\xa0");
            buf_str(&body, at + 2);
            one.body = buf_text(&body);
            chosen = cases[i].provider == NULL ? "openai" : cases[i].provider;
            sent = submit(&one, &err);
            if ((sent == NULL) != (more == 1) ||
                (more == 1 && strstr(err.message, "is longer than") == NULL))
                fail_msg("%s, %d more: %s", cases[i].format, more, err.message);
            json_decref(sent);
            buf_clear(&body);
        }
    chosen = "veo";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_new_models),
        cmocka_unit_test(test_what_is_known),
        cmocka_unit_test(test_wan),
        cmocka_unit_test(test_wan_paths),
        cmocka_unit_test(test_sora),
        cmocka_unit_test(test_runway),
        cmocka_unit_test(test_jimeng),
        cmocka_unit_test(test_openai),
        cmocka_unit_test(test_openai_forms),
        cmocka_unit_test(test_seedream),
        cmocka_unit_test(test_qwen),
        cmocka_unit_test(test_qwen_paths),
        cmocka_unit_test(test_how_long_a_seed_may_take),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_minimax),
        cmocka_unit_test(test_minimax_paths),
        cmocka_unit_test(test_minimax_relay_paths),
        cmocka_unit_test(test_kling_relay_paths),
    };

    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
