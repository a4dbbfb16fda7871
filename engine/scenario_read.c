/* scenario_read.c: reads any part of a scenario by its table of keys. */
#include "engine/scenario_read.h"

#include <ctype.h>

#include "engine/scenario_value.h"
#include "runtime/base/rng.h"

struct fl_scenario_block {
    struct fl_scenario_block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void *scn_alloc(struct fl_scenario *scenario, size_t bytes)
{
    struct fl_scenario_block *block = fl_alloc(sizeof *block + bytes);
    block->next = scenario->blocks;
    scenario->blocks = block;
    return block->bytes;
}

const char *scn_copy(struct fl_scenario *scenario, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(scn_alloc(scenario, size), text, size);
}

void fl_scenario_free(struct fl_scenario *scenario)
{
    if (scenario == NULL) return;
    for (size_t i = 0; i < scenario->loads_count; i++)
        cJSON_Delete(scenario->loads[i].settings);
    for (size_t i = 0; i < scenario->faults_count; i++)
        cJSON_Delete(scenario->faults[i].settings);
    while (scenario->blocks != NULL) {
        struct fl_scenario_block *next = scenario->blocks->next;
        free(scenario->blocks);
        scenario->blocks = next;
    }
    free(scenario);
}

int fl_seed_parse(struct fl_str text, uint64_t *out, struct fl_err *err)
{
    struct fl_str digits = text;
    if (digits.len > 2 && digits.at[0] == '0' && (digits.at[1] | 32) == 'x')
        digits.at += 2, digits.len -= 2;
    bool good = digits.len > 0 && digits.len <= 16;
    uint64_t seed = 0;
    for (size_t i = 0; good && i < digits.len; i++) {
        int c = tolower((unsigned char)digits.at[i]);
        good = isxdigit(c) != 0;
        seed = (seed << 4) | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!good)
        return fl_err_set(err, FL_EPARSE,
                          "\"%.*s\" is not a seed; write up to 16 hexadecimal digits",
                          (int)(text.len < 60 ? text.len : 60), text.at);
    *out = seed;
    return 0;
}

const char *fl_seed_show(uint64_t seed, char *out, size_t out_len)
{
    snprintf(out, out_len, "%llx", (unsigned long long)seed);
    return out;
}

const char *scn_text(struct scn_reader *reader, const struct fl_yaml *node, const char *such_as)
{
    if (!fl_yaml_is_null(node) && node->kind == FL_YAML_TEXT) return node->text;
    if (node->key != NULL)
        scn_problem(reader, node, "\"%.60s\" must be %s, not %s", node->key, such_as,
                    fl_yaml_kind_name(node));
    else
        scn_problem(reader, node, "this must be %s, not %s", such_as, fl_yaml_kind_name(node));
    return NULL;
}

bool scn_name_ok(struct scn_reader *reader, const struct fl_yaml *node, const char *what)
{
    const char *name = node->key;
    size_t len = strlen(name);
    bool good = len <= 40 && isalpha((unsigned char)name[0]) != 0;
    for (size_t i = 0; i < len && good; i++)
        good = isalnum((unsigned char)name[i]) != 0 || name[i] == '-' || name[i] == '_';
    if (!good)
        scn_problem_key(reader, node,
                        "\"%.60s\" cannot name %s; write a letter, then letters, digits, - and _ "
                        "(40 at most)",
                        name, what);
    return good;
}

const char *const *scn_read_words(struct scn_reader *reader, const struct fl_yaml *node,
                                  size_t *out_count)
{
    *out_count = 0;
    if (node->kind == FL_YAML_MAP || fl_yaml_is_null(node)) {
        scn_text(reader, node, "a list of texts such as [a, b]");
        return NULL;
    }
    bool alone = node->kind == FL_YAML_TEXT;
    const char **words = scn_alloc(reader->scenario,
                                   ((alone ? 1 : node->count) + 1) * sizeof *words);
    bool good = true;
    for (const struct fl_yaml *item = alone ? node : node->first; item != NULL;
         item = alone ? NULL : item->next) {
        bool is_text = item->kind == FL_YAML_TEXT;
        if (is_text)
            words[(*out_count)++] = scn_copy(reader->scenario, item->text);
        else
            scn_problem(reader, item, "this must be text, not %s", fl_yaml_kind_name(item));
        good = good && is_text;
    }
    return good ? words : NULL;
}

static void read_texts(struct scn_reader *reader, const struct fl_yaml *node, cJSON *into)
{
    if (node->kind != FL_YAML_MAP) {
        scn_text(reader, node, "a map such as {name: text}");
        return;
    }
    for (const struct fl_yaml *item = node->first; item != NULL; item = item->next) {
        const char *text = item->kind == FL_YAML_TEXT ? item->text : NULL;
        if (text == NULL) text = scn_text(reader, item, "text");
        if (text != NULL) cJSON_AddStringToObject(into, item->key, text);
    }
}

/* One setting of a fault or workload, as its row says, under its own name. */
static void read_param(struct scn_reader *reader, const struct fl_yaml *node,
                       const struct fl_param *param, cJSON *settings)
{
    if (param->kind == FL_PARAM_MAP) {
        read_texts(reader, node, cJSON_AddObjectToObject(settings, param->name));
        return;
    }
    const char *text = scn_text(reader, node, scn_such_as((int)param->kind));
    if (text == NULL) return;
    if (param->kind == FL_PARAM_TEXT) {
        cJSON_AddStringToObject(settings, param->name, text);
        return;
    }
    struct fl_err err;
    double number = 0;
    if (scn_number((int)param->kind, fl_str_of(text), param->least, param->most, &number, &err) !=
        0)
        scn_problem(reader, node, "\"%s\": %s", param->name, err.text);
    else if (param->kind == FL_PARAM_BOOL)
        cJSON_AddBoolToObject(settings, param->name, number != 0);
    else
        cJSON_AddNumberToObject(settings, param->name, number);
}

static void read_params(struct scn_reader *reader, const struct fl_yaml *node, const char *what,
                        const struct scn_extra *extra)
{
    for (const struct fl_param *param = extra->params; param != NULL && param->name != NULL;
         param++) {
        const struct fl_yaml *child = fl_yaml_find(node, param->name);
        if (child != NULL) {
            read_param(reader, child, param, extra->settings);
        } else if (param->required) {
            scn_problem(reader, node, "%s needs \"%s\": %s", what, param->name, param->help);
        } else if (param->standard != NULL) {
            /* the table's own text: read like the user's, and never wrong */
            struct fl_yaml standard = {.kind = FL_YAML_TEXT, .quoted = true};
            standard.text = (char *)(uintptr_t)param->standard;
            read_param(reader, &standard, param, extra->settings);
        }
    }
}

static void store_number(const struct scn_key *key, double number, void *into)
{
    char *field = (char *)into + key->where;
    if (key->kind == FL_PARAM_DURATION)
        *(fl_ns *)(void *)field = (fl_ns)number;
    else if (key->kind == FL_PARAM_INT || key->kind == FL_PARAM_SIGNAL)
        *(int *)(void *)field = (int)number;
    else
        *(double *)(void *)field = number;
}

static void read_choice(struct scn_reader *reader, const struct fl_yaml *node,
                        const struct scn_key *key, void *into)
{
    const char *text = scn_text(reader, node, "a word");
    if (text == NULL) return;
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) != 0) continue;
        *(int *)(void *)((char *)into + key->where) = i;
        return;
    }
    char hint[160];
    for (int i = 0; key->later != NULL && key->later[i] != NULL; i++) {
        if (strcmp(key->later[i], text) != 0) continue;
        scn_problem(reader, node, "the %s \"%s\" is not in this version; write %s", key->name, text,
                    key->standard);
        return;
    }
    scn_problem(reader, node, "unknown %s \"%.60s\"%s", key->name, text,
                scn_did_you_mean(text, key->choices, hint, sizeof hint));
}

