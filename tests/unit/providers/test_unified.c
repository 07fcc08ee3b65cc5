// From the unified form of a video's request to each provider's own.
#include "providers/unified.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "tests/support/check.h"

#define PNG "iVBORw0KGgo="

// The request becomes this one, of this action; or `error` says what is wrong with it.
static const struct {
    const char *provider, *model, *request, *action, *becomes, *error;
} cases[] = {
    {"kling", "kling-v3", "{'prompt':'p','duration':'5'}", "text2video",
     "{'prompt':'p','duration':'5'}", NULL},
    {"kling", "kling-v3", "{'prompt':'p','size':'1280x720','negative_prompt':'n'}", "text2video",
     "{'prompt':'p','size':'1280x720','negative_prompt':'n','aspect_ratio':'16:9','mode':'std'}",
     NULL},
    {"kling", "kling-v3", "{'prompt':'p','size':'1080x1920','mode':'std'}", "text2video",
     "{'prompt':'p','size':'1080x1920','aspect_ratio':'9:16','mode':'std'}", NULL},
    {"kling", "kling-v3", "{'prompt':'p','size':'1080P'}", "text2video",
     "{'prompt':'p','size':'1080P','mode':'pro'}", NULL},
    {"kling", "kling-v3", "{'prompt':'p','images':['', 'https://a/b', null, '" PNG "']}",
     "image2video", "{'prompt':'p','image_urls':['https://a/b','" PNG "']}", NULL},
    {"kling", "kling-v3", "{'prompt':'p','images':[]}", "text2video", "{'prompt':'p'}", NULL},
    {"kling", "kling-video-o1", "{'prompt':'p','images':['a','b','c']}", "omni-video",
     "{'prompt':'p','image_list':[{'image_url':'a'},{'image_url':'b'},{'image_url':'c'}]}", NULL},
    {"kling", "kling-v3-omni", "{'prompt':'p'}", "omni-video", "{'prompt':'p'}", NULL},
    {"kling", "kling-v3", "{'images':['a','b','c']}", NULL, NULL,
     "images: must have at most 2 items"},
    {"kling", "kling-v3", "{'prompt':'p','size':'1024x768'}", NULL, NULL,
     "size: must be one of: 16:9, 9:16, 1:1"},
    {"kling", "kling-v3", "{'prompt':'p','aspect_ratio':'4:3'}", NULL, NULL,
     "aspect_ratio: must be one of: 16:9, 9:16, 1:1"},
    {"kling", "kling-v3", "{'prompt':'p','aspect_ratio':'9:16','size':'1280x720'}", NULL, NULL,
     "aspect_ratio: doesn't fit the size"},
    {"kling", "kling-v3", "{'prompt':'p','size':'large'}", NULL, NULL,
     "size: must be WIDTHxHEIGHT, or lines as in 720P"},
    {"kling", "kling-v3", "{'storyboard':[{'prompt':'p'}]}", NULL, NULL,
     "storyboard: is not supported by kling-v3"},
    {"seedance", "doubao-seedance-2-0",
     "{'model':'doubao-seedance-2-0','prompt':'p','size':'720x1280','duration':'5'}", "video",
     "{'model':'doubao-seedance-2-0','prompt':'p','size':'720x1280','duration':5,"
     "'content':[{'type':'text','text':'p'}],'ratio':'9:16','resolution':'720p'}",
     NULL},
    {"seedance", "seedance-1", "{'images':['https://a/b'],'aspect_ratio':'21:9'}", "video",
     "{'content':[{'type':'image_url','image_url':{'url':'https://a/b'}}],'ratio':'21:9'}", NULL},
    {"seedance", "seedance-1",
     "{'prompt':'p','images':['" PNG "','data:application/octet-stream;base64," PNG "']}", "video",
     "{'prompt':'p','content':[{'type':'text','text':'p'},"
     "{'type':'image_url','role':'first_frame','image_url':{'url':'data:image/png;base64," PNG
     "'}},"
     "{'type':'image_url','role':'last_frame','image_url':{'url':'data:image/png;base64," PNG
     "'}}]}",
     NULL},
    {"seedance", "seedance-1", "{'images':['a','b','c']}", "video",
     "{'content':[{'type':'image_url','role':'reference_image','image_url':{'url':'a'}},"
     "{'type':'image_url','role':'reference_image','image_url':{'url':'b'}},"
     "{'type':'image_url','role':'reference_image','image_url':{'url':'c'}}]}",
     NULL},
    {"seedance", "seedance-1", "{'images':['data:image/BMP;base64,Qk0A']}", "video",
     "{'content':[{'type':'image_url','image_url':{'url':'data:image/bmp;base64,Qk0A'}}]}", NULL},
    {"seedance", "seedance-1", "{'prompt':'p','negative_prompt':'n'}", NULL, NULL,
     "negative_prompt: is not supported by seedance-1"},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','negative_prompt':'n','size':'1280x720'}", "video",
     "{'prompt':'p','negative_prompt':'n','size':'1280x720','input':{'prompt':'p',"
     "'negative_prompt':'n'},'parameters':{'size':'1280*720'}}",
     NULL},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','size':'832X480','duration':'10'}", "video",
     "{'prompt':'p','size':'832X480','duration':'10','input':{'prompt':'p'},"
     "'parameters':{'size':'832*480','duration':10}}",
     NULL},
    {"wan", "wan2.2-t2v-plus", "{'prompt':'p','aspect_ratio':'9:16'}", "video",
     "{'prompt':'p','aspect_ratio':'9:16','input':{'prompt':'p'},"
     "'parameters':{'size':'1080*1920'}}",
     NULL},
    {"wan", "wan-ai/wan2.1-t2v-14b", "{'prompt':'p','aspect_ratio':'1:1'}", "video",
     "{'prompt':'p','aspect_ratio':'1:1','input':{'prompt':'p'},'parameters':{'size':'960*960'}}",
     NULL},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','size':'480p','aspect_ratio':'1:1'}", "video",
     "{'prompt':'p','size':'480p','aspect_ratio':'1:1','input':{'prompt':'p'},"
     "'parameters':{'size':'624*624'}}",
     NULL},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p'}", "video",
     "{'prompt':'p','input':{'prompt':'p'}}", NULL},
    {"wan", "wan-ai/wan2.1-i2v-14b-720p",
     "{'prompt':'p','images':['https://a/b'],'aspect_ratio':'16:9'}", "video",
     "{'prompt':'p','aspect_ratio':'16:9','input':{'prompt':'p','img_url':'https://a/b'}}", NULL},
    {"wan", "wan2.2-i2v-flash", "{'images':['" PNG "'],'size':'1280x720','duration':5}", "video",
     "{'size':'1280x720','duration':5,'input':{'img_url':'data:image/png;base64," PNG "'},"
     "'parameters':{'resolution':'720P','duration':5}}",
     NULL},
    {"wan", "wan2.2-kf2v-flash", "{'prompt':'p','images':['a','','b']}", "video",
     "{'prompt':'p','input':{'prompt':'p','first_frame_url':'a','last_frame_url':'b'}}", NULL},
    {"wan", "wan9", "{'prompt':'p','images':['a']}", "video",
     "{'prompt':'p','input':{'prompt':'p','img_url':'a'}}", NULL},
    {"wan", "wan9", "{'prompt':'p','images':['a','b']}", "video",
     "{'prompt':'p','input':{'prompt':'p','first_frame_url':'a','last_frame_url':'b'}}", NULL},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','images':['a']}", NULL, NULL,
     "images: is not supported by wan2.5-t2v-preview"},
    {"wan", "wan2.5-i2v-preview", "{'prompt':'p'}", NULL, NULL,
     "images: wan2.5-i2v-preview takes 1"},
    {"wan", "wan2.5-i2v-preview", "{'images':['a','b']}", NULL, NULL,
     "images: wan2.5-i2v-preview takes 1"},
    {"wan", "wan2.2-kf2v-flash", "{'images':['a']}", NULL, NULL,
     "images: wan2.2-kf2v-flash takes 2"},
    {"wan", "wan2.2-s2v", "{'prompt':'p','images':['a']}", NULL, NULL,
     "model: wan2.2-s2v needs a voice, which has no field here"},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','aspect_ratio':'21:9'}", NULL, NULL,
     "aspect_ratio: isn't one that Wan makes"},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','size':'1000x333'}", NULL, NULL,
     "size: isn't one that Wan makes"},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','size':'8'}", NULL, NULL,
     "size: must be WIDTHxHEIGHT, or lines as in 720P"},
    {"wan", "wan2.5-t2v-preview", "{'prompt':'p','size':'1280x720','aspect_ratio':'1:1'}", NULL,
     NULL, "aspect_ratio: doesn't fit the size"},
    {"wan", "wan2.5-t2v-preview", "{'storyboard':[{'prompt':'p'}]}", NULL, NULL,
     "storyboard: is not supported by wan2.5-t2v-preview"},
    {"minimax", "video-01", "{'prompt':'p','size':'1280x720','duration':'6'}", "video",
     "{'prompt':'p','size':'1280x720','duration':6,'ratio':'16:9','resolution':'768P'}", NULL},
    {"minimax", "MiniMax-Hailuo-2.3", "{'prompt':'p','size':'1366x768','negative_prompt':''}",
     "video",
     "{'prompt':'p','size':'1366x768','negative_prompt':'','ratio':'16:9','resolution':'768P'}",
     NULL},
    {"minimax", "T2V-01", "{'prompt':'p','aspect_ratio':'16:9'}", "video",
     "{'prompt':'p','aspect_ratio':'16:9','ratio':'16:9'}", NULL},
    {"minimax", "video-01", "{'images':['https://a/b',''],'aspect_ratio':'9:16','size':'1080P'}",
     "video",
     "{'aspect_ratio':'9:16','size':'1080P','first_frame_image':'https://a/b',"
     "'resolution':'1080P'}",
     NULL},
    {"minimax", "MiniMax-Hailuo-02", "{'prompt':'p','images':['a','b']}", "video",
     "{'prompt':'p','first_frame_image':'a','last_frame_image':'b'}", NULL},
    {"minimax", "S2V-01", "{'prompt':'p','images':['a']}", "video",
     "{'prompt':'p','subject_reference':[{'type':'character','image':['a']}]}", NULL},
    {"minimax", "MiniMax-H3", "{'prompt':'p','size':'2k','aspect_ratio':'9:16','duration':5}",
     "video",
     "{'prompt':'p','size':'2k','aspect_ratio':'9:16','duration':5,'ratio':'9:16',"
     "'resolution':'2K'}",
     NULL},
    {"minimax", "film", "{'prompt':'p','size':'720x1280'}", "video",
     "{'prompt':'p','size':'720x1280','ratio':'9:16','resolution':'720P'}", NULL},
    {"minimax", "I2V-01", "{'images':['a','b']}", NULL, NULL, "images: at most 1"},
    {"minimax", "video-01", "{'images':['a','b','c']}", NULL, NULL, "images: at most 2"},
    {"minimax", "video-01", "{'prompt':'p','size':'1000x333'}", NULL, NULL,
     "size: isn't one that the model makes"},
    {"minimax", "video-01", "{'prompt':'p','size':'480p'}", NULL, NULL,
     "size: isn't one that the model makes"},
    {"minimax", "video-01", "{'prompt':'p','aspect_ratio':'adaptive'}", NULL, NULL,
     "aspect_ratio: isn't one that the model makes"},
    {"minimax", "video-01", "{'prompt':'p','negative_prompt':'n'}", NULL, NULL,
     "negative_prompt: is not supported by video-01"},
    {"minimax", "video-01", "{'storyboard':[{'prompt':'p'}]}", NULL, NULL,
     "storyboard: is not supported by video-01"},
    {"seedance", "seedance-1", "{'prompt':'p','negative_prompt':'','storyboard':[]}", "video",
     "{'prompt':'p','negative_prompt':'','storyboard':[],'content':[{'type':'text','text':'p'}]}",
     NULL},
};

