// Google's image models: what a request becomes, and where it goes. Single quotes stand for double
// ones.
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

#define NATIVE "/v1beta/models/{model}:generateContent"
#define MAKE "/v1/images/generations"
#define EDIT "/v1/images/edits"
#define VARY "/v1/images/variations"
#define RAW "iVBORw0KGgo="
#define DATA "data:image/png;base64," RAW
#define INLINE "{'inlineData':{'mimeType':'image/png','data':'" RAW "'}}"
#define LINK "https://e.com/a.png"
#define GIVEN(parts) "'contents':[{'parts':[" parts "]}]"
#define USERS(parts) "'contents':[{'role':'user','parts':[" parts "]}]"
#define X "{'text':'x'}"
#define IMAGE "'responseModalities':['IMAGE']"
#define ONLY_IMAGE "'generationConfig':{" IMAGE "}"
#define CONFIG(text) "'generationConfig':{'imageConfig':{" text "}," IMAGE "}"
#define IMAGEN(text) "'generationConfig':{'imageGenerationConfig':{" text "}}"

struct request_case {
    const char *path, *model;
    const char *theirs;  // what the account calls it; NULL: it lists no models
    const char *dialect; // NULL: the first
    const char *body;
    const char *sent;  // NULL: it is refused,
    const char *error; // and this is how what is said of it begins
};

static struct config_model listed;
static struct account account = {.name = (char *)"a", .provider_name = (char *)"gemini"};

static void bind(const char *dialect, const char *model, const char *theirs)
{
    struct err err;

    listed = (struct config_model){.name = (char *)(uintptr_t)model,
                                   .upstream = (char *)(uintptr_t)theirs};
    account.models = theirs == NULL ? NULL : &listed;
    account.model_count = theirs == NULL ? 0 : 1;
    account.dialect_name = (char *)(uintptr_t)dialect;
    account.base_url =
        dialect != NULL && strcmp(dialect, "vertex") == 0 ? NULL : (char *)"http://v";
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    account_set_key(&account, "service_account_file.project_id", "p");
}

static const struct route *route_of(const char *path, const struct family **family)
{
    for (size_t i = 0; (*family = family_at(i)) != NULL; i++)
        for (const struct route *route = (*family)->routes; route->method != NULL; route++)
            if (strcmp(route->path, path) == 0)
                return route;
    return NULL;
}

// As the family has it; NULL and err where it is refused.
static struct task *accept(const char *path, const char *model, const char *text, struct err *err)
{
    const struct family *family;
    json_t *body = json_plain_read(text);
    struct family_request request = {.route = route_of(path, &family), .body = body};
    struct task *task = task_new();
    const char *once = NULL;

    assert_non_null(request.route);
    assert_non_null(body);
    if (strcmp(path, NATIVE) == 0)
        request.path_id = model;
    else if (json_object_get(body, "model") == NULL)
        json_object_set_new(body, "model", json_string(model));
    snprintf(task->id, sizeof task->id, "task_1");
    task->request = json_dumps(body, JSON_COMPACT);
    if (!family->accept(&request, task, &once, err))
        task_drop(&task);
    json_decref(body);
    return task;
}

static json_t *submit(const struct request_case *one, struct err *err)
{
    struct http_request made = {0};
    struct task *task;
    json_t *sent = NULL;

    bind(one->dialect, one->model, one->theirs);
    task = accept(one->path, one->model, one->body, err);
    if (task != NULL && account.dialect->check(task, &account, err) &&
        account.dialect->build_submit(task, &account, &made, err)) {
        assert_int_equal(made.timeout_ms, 360000);
        sent = json_loads(buf_text(&made.body), JSON_REJECT_DUPLICATES, NULL);
    }
    http_request_clear(&made);
    task_free(task);
    return sent;
}