static void read_key(struct scn_reader *reader, const struct fl_yaml *node,
                     const struct scn_key *key, void *into)
{
    if (key->read != NULL) {
        key->read(reader, node, into);
        return;
    }
    if (key->kind == SCN_CHOICE) {
        read_choice(reader, node, key, into);
        return;
    }
    if (key->kind == SCN_PART) {
        scn_read_map(reader, node, key->name, key->keys, (char *)into + key->where, NULL);
        return;
    }
    if (key->kind == SCN_WORDS) {
        size_t count = 0;
        const char *const *words = scn_read_words(reader, node, &count);
        if (words != NULL) *(const char *const **)(void *)((char *)into + key->where) = words;
        return;
    }
    FL_ASSERT(key->kind < SCN_SEED);
    const char *text = scn_text(reader, node, scn_such_as(key->kind));
    if (text == NULL) return;
    if (key->kind == FL_PARAM_TEXT) {
        *(const char **)(void *)((char *)into + key->where) = scn_copy(reader->scenario, text);
        return;
    }
    struct fl_err err;
    double number = 0;
    if (scn_number(key->kind, fl_str_of(text), key->least, key->most, &number, &err) != 0)
        scn_problem(reader, node, "\"%s\": %s", key->name, err.text);
    else
        store_number(key, number, into);
}

