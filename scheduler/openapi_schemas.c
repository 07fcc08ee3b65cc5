// What our own surface answers, as JSON Schema.
#include <assert.h>

#include "core/json/json_plain.h"
#include "scheduler/openapi.h"

#define TEXT "{'type':'string'}"
#define INTEGER "{'type':'integer'}"
#define MILLISECONDS "{'type':'integer','description':'Unix milliseconds.'}"
#define MILLISECONDS_OR_NULL "{'type':['integer','null'],'description':'Unix milliseconds.'}"
#define LIST_OF(items)                                                                             \
    "{'type':'object','required':['object','data'],'properties':{'object':{'const':'list'},"       \
    "'data':{'type':'array','items':" items                                                        \
    "},'has_more':{'type':'boolean'},"                                                             \
    "'next':{'type':['string','null'],'description':'What to ask for after.'}}}"
#define REF(name) "{'$ref':'#/components/schemas/" name "'}"

static const struct {
    const char *name, *schema;
} schemas[] = {
    {"Task",
     "{'type':'object','required':['id','object','provider','action','model','status','phase',"
     "'progress','version','created_at','started_at','finished_at','eta','artifacts','error','"
     "waiting',"
     "'state'],'properties':{"
     "'id':" TEXT ",'object':{'const':'task'},'provider':" TEXT ",'action':" TEXT ",'model':" TEXT
     ",'status':{'enum':['queued','in_progress','succeeded','failed','cancelled']},"
     "'phase':{'enum':['queued','submitting','in_doubt','submitted','rendering','archiving',"
     "'succeeded','failed','cancelled']},'progress':{'type':'integer','minimum':0,'maximum':100},"
     "'version':{'type':'integer','description':'One more with each change.'},"
     "'created_at':" MILLISECONDS ",'started_at':" MILLISECONDS_OR_NULL
     ",'finished_at':" MILLISECONDS_OR_NULL
     ",'eta':{'type':['integer','null'],'description':'When it "
     "should be done, in Unix milliseconds, by how long such jobs took; null: nobody knows.'}"
     ",'artifacts':{'type':'array','items':" REF(
         "Artifact") "},'error':{'type':['object','null'],'properties':{'code':" TEXT
                     ",'message':" TEXT "}},"
                     "'waiting':{'type':['object','null'],'description':'What it waits for beside "
                     "its vendor.',"
                     "'properties':{'reason':" TEXT ",'detail':" TEXT ",'since':" MILLISECONDS
                     ",'next_try_at':" MILLISECONDS_OR_NULL
                     ",'position':{'type':['integer','null']}}},"
                     "'state':{'type':'string','description':'Your own mark.'},"
                     "'cancel':{'enum':['before_submit','requested','not_supported_may_be_billed']}"
                     ","
                     "'key':" TEXT ",'account':" TEXT "}}"},
    {"Artifact",
     "{'type':'object','required':['kind'],'properties':{'kind':{'enum':['image','video','audio',"
     "'cover','text']},'url':{'type':'string','description':'Empty where it could not be had: see "
     "error.'},'text':" TEXT ",'content_type':" TEXT ",'bytes':" INTEGER ",'sha256':" TEXT
     ",'error':{'type':'object','properties':{'code':" TEXT ",'message':" TEXT "}}}}"},
    {"BatchAnswer",
     "{'type':'object','required':['results'],'properties':{'results':{'type':'array',"
     "'description':'One for each of the requests, in their order.','items':{'type':'object',"
     "'required':['status','headers','body'],'properties':{'status':" INTEGER
     ",'headers':{'type':'object','additionalProperties':" TEXT
     "},'body':{'type':'object','description':'What its route answers.'}}}}}}"},
    {"TaskList", LIST_OF(REF("Task"))},
    {"Timeline", LIST_OF("{'type':'object','required':['at','event','detail'],'properties':{"
                         "'at':" MILLISECONDS ",'event':" TEXT ",'detail':" TEXT "}}")},
    {"Request",
     "{'type':'object','required':['object','family','path','is_whole','body'],'properties':{"
     "'object':{'const':'request'},'family':" TEXT
     ",'path':{'type':['string','null'],'description':'Where it was posted to, if that is known.'},"
     "'is_whole':{'type':'boolean','description':'False where long texts were left out.'},"
     "'body':{'type':['object','null']}}}"},
    {"DeliveryList",
     LIST_OF("{'type':'object','required':['n','status'],'properties':{'n':" INTEGER
             ",'status_word':" TEXT ",'phase':" TEXT ",'version':" INTEGER
             ",'status':{'enum':['pending','retrying','delivered','superseded','exhausted',"
             "'ended']},'attempts':" INTEGER ",'created_at':" MILLISECONDS
             ",'last_attempt_at':" MILLISECONDS_OR_NULL ",'http_status':" INTEGER
             ",'took_ms':" INTEGER ",'error':" TEXT "}}")},
    {"Redelivered", "{'type':'object','properties':{'object':{'const':'delivery'},'n':" INTEGER
                    ",'status':{'const':'pending'}}}"},
    {"ReadToken", "{'type':'object','required':['token','expires_at'],'properties':{'token':" TEXT
                  ",'expires_at':" MILLISECONDS "}}"},
    {"ModelList",
     "{'type':'object','required':['success','object','data'],'properties':{'success':{'const':"
     "true},'object':{'const':'list'},'data':{'type':'array','items':{'type':'object','required':"
     "['id','object','owned_by'],'properties':{'id':" TEXT ",'object':{'const':'model'},"
     "'owned_by':" TEXT "}}}}}"},
    {"Upload",
     "{'type':'object','required':['object','url'],'properties':{'object':{'const':"
     "'file'},'url':" TEXT ",'content_type':" TEXT ",'bytes':" INTEGER ",'sha256':" TEXT "}}"},
    {"UploadPlace",
     "{'type':'object','required':['object','method','upload_url','headers','url','expires_at'],"
     "'properties':{'object':{'const':'upload'},'method':{'const':'PUT'},'upload_url':" TEXT
     ",'headers':{'type':'object'},'url':{'type':'string','description':'Of the file, once it is "
     "there.'},'expires_at':" MILLISECONDS "}}"},
    {"Empty", "{'type':'object'}"},
    {"Health", "{'type':'object','required':['status'],'properties':{'status':{'const':'ok'}}}"},
    {"Readiness",
     "{'type':'object','required':['status'],'properties':{'status':{'enum':['ready',"
     "'unavailable']},'missing':{'type':'array','items':" TEXT "},'reason':" TEXT "}}"},
    {"Account",
     "{'type':'object','required':['name','provider','state','disabled'],'properties':{'name':" TEXT
     ",'provider':" TEXT ",'dialect':" TEXT ",'state':{'enum':['ok','cooling','out','disabled']},"
     "'disabled':{'type':'boolean'},'slots_used':" INTEGER
     ",'slots_limit':{'type':['integer','null']},'in_flight':" INTEGER
     ",'requests_per_minute':" INTEGER ",'cooling_until':" MILLISECONDS_OR_NULL
     ",'out':{'type':['string','null']}}}"},
    {"AccountList", LIST_OF(REF("Account"))},
    {"AccountTest",
     "{'type':'object','properties':{'object':{'const':'account_test'},"
     "'account':" TEXT ",'ok':{'type':'boolean'},'state':" TEXT
     ",'http_status':{'type':['integer','null']},'took_ms':" INTEGER ",'message':" TEXT "}}"},
    {"Overview",
     "{'type':'object','properties':{'object':{'const':'overview'},'queue':{'type':'array'},"
     "'accounts':{'type':'array','items':" REF(
         "Account") "},'processes':{'type':'array'},"
                    "'deliveries':{'type':'object'},'redis':{'type':'object'},'storage':{'type':'"
                    "object'}}}"},
    {"UndeliveredList",
     LIST_OF("{'type':'object','properties':{'object':{'const':'delivery'},'task':" TEXT
             ",'n':" INTEGER ",'host':" TEXT ",'key':" TEXT ",'status':" TEXT ",'phase':" TEXT
             ",'attempts':" INTEGER ",'created_at':" MILLISECONDS
             ",'last_attempt_at':" MILLISECONDS_OR_NULL ",'http_status':" INTEGER ",'error':" TEXT
             "}}")},
    {"Redelivery",
     "{'type':'object','properties':{'object':{'const':'redelivery'},'count':" INTEGER "}}"},
};

json_t *openapi_schemas(void)
{
    json_t *all = json_object();

    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        json_t *schema = json_plain_read(schemas[i].schema);

        assert(schema != NULL);
        json_object_set_new(all, schemas[i].name, schema);
    }
    return all;
}
