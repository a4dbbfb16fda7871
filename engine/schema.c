#include "engine/schema.h"

#include "engine/cli.h"
#include "engine/scenario_read.h"

#define SCHEMA_NAME "^[A-Za-z][A-Za-z0-9_-]{0,39}$"

static cJSON *schema_of_keys(const struct scn_key *keys);

/* What a written value of this kind may be, as JSON Schema. */
static const struct {
    int kind;
    const char *json;
} schema_values[] = {
    {FL_PARAM_INT, "{\"type\":\"integer\"}"},
    {FL_PARAM_DURATION, "{\"anyOf\":[{\"type\":\"string\",\"pattern\":"
                        "\"^[0-9]*[.]?[0-9]+ *(ns|us|ms|s|m|h)$\"},{\"const\":0}]}"},
    {FL_PARAM_SIZE, "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[0-9]*[.]?[0-9]+ *[kKMG]?$\"},"
                    "{\"type\":\"integer\"}]}"},
    {FL_PARAM_RATE, "{\"type\":\"string\",\"pattern\":\"^[0-9]*[.]?[0-9]+ */[smh]$\"}"},
    {FL_PARAM_PERCENT, "{\"type\":\"string\",\"pattern\":\"^[0-9]*[.]?[0-9]+ *%$\"}"},
    {FL_PARAM_TEXT, "{\"type\":[\"string\",\"number\",\"boolean\"]}"},
    {FL_PARAM_SIGNAL, "{\"type\":[\"string\",\"integer\"]}"},
    {FL_PARAM_BOOL, "{\"type\":\"boolean\"}"},
    {FL_PARAM_MAP, "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","
                   "\"number\",\"boolean\"]}}"},
    {SCN_TEXTS, "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\","
                "\"boolean\"]}}"},
    {SCN_SEED, "{\"type\":[\"integer\",\"string\"]}"},
    {SCN_WORDS, "{\"type\":[\"array\",\"string\"],\"items\":{\"type\":[\"string\",\"number\","
                "\"boolean\"]}}"},
    {SCN_TARGETS, "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
};

static cJSON *schema_of_kind(int kind)
{
    for (size_t i = 0; i < FL_COUNT(schema_values); i++)
        if (schema_values[i].kind == kind) return cJSON_Parse(schema_values[i].json);
    FL_ASSERT(kind == SCN_CHOICE || kind >= SCN_PART);
    return cJSON_CreateObject();
}

static void schema_describe(cJSON *schema, const char *help, const char *standard, int kind,
                            double least, double most)
{
    cJSON_AddStringToObject(schema, "description", help);
    if (standard != NULL) cJSON_AddStringToObject(schema, "default", standard);
    if (kind != FL_PARAM_INT) return;
    cJSON_AddNumberToObject(schema, "minimum", least);
    if (most != 0) cJSON_AddNumberToObject(schema, "maximum", most);
}

static cJSON *schema_object(void)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddFalseToObject(schema, "additionalProperties");
    cJSON_AddObjectToObject(schema, "properties");
    cJSON_AddArrayToObject(schema, "required");
    return schema;
}

static cJSON *schema_properties(cJSON *object)
{
    return cJSON_GetObjectItemCaseSensitive(object, "properties");
}

static void schema_require(cJSON *object, const char *name)
{
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(object, "required"),
                         cJSON_CreateString(name));
}

static void schema_add_const(cJSON *object, const char *name, const char *value, const char *help)
{
    cJSON *schema = cJSON_AddObjectToObject(schema_properties(object), name);
    cJSON_AddStringToObject(schema, "const", value);
    cJSON_AddStringToObject(schema, "description", help);
    schema_require(object, name);
}

static void schema_add_target(cJSON *object, const char *name, const char *help)
{
    cJSON *schema = cJSON_AddObjectToObject(schema_properties(object), name);
    cJSON_AddStringToObject(schema, "type", "string");
    cJSON_AddStringToObject(schema, "description", help);
    schema_require(object, name);
}

static void schema_add_params(cJSON *object, const struct fl_param *params)
{
    for (const struct fl_param *p = params; p != NULL && p->name != NULL; p++) {
        cJSON *schema = schema_of_kind((int)p->kind);
        schema_describe(schema, p->help, p->standard, (int)p->kind, p->least, p->most);
        cJSON_AddItemToObject(schema_properties(object), p->name, schema);
        if (p->required) schema_require(object, p->name);
    }
}

static bool schema_has(cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(schema_properties(object), name) != NULL;
}

static cJSON *schema_of_key(const struct scn_key *key)
{
    cJSON *schema = schema_of_kind(key->kind);
    if (key->kind == SCN_CHOICE) {
        cJSON *words = cJSON_AddArrayToObject(schema, "enum");
        for (size_t i = 0; key->choices[i] != NULL; i++)
            cJSON_AddItemToArray(words, cJSON_CreateString(key->choices[i]));
    } else if (key->kind == SCN_PART) {
        cJSON_Delete(schema);
        schema = schema_of_keys(key->keys);
    }
    schema_describe(schema, key->help, key->standard, key->kind, key->least, key->most);
    return schema;
}

