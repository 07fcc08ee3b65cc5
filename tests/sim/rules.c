// What a vendor checks in a request's body.
#include "tests/sim/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool rules_fail(struct rule_error *error, const char *param, const char *format, ...)
{
    va_list args;

    *error = (struct rule_error){0};
    snprintf(error->param, sizeof error->param, "%s", param);
    va_start(args, format);
    vsnprintf(error->why, sizeof error->why, format, args);
    va_end(args);
    return false;
}

bool rules_one_of(const char *text, const char *words)
{
    size_t len = strlen(text), word;

    for (; *words != '\0'; words += word + strspn(words + word, " ")) {
        word = strcspn(words, " ");
        if (words[word - 1] == '*' ? len >= word - 1 && strncmp(words, text, word - 1) == 0
                                   : len == word && strncmp(words, text, word) == 0)
            return true;
    }
    return false;
}

bool rules_is_base64(const char *text)
{
    size_t len = strlen(text), digits = strspn(text,
                                               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
                                               "rstuvwxyz0123456789+/");

    return len > 0 && len % 4 == 0 && len - digits <= 2 &&
           strspn(text + digits, "=") == len - digits;
}

bool rules_is_data_url(const char *text, const char *kind)
{
    const char *data;

    if (strncmp(text, "data:", 5) != 0 || strncmp(text + 5, kind, strlen(kind)) != 0)
        return false;
    data = strstr(text, ";base64,");
    return data != NULL && rules_is_base64(data + 8);
}

bool rules_is_http_url(const char *text)
{
    const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
                       : strncmp(text, "https://", 8) == 0 ? text + 8
                                                           : "";

    return *host != '\0' && *host != '/' && strpbrk(text, " \t\r\n") == NULL;
}

const char *rules_http_url(const char *text)
{
    return rules_is_http_url(text) ? NULL : "must be an http or https URL";
}

const char *rules_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

// How many characters a text has in UTF-8.
static size_t characters_of(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool in_range(const struct rule *rule, double number, const char *unit,
                     struct rule_error *error)
{
    if ((rule->min == 0 && rule->max == 0) || (number >= rule->min && number <= rule->max))
        return true;
    return rules_fail(error, rule->name, "must have a value of %g to %g%s", rule->min, rule->max,
                      unit);
}

static bool check_text(const struct rule *rule, const char *text, struct rule_error *error)
{
    const char *why;

    if (rule->words != NULL && !rules_one_of(text, rule->words))
        return rules_fail(error, rule->name, "must be one of: %s", rule->words);
    why = rule->check == NULL ? NULL : rule->check(text);
    if (why != NULL)
        return rules_fail(error, rule->name, "%s", why);
    return in_range(rule, (double)characters_of(text), " characters", error);
}

// Puts the object's own place in front of the field's name.
static bool fail_below(struct rule_error *error, const char *where)
{
    char param[sizeof error->param];

    snprintf(param, sizeof param, "%s.%s", where, error->param);
    memcpy(error->param, param, sizeof param);
    return false;
}

static bool check_array(const struct rule *rule, const json_t *array, struct rule_error *error)
{
    char where[80];
    json_t *element;
    size_t i;

    if (!in_range(rule, (double)json_array_size(array), " elements", error))
        return false;
    if (rule->fields == NULL)
        return true;
    json_array_foreach((json_t *)array, i, element)
    {
        snprintf(where, sizeof where, "%s[%zu]", rule->name, i);
        if (!json_is_object(element))
            return rules_fail(error, where, "must be an object");
        if (!rules_check(element, rule->fields, error))
            return fail_below(error, where);
    }
    return true;
}

static bool check_value(const struct rule *rule, const json_t *value, struct rule_error *error)
{
    switch (rule->type) {
    case RULE_TEXT:
        if (!json_is_string(value))
            return rules_fail(error, rule->name, "must be a string");
        return check_text(rule, json_string_value(value), error);
    case RULE_INTEGER:
        if (!json_is_integer(value))
            return rules_fail(error, rule->name, "must be an integer");
        return in_range(rule, (double)json_integer_value(value), "", error);
    case RULE_NUMBER:
        if (!json_is_number(value))
            return rules_fail(error, rule->name, "must be a number");
        return in_range(rule, json_number_value(value), "", error);
    case RULE_BOOL:
        return json_is_boolean(value) || rules_fail(error, rule->name, "must be a boolean");
    case RULE_OBJECT:
        if (!json_is_object(value))
            return rules_fail(error, rule->name, "must be an object");
        return rule->fields == NULL || rules_check(value, rule->fields, error) ||
               fail_below(error, rule->name);
    case RULE_ARRAY:
        if (!json_is_array(value))
            return rules_fail(error, rule->name, "must be an array");
        return check_array(rule, value, error);
    case RULE_ANY:
        return true;
    }
    return true;
}

// The rule itself, or the first of the table that its table goes on with; NULL at the end.
static const struct rule *rule_at(const struct rule *rule)
{
    while (rule != NULL && rule->name == NULL)
        rule = rule->fields;
    return rule;
}

// The first rule of this name: a table may be stricter than the one that it goes on with.
static const struct rule *rule_of(const struct rule *rules, const char *name)
{
    while ((rules = rule_at(rules)) != NULL && strcmp(rules->name, name) != 0)
        rules++;
    return rules;
}

bool rules_check(const json_t *object, const struct rule *rules, struct rule_error *error)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        const struct rule *rule = rule_of(rules, name);

        if (rule == NULL)
            return rules_fail(error, name, "is not a known parameter");
        if (!check_value(rule, value, error))
            return false;
    }
    for (; (rules = rule_at(rules)) != NULL; rules++) {
        if (!rules->is_required || json_object_get(object, rules->name) != NULL)
            continue;
        rules_fail(error, rules->name, "is required");
        error->is_missing = true;
        return false;
    }
    return true;
}
