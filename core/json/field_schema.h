// Tables of fields as JSON Schema (2020-12), as OpenAPI 3.1 has it.
#pragma once

#include <jansson.h>

struct field_rule;

// The schema of an object with the fields of all tables, which end with NULL; json_decref.
json_t *field_schema(const struct field_rule *const *tables);
// The schema of one field.
json_t *field_schema_of(const struct field_rule *rule);