// JSON with ' for ".
static json_t *parse(const char *text)
{
    char *copy = mem_str(text);
    json_t *json;

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    json = json_loads(copy, 0, NULL);
    assert_non_null(json);
    free(copy);
    return json;
}

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_new();
        json_t *request = parse(cases[i].request), *got, *wanted;
        struct err err = {0};
        bool ok;

        mem_set_str(&task->model, cases[i].model);
        mem_set_str(&task->action, "video");
        task->request = json_dumps(request, JSON_COMPACT);
        json_decref(request);
        ok = provider_find(cases[i].provider)->from_unified(task, &err);
        if (cases[i].error != NULL) {
            if (ok || err.code != ERR_INVALID || strcmp(err.message, cases[i].error) != 0)
                fail_msg("%s: %s", cases[i].request, err.message);
        } else {
            got = json_loads(task->request, 0, NULL);
            wanted = parse(cases[i].becomes);
            if (!ok || !json_equal(got, wanted) || strcmp(task->action, cases[i].action) != 0)
                fail_msg("%s: %s %s %s", cases[i].request, ok ? "" : err.message, task->action,
                         task->request);
            json_decref(got);
            json_decref(wanted);
        }
        task_free(task);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        const char *size, *ratio;
        int lines; // -1: it isn't one
    } sizes[] = {
        {"", "", 0},
        {"1920x1080", "16:9", 1080},
        {"1080*1920", "9:16", 1080},
        {"1024X1024", "1:1", 1024},
        {"1792x1024", "7:4", 1024},
        {"720P", "", 720},
        {"1080p", "", 1080},
        {"4k", "", 2160},
        {"x", "", -1},
        {"0x0", "", -1},
        {"-5x5", "", -1},
        {"5x", "", -1},
        {"720", "", -1},
        {"1280x720x2", "", -1},
        {"99999999999x1", "", -1},
        {"1280x720 ", "", -1},
        {"9999p", "", 9999},
        {"99k", "", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        json_t *request = json_pack("{s:s}", "size", sizes[i].size);
        struct unified_frame frame;
        struct err err;
        bool ok = unified_read_frame(request, &frame, &err);

        if (ok != (sizes[i].lines >= 0) ||
            (ok && (frame.lines != sizes[i].lines || strcmp(frame.ratio, sizes[i].ratio) != 0)))
            fail_msg("%s: %d %d \"%s\"", sizes[i].size, ok, frame.lines, frame.ratio);
        json_decref(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