static unsigned run(const struct request_case *one)
{
    struct err err = {0};
    json_t *sent = submit(one, &err);
    json_t *expected = one->sent == NULL ? NULL : json_plain_read(one->sent);
    bool ok = one->sent != NULL ? sent != NULL && json_equal(sent, expected) == 1
                                : sent == NULL && err.code == ERR_INVALID &&
                                      strncmp(err.message, one->error, strlen(one->error)) == 0;

    if (!ok) {
        char *text = sent == NULL ? NULL : json_dumps(sent, JSON_COMPACT);

        print_error("%s %s %s\n  gives %s\n", one->path, one->model, one->body,
                    text == NULL ? err.message : text);
        free(text);
    }
    assert_true(one->sent == NULL || expected != NULL);
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

static void test_native(void **state)
{
#define N NATIVE, "nano-banana-2", NULL, NULL
#define PRO NATIVE, "nano-banana-pro", NULL, NULL
    static const struct request_case cases[] = {
        {N, "{" GIVEN(X) "}", "{" GIVEN(X) "," ONLY_IMAGE "}", NULL},
        {N, "{" USERS(X "," INLINE) "," ONLY_IMAGE ",'callback_url':'https://h/','notifyHook':''}",
         "{" USERS(X "," INLINE) "," ONLY_IMAGE "}", NULL},
        {PRO,
         "{" GIVEN(
             X) ",'generationConfig':{'responseModalities':['Text','Image'],'temperature':0.5,"
                "'imageConfig':{'aspectRatio':'21:9','imageSize':'4K','new':1}},"
                "'tools':[{'googleSearch':{}}],'safetySettings':[{'category':'A'}],"
                "'systemInstruction':{'parts':[{'text':'s'}]},'labels':{'a_b':'c'}}",
         "{" GIVEN(
             X) ",'generationConfig':{'responseModalities':['TEXT','IMAGE'],'temperature':0.5,"
                "'imageConfig':{'aspectRatio':'21:9','imageSize':'4K','new':1}},"
                "'tools':[{'googleSearch':{}}],'safetySettings':[{'category':'A'}],"
                "'systemInstruction':{'parts':[{'text':'s'}]},'labels':{'a_b':'c'}}",
         NULL},
        // The other spelling, the other alphabet, one object for a list, what is left empty.
        {N,
         "{'contents':{'role':'user','parts':{'inline_data':{'mime_type':'image/png','data':"
         "'iVBORw0KGgo-_w'},'thought_signature':'s','text':''}},'system_instruction':null,"
         "'generation_config':{'response_modalities':['IMAGE'],'candidate_count':1,"
         "'image_config':{'aspect_ratio':'1:8','image_size':''}},'safety_settings':[]}",
         "{'contents':[{'role':'user','parts':[{'inlineData':{'mimeType':'image/png','data':"
         "'iVBORw0KGgo+/w=='},'thoughtSignature':'s'}]}],'generationConfig':{" IMAGE
         ",'candidateCount':1,'imageConfig':{'aspectRatio':'1:8'}}}",
         NULL},
        {N,
         "{" GIVEN("{'inlineData':{'mimeType':'image/png','data':'" DATA
                   "'}},{'text':''},null") "}",
         "{" GIVEN(INLINE) "," ONLY_IMAGE "}", NULL},
        // Turns of a talk.
        {PRO,
         "{'contents':[{'role':'user','parts':[" X "]},{'role':'model','parts':[" INLINE
         "]},{'role':'user','parts':[" X "]}]}",
         "{'contents':[{'role':'user','parts':[" X "]},{'role':'model','parts':[" INLINE
         "]},{'role':'user','parts':[" X "]}]," ONLY_IMAGE "}",
         NULL},
        // What Vertex AI alone has.
        {N, "{" GIVEN(X) "," CONFIG("'imageOutputOptions':{'mimeType':'image/jpeg'}") "}",
         "{" GIVEN(X) "," ONLY_IMAGE "}", NULL},
        {NATIVE, "nano-banana-2", NULL, "relay",
         "{" GIVEN(X) "," CONFIG("'imageOutputOptions':{'mimeType':'image/jpeg'}") "}",
         "{" GIVEN(X) "," CONFIG("'imageOutputOptions':{'mimeType':'image/jpeg'}") "}", NULL},
        {NATIVE, "nano-banana-2", NULL, "vertex",
         "{" GIVEN(X) "," CONFIG("'imageOutputOptions':{'mimeType':'image/jpeg'},"
                                 "'personGeneration':'ALLOW_ALL'") "}",
         "{" USERS(X) "," CONFIG("'imageOutputOptions':{'mimeType':'image/jpeg'},"
                                 "'personGeneration':'ALLOW_ALL'") "}",
         NULL},
        {N, "{" GIVEN(X) "," CONFIG("'personGeneration':'ALLOW_ALL'") "}", NULL,
         "generationConfig.imageConfig.personGeneration: only Vertex"},
        {N, "{" GIVEN(X) "," CONFIG("'prominentPeople':'X'") "}", NULL,
         "generationConfig.imageConfig.prominentPeople: only Vertex"},
        {N, "{" GIVEN("{'fileData':{'fileUri':'gs://b/o'}}," X) "}", NULL, "contents: only Vertex"},
        {NATIVE, "nano-banana-2", NULL, "vertex",
         "{" GIVEN("{'fileData':{'fileUri':'gs://b/o','mimeType':'image/png'}}," X) "}",
         "{" USERS("{'fileData':{'fileUri':'gs://b/o','mimeType':'image/png'}}," X) "," ONLY_IMAGE
                                                                                    "}",
         NULL},
        // Limits of models, by the account's name or by the client's.
        {N, "{" GIVEN(X) "," CONFIG("'aspectRatio':'8:1','imageSize':'2K'") "}",
         "{" GIVEN(X) "," CONFIG("'aspectRatio':'8:1','imageSize':'2K'") "}", NULL},
        {PRO, "{" GIVEN(X) "," CONFIG("'aspectRatio':'8:1'") "}", NULL,
         "generationConfig.imageConfig.aspectRatio: must be one of"},
        {PRO, "{" GIVEN(X) "," CONFIG("'imageSize':'4k'") "}", NULL,
         "generationConfig.imageConfig.imageSize: must be one of"},
        {NATIVE, "gemini-3.1-flash-lite-image", NULL, NULL,
         "{" GIVEN(X) "," CONFIG("'imageSize':'2K'") "}", NULL,
         "generationConfig.imageConfig.imageSize: must be one of"},
        {NATIVE, "nano-banana", "gemini-2.5-flash-image", NULL,
         "{" GIVEN(X) "," CONFIG("'imageSize':'1K'") "}", NULL,
         "generationConfig.imageConfig.imageSize: is not supported by nano-banana"},
        {NATIVE, "nano-banana", "gemini-2.5-flash-image", NULL,
         "{" GIVEN(X "," INLINE "," INLINE "," INLINE "," INLINE) "}", NULL,
         "contents: nano-banana takes at most 3 images"},
        {NATIVE, "gemini-4-flash-image", NULL, NULL,
         "{" GIVEN(X) "," CONFIG("'aspectRatio':'7:1','imageSize':'8K'") "}",
         "{" GIVEN(X) "," CONFIG("'aspectRatio':'7:1','imageSize':'8K'") "}", NULL},
        {N, "{" GIVEN(X) ",'generationConfig':{'candidateCount':2}}", NULL,
         "generationConfig.candidateCount: nano-banana-2 makes one image"},
        {N, "{" GIVEN(X) "," IMAGEN("'numberOfImages':1") "}", NULL,
         "generationConfig.imageGenerationConfig: is not supported by nano-banana-2"},
        // What isn't there, or is wrong.
        {N, "{}", NULL, "contents: is required"},
        {N, "{'contents':[]}", NULL, "contents: is required"},
        {N, "{'contents':'x'}", NULL, "contents: must be an array"},
        {N, "{'contents':[5]}", NULL, "contents.0: must be an object"},
        {N, "{'contents':[{'role':'user'}]}", NULL, "contents.0.parts: is required"},
        {N, "{'contents':[{'parts':'x'}]}", NULL, "contents.0.parts: must be an array"},
        {N, "{" GIVEN("'x'") "}", NULL, "contents.0.parts.0: must be an object"},
        {N, "{" GIVEN("{'text':5}") "}", NULL, "contents.0.parts.0.text: must be a string"},
        {N, "{" GIVEN("{'videoMetadata':{}}") "}", NULL, "contents: has neither"},
        {N, "{" GIVEN(X ",{'inlineData':'x'}") "}", NULL,
         "contents.0.parts.1.inlineData: must be an object"},
        {N, "{" GIVEN("{'inlineData':{'data':'" RAW "'}}") "}", NULL,
         "contents.0.parts.0.inlineData.mimeType: is required"},
        {N, "{" GIVEN("{'inlineData':{'mimeType':'image/png'}}") "}", NULL,
         "contents.0.parts.0.inlineData.data: is required"},
        {N, "{" GIVEN("{'inlineData':{'mimeType':'image/png','data':'?'}}") "}", NULL,
         "contents.0.parts.0.inlineData.data: must be"},
        {N, "{" GIVEN("{'inlineData':{'mimeType':'image/png','data':5}}") "}", NULL,
         "contents.0.parts.0.inlineData.data: must be"},
        {N, "{" GIVEN("{'inlineData':{'mimeType':'image/jpeg','data':'Zm9vYmFy'}}") "}", NULL,
         "contents.0.parts.0.inlineData.data: is no image"},
        {N, "{" GIVEN("{'inlineData':{'mimeType':'image/heic','data':'Zm9vYmFy'}}") "}",
         "{" GIVEN("{'inlineData':{'mimeType':'image/heic','data':'Zm9vYmFy'}}") "," ONLY_IMAGE "}",
         NULL},
        {N, "{" GIVEN("{'fileData':{'mimeType':'image/png'}}," X) "}", NULL,
         "contents.0.parts.0.fileData.fileUri: is required"},
        {N,
         "{" GIVEN("{'inline_data':{'mimeType':'image/png','mime_type':'a','data':'" RAW "'}}") "}",
         NULL, "contents.0.parts.0.inlineData.mime_type: is there in two spellings"},
        {N, "{" GIVEN(X) ",'generationConfig':['x']}", NULL, "generationConfig: must be an obj"},
        {N, "{" GIVEN(X) ",'generationConfig':'x'}", NULL, "generationConfig: must be an object"},
        {N, "{" GIVEN(X) ",'generationConfig':{'responseModalities':'IMAGE'}}", NULL,
         "generationConfig.responseModalities: must be an array"},
        {N, "{" GIVEN(X) ",'generationConfig':{'responseModalities':['TEXT']}}", NULL,
         "generationConfig.responseModalities: must have IMAGE"},
        {N, "{" GIVEN(X) ",'generation_config':{'response_modalities':['text']}}", NULL,
         "generationConfig.responseModalities: must have IMAGE"},
        {N, "{" GIVEN(X) ",'generationConfig':{'responseModalities':['IMAGE','AUDIO']}}", NULL,
         "generationConfig.responseModalities.1: must be"},
        {N, "{" GIVEN(X) ",'generationConfig':{'responseModalities':[5]}}", NULL,
         "generationConfig.responseModalities.0: must be"},
        {N, "{" GIVEN(X) ",'generationConfig':{'imageConfig':'x'}}", NULL,
         "generationConfig.imageConfig: must be an object"},
        {N, "{" GIVEN(X) "," CONFIG("'aspectRatio':5") "}", NULL,
         "generationConfig.imageConfig.aspectRatio: must be"},
        {N, "{" GIVEN(X) ",'generationConfig':{'candidateCount':0}}", NULL,
         "generationConfig.candidateCount: must be"},
        {N, "{" GIVEN(X) ",'callback_url':'ftp://h'}", NULL, "callback_url: "},
        // Models that make no images.
        {NATIVE, "gemini-2.5-flash", NULL, NULL, "{" GIVEN(X) "}", NULL,
         "model: gemini-2.5-flash doesn't make images"},
        {NATIVE, "veo-3.1", NULL, NULL, "{" GIVEN(X) "}", NULL,
         "model: veo-3.1 doesn't make images"},
        {NATIVE, "painter", "gemini-3-pro", NULL, "{" GIVEN(X) "}", NULL,
         "model: painter makes no images"},
    };

    (void)state;
    RUN_ALL(cases);
}

// Imagen is asked by another call, in another form; a relay takes what the page has.
static void test_imagen(void **state)
{
#define OLD NATIVE, "imagen-4", "imagen-4.0-generate-001", NULL
    static const struct request_case cases[] = {
        {OLD, "{" GIVEN(X ",{'text':'y'}") "}",
         "{'instances':[{'prompt':'x\\ny'}],'parameters':{'sampleCount':1}}", NULL},
        {OLD,
         "{" GIVEN(X) ",'generationConfig':{" IMAGE ",'imageGenerationConfig':{'numberOfImages':4,"
                      "'aspectRatio':'16:9','personGeneration':'allow_adult'}}}",
         "{'instances':[{'prompt':'x'}],'parameters':{'sampleCount':4,'aspectRatio':'16:9',"
         "'personGeneration':'allow_adult'}}",
         NULL},
        {NATIVE, "imagen-4", "imagen-4", "relay",
         "{" GIVEN(X) ",'generationConfig':{" IMAGE ",'image_generation_config':"
                      "{'number_of_images':2,'aspect_ratio':'1:1'}}}",
         "{" GIVEN(X) ",'generationConfig':{" IMAGE
                      ",'imageGenerationConfig':{'numberOfImages':2,'aspectRatio':'1:1'}}}",
         NULL},
        {OLD, "{" GIVEN(X) "," IMAGEN("'numberOfImages':5") "}", NULL,
         "generationConfig.imageGenerationConfig.numberOfImages: must be"},
        {OLD, "{" GIVEN(X) "," IMAGEN("'aspectRatio':'21:9'") "}", NULL,
         "generationConfig.imageGenerationConfig.aspectRatio: must be one of"},
        {OLD, "{" GIVEN(X "," INLINE) "}", NULL, "contents: imagen-4 takes no images"},
        {MAKE, "imagen-4", "imagen-4.0-generate-001", "vertex",
         "{'prompt':'x','n':3,'aspect_ratio':'3:4','output_format':'jpg'}",
         "{'instances':[{'prompt':'x'}],'parameters':{'sampleCount':3,'aspectRatio':'3:4',"
         "'outputOptions':{'mimeType':'image/jpeg'}}}",
         NULL},
        {MAKE, "imagen-4", "imagen-4", "relay", "{'prompt':'x','n':3}",
         "{" USERS(X) ",'generationConfig':{'imageGenerationConfig':{'numberOfImages':3}," IMAGE
                      "}}",
         NULL},
        {MAKE, "imagen-4", "imagen-4", "relay", "{'prompt':'x','n':5}", NULL, "n: must be from 1"},
        {MAKE, "imagen-4", "imagen-4", NULL, "{'prompt':'x','resolution':'2K'}", NULL,
         "resolution: is not supported by imagen-4"},
        {EDIT, "imagen-4", "imagen-4", NULL, "{'prompt':'x','image':'" RAW "'}", NULL,
         "images: imagen-4 takes no images"},
    };

    (void)state;
    RUN_ALL(cases);
}

// As OpenAI's form has them.
static void test_unified(void **state)
{
#define M MAKE, "nano-banana-pro", NULL, NULL
    static const struct request_case cases[] = {
        {M, "{'prompt':'x'}", "{" USERS(X) "," ONLY_IMAGE "}", NULL},
        {MAKE, "nano-banana-2", NULL, NULL,
         "{'prompt':'x','image_input':['" DATA "','" RAW "'],'resolution':'4k',"
         "'aspect_ratio':'21:9','output_format':'png','n':1,'response_format':'url','user':'u',"
         "'size':'','notifyHook':''}",
         "{" USERS(X "," INLINE "," INLINE) "," CONFIG("'aspectRatio':'21:9','imageSize':'4K'") "}",
         NULL},
        {MAKE, "nano-banana-pro", NULL, "vertex",
         "{'prompt':'x','resolution':'1K','output_format':'jpg','output_compression':'80'}",
         "{" USERS(X) "," CONFIG("'imageSize':'1K','imageOutputOptions':{'mimeType':'image/jpeg',"
                                 "'compressionQuality':80}") "}",
         NULL},
        {EDIT, "nano-banana", NULL, "relay", "{'prompt':'x','image':'" RAW "'}",
         "{" USERS(X "," INLINE) "," ONLY_IMAGE "}", NULL},
        {M, "{'prompt':'x','size':'auto'}", "{" USERS(X) "," ONLY_IMAGE "}", NULL},
        {M, "{'prompt':'x','size':'1024x1024'}", "{" USERS(X) "," CONFIG("'aspectRatio':'1:1'") "}",
         NULL},
        {M, "{'prompt':'x','size':'1536x1024','aspect_ratio':'3:2'}",
         "{" USERS(X) "," CONFIG("'aspectRatio':'3:2'") "}", NULL},
        {M, "{'prompt':'x','size':'2048x2048'}",
         "{" USERS(X) "," CONFIG("'aspectRatio':'1:1','imageSize':'2K'") "}", NULL},
        {M, "{'prompt':'x','size':'4096x4096'}",
         "{" USERS(X) "," CONFIG("'aspectRatio':'1:1','imageSize':'4K'") "}", NULL},
        {M, "{'prompt':'x','size':'2k','aspect_ratio':'16:9'}",
         "{" USERS(X) "," CONFIG("'aspectRatio':'16:9','imageSize':'2K'") "}", NULL},
        {M, "{'prompt':'x','size':'1792x1024'}", NULL, "size: is not one"},
        {M, "{'prompt':'x','size':'8K'}", NULL, "size: is not one"},
        {M, "{'prompt':'x','size':'10k'}", NULL, "size: must be"},
        {M, "{'prompt':'x','size':'720P'}", NULL, "size: must be"},
        {M, "{'prompt':'x','size':'wide'}", NULL, "size: must be"},
        {M, "{'prompt':'x','size':'1024x1024','aspect_ratio':'3:2'}", NULL, "size: must be"},
        {M, "{'prompt':'x','size':'2K','resolution':'2K'}", NULL, "size: can't be sent"},
        {MAKE, "gemini-2.5-flash-image", "gemini-2.5-flash-image", NULL,
         "{'prompt':'x','size':'1024x1024'}", "{" USERS(X) "," CONFIG("'aspectRatio':'1:1'") "}",
         NULL},
        {MAKE, "gemini-2.5-flash-image", "gemini-2.5-flash-image", NULL,
         "{'prompt':'x','resolution':'1K'}", NULL, "resolution: is not supported by"},
        {M, "{'prompt':'x','resolution':'8K'}", NULL, "resolution: must be one of"},
        {M, "{'prompt':'x','resolution':'1K and more'}", NULL, "resolution: must be one of"},
        {M, "{'prompt':'x','aspect_ratio':'8:1'}", NULL, "aspect_ratio: must be one of"},
        {M, "{'prompt':'x','n':2}", NULL, "n: nano-banana-pro makes one image"},
        {MAKE, "gemini-4-flash-image", NULL, NULL, "{'prompt':'x','n':2}", NULL,
         "n: gemini-4-flash-image makes one image"},
        {MAKE, "gemini-2.5-flash", NULL, NULL, "{'prompt':'x'}", NULL,
         "model: gemini-2.5-flash makes no images"},
        {M, "{'prompt':'x','output_format':'webp'}", NULL, "output_format: must be one of"},
        {M, "{'prompt':'x','output_compression':80}", NULL, "output_compression: only with"},
        {M, "{'prompt':'x','quality':'high'}", NULL, "quality: is not supported by nano"},
        {M, "{'prompt':'x','style':'vivid'}", NULL, "style: is not supported by nano"},
        {M, "{'prompt':'x','background':'opaque'}", NULL, "background: is not supported"},
        {M, "{'prompt':'x','moderation':'low'}", NULL, "moderation: is not supported"},
        {M, "{'prompt':'x','input_fidelity':'low'}", NULL, "input_fidelity: is not supported"},
        {M, "{'prompt':'x','stream':true}", NULL, "stream: is not supported"},
        {M, "{'prompt':'x','watermark':true}", NULL, "watermark: is not supported"},
        {M, "{'prompt':'x','sequential_image_generation':'auto'}", NULL, "sequential_image"},
        {M, "{'prompt':'x','mask':'" RAW "'}", NULL, "mask: is not supported"},
        {M, "{'prompt':'x','image_input':['ftp://e.com/a']}", NULL, "image_input: must be"},
        {M, "{'prompt':'x','image_input':'" DATA "'}", NULL, "image_input: must be"},
        {M, "{'prompt':'x','image_input':['" LINK "','" RAW "']}", NULL, "image_input: must be"},
        {M, "{'prompt':'x','image':'" LINK "'}", NULL, "image: is not supported by nano"},
        {M, "{'prompt':'x','images':['" LINK "']}", NULL, "images: is not supported by nano"},
        {M, "{'prompt':'x','image':'','image_input':null}", "{" USERS(X) "," ONLY_IMAGE "}", NULL},
        {MAKE, "nano-banana-2", NULL, NULL, "{'prompt':'x','image_input':['ftp://e.com/a']}", NULL,
         "images.0: must be"},
        {M,
         "{'prompt':'x','image_input':['" LINK "','" LINK "','" LINK "','" LINK "','" LINK
         "','" LINK "','" LINK "','" LINK "','" LINK "','" LINK "','" LINK "','" LINK "','" LINK
         "','" LINK "','" LINK "']}",
         NULL, "images: nano-banana-pro takes at most 14"},
        {EDIT, "nano-banana-pro", NULL, NULL, "{'prompt':'x'}", NULL, "image: is required"},
        {VARY, "nano-banana-pro", NULL, NULL, "{'image':'" RAW "'}", NULL,
         "model: nano-banana-pro makes no variations"},
    };

    (void)state;
    RUN_ALL(cases);
}

static void test_paths(void **state)
{
    static const struct {
        const char *dialect, *model, *theirs, *url, *header;
        bool wants_token;
    } cases[] = {
        {NULL, "nano-banana", NULL, "http://v/v1beta/models/gemini-3.1-flash-image:generateContent",
         "x-goog-api-key: k\n", false},
        {NULL, "nano-banana-2", NULL,
         "http://v/v1beta/models/gemini-3.1-flash-image:generateContent", "x-goog-api-key: k\n",
         false},
        {NULL, "nano-banana-pro", NULL, "http://v/v1beta/models/gemini-3-pro-image:generateContent",
         "x-goog-api-key: k\n", false},
        {NULL, "nano-banana-pro", "nano-banana-pro",
         "http://v/v1beta/models/gemini-3-pro-image:generateContent", "x-goog-api-key: k\n", false},
        {NULL, "nano-banana", "gemini-2.5-flash-image",
         "http://v/v1beta/models/gemini-2.5-flash-image:generateContent", "x-goog-api-key: k\n",
         false},
        {NULL, "gemini-4-image/..", NULL,
         "http://v/v1beta/models/gemini-4-image%2F..:generateContent", "x-goog-api-key: k\n",
         false},
        {NULL, "imagen-4", "imagen-4.0-generate-001",
         "http://v/v1beta/models/imagen-4.0-generate-001:predict", "x-goog-api-key: k\n", false},
        {"vertex", "nano-banana-pro", NULL,
         "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/"
         "publishers/google/models/gemini-3-pro-image:generateContent",
         "x-goog-user-project: p\n", true},
        {"vertex", "imagen-4", "imagen-4.0-generate-001",
         "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/"
         "publishers/google/models/imagen-4.0-generate-001:predict",
         "x-goog-user-project: p\n", true},
        {"relay", "nano-banana-pro", NULL, "http://v/v1beta/models/nano-banana-pro:generateContent",
         "Authorization: Bearer k\n", false},
        {"relay", "imagen-4", "imagen-4", "http://v/v1beta/models/imagen-4:generateContent",
         "Idempotency-Key: task_1\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request made = {0};
        struct err err = {0};
        struct task *task = accept(NATIVE, cases[i].model, "{" GIVEN(X) "}", &err);

        bind(cases[i].dialect, cases[i].model, cases[i].theirs);
        assert_non_null(task);
        assert_true(account.dialect->is_call(task, &account));
        assert_true(account.dialect->build_submit(task, &account, &made, &err));
        assert_string_equal(made.url, cases[i].url);
        assert_int_equal(made.wants_token, cases[i].wants_token);
        assert_non_null(strstr(buf_text(&made.headers), cases[i].header));
        http_request_clear(&made);
        task_free(task);
    }
}

// What the vendor can't open is fetched, in the order in which it is there; the rest goes as it is.
static void test_links(void **state)
{
#define FILE(link) "{'fileData':{'fileUri':'" link "'}}"
#define OWN FILE("https://generativelanguage.googleapis.com/v1beta/files/a")
#define FETCHED "{'inlineData':{'mimeType':'image/webp','data':'Zm9v'}}"
    static const struct {
        const char *path, *body, *links[3], *sent;
    } cases[] = {
        {NATIVE,
         "{'contents':[{'parts':[" OWN "," FILE(
             LINK) ",{'file_data':{'file_uri':"
                   "'http://e.com/b','mime_type':'image/gif'}}]},{'parts':[" INLINE "," X "]}]}",
         {LINK, "http://e.com/b"},
         "{'contents':[{'parts':[" OWN "," FETCHED "," FETCHED "]},{'parts':[" INLINE "," X
         "]}]," ONLY_IMAGE "}"},
        {NATIVE, "{" GIVEN(X "," INLINE) "}", {NULL}, "{" GIVEN(X "," INLINE) "," ONLY_IMAGE "}"},
        {MAKE,
         "{'prompt':'x','image_input':['" RAW "','" LINK "','http://e.com/b']}",
         {LINK, "http://e.com/b"},
         "{" USERS(X "," INLINE "," FETCHED "," FETCHED) "," ONLY_IMAGE "}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request made = {0};
        struct err err = {0};
        struct task *task = accept(cases[i].path, "nano-banana-2", cases[i].body, &err);
        json_t *sent, *expected = json_plain_read(cases[i].sent);
        size_t count = 0;

        bind(NULL, "nano-banana-2", NULL);
        assert_non_null(task);
        assert_non_null(expected);
        for (char *link; (link = account.dialect->input_at(task, count)) != NULL; count++) {
            assert_non_null(cases[i].links[count]);
            assert_string_equal(link, cases[i].links[count]);
            free(link);
        }
        assert_null(cases[i].links[count]);
        task->inputs = count == 0 ? NULL : mem_resize(NULL, count * sizeof *task->inputs);
        for (; task->input_count < count; task->input_count++) {
            struct task_input *input = &task->inputs[task->input_count];

            *input = (struct task_input){.content_type = mem_str("image/webp")};
            buf_str(&input->data, "foo");
        }
        assert_true(account.dialect->build_submit(task, &account, &made, &err));
        sent = json_loads(buf_text(&made.body), 0, NULL);
        if (json_equal(sent, expected) != 1)
            fail_msg("%s gives %s", cases[i].body, buf_text(&made.body));
        json_decref(sent);
        json_decref(expected);
        http_request_clear(&made);
        task_free(task);
    }
}

static int tear_down(void **state)
{
    (void)state;
    account_clear_keys(&account);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native),  cmocka_unit_test(test_imagen),
        cmocka_unit_test(test_unified), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_links),
    };

    return cmocka_run_group_tests_name("gemini", tests, NULL, tear_down);
}