/* Adds the keys of a table, but for those that a row's own parameters hide and those in `but`. */
static void schema_add_keys(cJSON *object, const struct scn_key *keys, const char *const *but)
{
    for (const struct scn_key *key = keys; key->name != NULL; key++) {
        bool skip = scn_key_is_future(key) || schema_has(object, key->name);
        for (size_t i = 0; but != NULL && but[i] != NULL; i++)
            skip = skip || strcmp(but[i], key->name) == 0;
        if (skip) continue;
        cJSON_AddItemToObject(schema_properties(object), key->name, schema_of_key(key));
        if (key->required) schema_require(object, key->name);
    }
}

static cJSON *schema_of_keys(const struct scn_key *keys)
{
    cJSON *object = schema_object();
    schema_add_keys(object, keys, NULL);
    return object;
}

/* A load has the keys of its workload: one form for each. */
static cJSON *schema_of_load(void)
{
    static const char *const but[] = {"workload", NULL};
    cJSON *schema = cJSON_CreateObject();
    cJSON *forms = cJSON_AddArrayToObject(schema, "oneOf");
    for (const struct fl_workload *row = fl_workloads; row->name != NULL; row++) {
        cJSON *form = schema_object();
        schema_add_const(form, "workload", row->name, row->help);
        schema_add_params(form, row->params);
        schema_add_keys(form, scn_load_keys, but);
        if (row->needs_rate) schema_require(form, "rate");
        cJSON_AddItemToArray(forms, form);
    }
    return schema;
}

static void schema_add_fault(cJSON *forms, const struct fl_fault *row, bool as_toxic)
{
    static const char *const never[] = {"toxic", "on", NULL};
    static const char *const instant[] = {"toxic", "on", "for", NULL};
    bool windowed = row->fault_class == FL_FAULT_WINDOWED;
    cJSON *form = schema_object();
    if (as_toxic) {
        schema_add_const(form, "toxic", row->name, row->help);
        schema_add_target(form, "on", "the link");
    } else {
        schema_add_target(form, row->name, row->help);
    }
    schema_add_params(form, row->params);
    schema_add_keys(form, scn_fault_keys, windowed ? never : instant);
    if (windowed) schema_require(form, "for");
    cJSON_AddItemToArray(forms, form);
}

static bool has_param_of_its_name(const struct fl_fault *row)
{
    for (const struct fl_param *p = row->params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, row->name) == 0) return true;
    return false;
}

static cJSON *schema_of_fault(void)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON *forms = cJSON_AddArrayToObject(schema, "oneOf");
    for (const struct fl_fault *row = fl_faults; row->name != NULL; row++) {
        if (!has_param_of_its_name(row)) schema_add_fault(forms, row, false);
        if (row->aim == FL_AIM_LINK) schema_add_fault(forms, row, true);
    }
    return schema;
}

static cJSON *schema_of_named(cJSON *item_take)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON *names = cJSON_AddObjectToObject(schema, "propertyNames");
    cJSON_AddStringToObject(names, "pattern", SCHEMA_NAME);
    cJSON_AddItemToObject(schema, "additionalProperties", item_take);
    return schema;
}

static cJSON *schema_of_list(cJSON *item_take)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "array");
    cJSON_AddItemToObject(schema, "items", item_take);
    return schema;
}

/* Parts whose form hangs on other tables than their own keys. */
static cJSON *schema_of_top_key(const struct scn_key *key)
{
    cJSON *schema = NULL;
    if (key->keys == scn_load_keys)
        schema = schema_of_named(schema_of_load());
    else if (key->keys == scn_fault_keys)
        schema = schema_of_list(schema_of_fault());
    else if (key->kind == SCN_NAMED)
        schema = schema_of_named(schema_of_keys(key->keys));
    else
        return schema_of_key(key);
    cJSON_AddStringToObject(schema, "description", key->help);
    return schema;
}

char *fl_schema_text(void)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "$schema", "http://json-schema.org/draft-07/schema#");
    cJSON_AddStringToObject(schema, "title", "Faultline scenario");
    cJSON_AddStringToObject(schema, "description", "docs/scenario.md");
    cJSON *object = schema_object();
    for (const struct scn_key *key = scn_top_keys; key->name != NULL; key++) {
        cJSON_AddItemToObject(schema_properties(object), key->name, schema_of_top_key(key));
        if (key->required) schema_require(object, key->name);
    }
    while (object->child != NULL) {
        cJSON *part = cJSON_DetachItemViaPointer(object, object->child);
        char *name = fl_strdup(part->string);
        cJSON_AddItemToObject(schema, name, part);
        free(name);
    }
    cJSON_Delete(object);
    char *printed = cJSON_Print(schema);
    char *text = fl_format("%s\n", printed);
    cJSON_free(printed);
    cJSON_Delete(schema);
    return text;
}

int fl_cli_schema(const struct fl_cli_call *call)
{
    (void)call;
    char *text = fl_schema_text();
    fputs(text, stdout);
    free(text);
    return FL_EX_PASS;
}
