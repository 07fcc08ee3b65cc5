// Tables of fields as JSON Schema. A schema takes what the table takes; where the table takes more
// than JSON Schema has words for, it says so in the description.
#include "core/json/field_schema.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/json/field_check.h"

// A number without a fraction where it has none.
static void set_number(json_t *schema, const char *name, double number)
{
    json_object_set_new(schema, name,
                        number == (double)(json_int_t)number ? json_integer((json_int_t)number)
                                                             : json_real(number));
}

static json_t *typed(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *ranged(json_t *schema, const struct field_rule *rule)
{
    set_number(schema, "minimum", rule->min);
    if (rule->max != 0)
        set_number(schema, "maximum", rule->max);
    return schema;
}

static json_t *text(const struct field_rule *rule)
{
    json_t *schema = typed("string");

    if (rule->is_required || rule->min > 0)
        set_number(schema, "minLength", rule->min > 1 ? rule->min : 1);
    if (rule->max > 0)
        set_number(schema, "maxLength", rule->max); // bytes, of which a character has one or more
    return schema;
}

static json_t *words(const struct field_rule *rule)
{
    json_t *schema = typed("string"), *list = json_array();

    for (size_t i = 0; rule->words[i] != NULL; i++)
        json_array_append_new(list, json_string(rule->words[i]));
    json_object_set_new(schema, "enum", list);
    return schema;
}

static json_t *switched(const char *on, const char *off)
{
    return json_pack("{s:[{s:s},{s:s,s:[s,s]}]}", "anyOf", "type", "boolean", "type", "string",
                     "enum", on, off);
}

// Clients send it as a number or as a string.
static json_t *counted(const struct field_rule *rule)
{
    json_t *schema =
        json_pack("{s:[s,s],s:s}", "type", "integer", "string", "pattern", "^[0-9]{1,9}$");

    return ranged(schema, rule);
}

static json_t *timed(void)
{
    return json_pack("{s:[s,s],s:s,s:i}", "type", "integer", "string", "pattern", "^[0-9]{1,15}$",
                     "minimum", 0);
}

static json_t *item_schema(const struct field_rule *items)
{
    const struct field_rule *tables[] = {items, NULL};

    if (*items->path == '\0' && items->kind != FIELD_OBJECT)
        return field_schema_of(items);
    return field_schema(tables);
}

static json_t *listed(const struct field_rule *rule)
{
    json_t *schema = typed("array");

    json_object_set_new(schema, "items",
                        rule->items == NULL ? json_object() : item_schema(rule->items));
    if (rule->max > 0) {
        set_number(schema, "minItems", rule->min);
        set_number(schema, "maxItems", rule->max);
    } else if (rule->is_required) {
        set_number(schema, "minItems", 1);
    }
    return schema;
}

static json_t *of_kind(const struct field_rule *rule)
{
    switch (rule->kind) {
    case FIELD_TEXT:
        return text(rule);
    case FIELD_WORD:
        return words(rule);
    case FIELD_LINK:
        return json_pack("{s:s,s:s,s:i}", "type", "string", "format", "uri", "maxLength",
                         FIELD_MAX_LINK);
    case FIELD_MEDIA:
    case FIELD_SOURCE:
        return typed("string");
    case FIELD_BASE64:
        return json_pack("{s:s,s:s}", "type", "string", "contentEncoding", "base64");
    case FIELD_TASK:
        return json_pack("{s:s,s:s}", "type", "string", "pattern", "^task_[0-9A-HJKMNP-TV-Z]{26}$");
    case FIELD_BOOL:
        return typed("boolean");
    case FIELD_FLAG:
        return switched("true", "false");
    case FIELD_SWITCH:
        return switched("on", "off");
    case FIELD_INT:
        return ranged(typed("integer"), rule);
    case FIELD_COUNT:
        return counted(rule);
    case FIELD_TIME:
        return timed();
    case FIELD_NUMBER:
        return ranged(typed("number"), rule);
    case FIELD_ARRAY:
        return listed(rule);
    case FIELD_OBJECT:
        return typed("object");
    case FIELD_ANY:
        break;
    }
    return json_object();
}

// What is said of a field of this kind where its table says nothing.
static const char *usual_words(enum field_kind kind)
{
    switch (kind) {
    case FIELD_MEDIA:
        return "An http or https URL, a data URL, or base64.";
    case FIELD_SOURCE:
        return "A link, a data URL, base64, or an id of the vendor's.";
    case FIELD_BASE64:
        return "Base64, perhaps in a data URL.";
    case FIELD_TIME:
        return "Unix milliseconds.";
    default:
        return NULL;
    }
}

json_t *field_schema_of(const struct field_rule *rule)
{
    json_t *schema = of_kind(rule);
    const char *about = rule->about == NULL ? usual_words(rule->kind) : rule->about;

    if (about != NULL)
        json_object_set_new(schema, "description", json_string(about));
    return schema;
}

// The member of an object that is an object or a list; made where it isn't there. Borrowed.
static json_t *member(json_t *object, const char *name, json_t *(*make)(void))
{
    json_t *found = json_object_get(object, name);

    if (found == NULL) {
        found = make();
        json_object_set_new(object, name, found);
    }
    return found;
}

static json_t *new_object_schema(void)
{
    return typed("object");
}

static void note_required(json_t *schema, const char *name)
{
    json_t *list = member(schema, "required", json_array), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), name) == 0)
            return;
    }
    json_array_append_new(list, json_string(name));
}

// Adds a field at its path, "content.prompt", to the schema of the object that has it.
static void add_field(json_t *schema, const struct field_rule *rule)
{
    const char *path = rule->path;
    size_t len;

    while (path[len = strcspn(path, ".")] == '.') {
        char *name = mem_strn(path, len);

        schema = member(member(schema, "properties", json_object), name, new_object_schema);
        path += len + 1;
        free(name);
    }
    if (*path == '\0')
        return; // the object itself
    json_object_set_new(member(schema, "properties", json_object), path, field_schema_of(rule));
    if (rule->is_required)
        note_required(schema, path);
}

json_t *field_schema(const struct field_rule *const *tables)
{
    json_t *schema = new_object_schema();

    for (; *tables != NULL; tables++)
        for (const struct field_rule *rule = *tables; rule->path != NULL; rule++)
            add_field(schema, rule);
    return schema;
}