static void store_standard(const struct scn_key *key, void *into)
{
    if (key->standard == NULL || key->kind >= SCN_SEED || key->kind == FL_PARAM_TEXT) return;
    double number = 0;
    int rc = scn_number(key->kind, fl_str_of(key->standard), key->least, key->most, &number, NULL);
    FL_ASSERT(rc == 0);
    store_number(key, number, into);
}

static bool has_param(const struct scn_extra *extra, const char *name)
{
    if (extra == NULL) return false;
    for (const struct fl_param *p = extra->params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0) return true;
    return false;
}

static bool is_known(const struct scn_key *keys, const struct scn_extra *extra, const char *name)
{
    for (const struct scn_key *key = keys; key->name != NULL; key++)
        if (strcmp(key->name, name) == 0) return true;
    if (extra != NULL && extra->verb != NULL && strcmp(extra->verb, name) == 0) return true;
    return has_param(extra, name);
}

bool scn_key_is_future(const struct scn_key *key)
{
    return strcmp(key->help, "not in this version") == 0;
}

enum { SUGGEST_MAX = 128 };

static void unknown_key(struct scn_reader *reader, const struct fl_yaml *node, const char *what,
                        const struct scn_key *keys, const struct scn_extra *extra)
{
    const char *words[SUGGEST_MAX + 1];
    size_t count = 0;
    struct fl_buf known = {0};
    for (const struct scn_key *key = keys; key->name != NULL && count < SUGGEST_MAX; key++) {
        if (scn_key_is_future(key)) continue;
        words[count++] = key->name;
        fl_buf_printf(&known, "%s%s", count > 1 ? ", " : "", key->name);
    }
    for (const struct fl_param *p = extra != NULL ? extra->params : NULL;
         p != NULL && p->name != NULL && count < SUGGEST_MAX; p++) {
        words[count++] = p->name;
        fl_buf_printf(&known, ", %s", p->name);
    }
    for (const char *const *more = extra != NULL ? extra->suggest : NULL;
         more != NULL && *more != NULL && count < SUGGEST_MAX; more++)
        words[count++] = *more;
    words[count] = NULL;

    char hint[160];
    scn_did_you_mean(node->key, words, hint, sizeof hint);
    if (hint[0] != '\0')
        scn_problem_key(reader, node, "unknown key \"%.60s\" in %s%s", node->key, what, hint);
    else
        scn_problem_key(reader, node, "unknown key \"%.60s\" in %s; known are %s", node->key, what,
                        known.at);
    fl_buf_fini(&known);
}

bool scn_read_map(struct scn_reader *reader, const struct fl_yaml *node, const char *what,
                  const struct scn_key *keys, void *into, const struct scn_extra *extra)
{
    size_t before = scn_problem_count(reader);
    for (const struct scn_key *key = keys; key->name != NULL; key++)
        if (!has_param(extra, key->name)) store_standard(key, into);
    if (node->kind != FL_YAML_MAP) {
        scn_problem(reader, node, "%s must be a map of keys and values, not %s", what,
                    fl_yaml_kind_name(node));
        return false;
    }
    for (const struct fl_yaml *child = node->first; child != NULL; child = child->next)
        if (!is_known(keys, extra, child->key)) unknown_key(reader, child, what, keys, extra);
    for (const struct scn_key *key = keys; key->name != NULL; key++) {
        if (has_param(extra, key->name)) continue;
        const struct fl_yaml *child = fl_yaml_find(node, key->name);
        if (child != NULL)
            read_key(reader, child, key, into);
        else if (key->required)
            scn_problem(reader, node, "%s needs \"%s\": %s", what, key->name, key->help);
    }
    if (extra != NULL) read_params(reader, node, what, extra);
    return scn_problem_count(reader) == before;
}
