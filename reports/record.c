#include "reports/record.h"

#include "runtime/base/json.h"

static void read_loads(struct fl_record *record)
{
    const cJSON *loads = cJSON_GetObjectItemCaseSensitive(record->plan, "loads"), *load;
    record->loads = fl_new_array(struct fl_rec_load, (size_t)cJSON_GetArraySize(loads) + 1);
    cJSON_ArrayForEach(load, loads)
    {
        struct fl_rec_load *into = &record->loads[record->loads_count];
        into->index = (int)fl_json_int(load, "index", (int64_t)record->loads_count);
        into->name = fl_json_text(load, "name", "");
        into->workload = fl_json_text(load, "workload", "");
        into->via = fl_json_text(load, "via", "");
        into->service = fl_json_text(load, "service", into->via);
        into->rate_per_s = fl_json_num(load, "rate_per_s", 0);
        into->users = (int)fl_json_int(load, "users", 0);
        into->timeout_ns = fl_json_int(load, "timeout_ns", 0);
        into->slow_ns = fl_json_int(load, "slow_ns", 0);
        record->loads_count++;
    }
}

static void read_path(const struct fl_record *record, const cJSON *path, bool *on_path)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, path)
    {
        for (size_t i = 0; i < record->loads_count; i++)
            if (cJSON_IsString(name) && strcmp(name->valuestring, record->loads[i].name) == 0)
                on_path[i] = true;
    }
}

static void read_faults(struct fl_record *record)
{
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(record->plan, "faults"), *fault;
    record->faults = fl_new_array(struct fl_rec_fault, (size_t)cJSON_GetArraySize(faults) + 1);
    cJSON_ArrayForEach(fault, faults)
    {
        struct fl_rec_fault *into = &record->faults[record->faults_count];
        into->index = (int)fl_json_int(fault, "index", (int64_t)record->faults_count);
        into->line = (int)fl_json_int(fault, "line", 0);
        into->kind = fl_json_text(fault, "kind", "");
        into->target = fl_json_text(fault, "target", "");
        into->aim = fl_json_text(fault, "aim", "");
        into->windowed = strcmp(fl_json_text(fault, "class", "instant"), "windowed") == 0;
        into->at_ns = fl_json_int(fault, "at_ns", 0);
        into->for_ns = fl_json_int(fault, "for_ns", 0);
        into->requested_ns = into->effect_ns = into->healed_ns = into->missed_ns = FL_NEVER;
        into->on_path = fl_new_array(bool, record->loads_count + 1);
        read_path(record, cJSON_GetObjectItemCaseSensitive(fault, "path"), into->on_path);
        record->faults_count++;
    }
}

static void read_targets(struct fl_record *record)
{
    const cJSON *targets = cJSON_GetObjectItemCaseSensitive(record->plan, "targets"), *target;
    record->targets = fl_new_array(struct fl_rec_target, (size_t)cJSON_GetArraySize(targets) + 1);
    cJSON_ArrayForEach(target, targets)
    {
        record->targets[record->targets_count++] = (struct fl_rec_target){
            .text = fl_json_text(target, "text", ""),
            .line = (int)fl_json_int(target, "line", 0),
            .column = (int)fl_json_int(target, "column", 0)};
    }
}
/* In single quotes, where only the single quote itself is special. */
static void put_shell_word(struct fl_buf *out, const char *word)
{
    fl_buf_putc(out, '\'');
    for (; *word != '\0'; word++)
        if (*word == '\'')
            fl_buf_puts(out, "'\\''");
        else
            fl_buf_putc(out, *word);
    fl_buf_putc(out, '\'');
}

static void read_replay(struct fl_record *record)
{
    struct fl_buf out = {0};
    fl_buf_printf(&out, "faultline run scenario.yaml --seed %s", record->seed);
    const cJSON *set;
    cJSON_ArrayForEach(set, cJSON_GetObjectItemCaseSensitive(record->plan, "set"))
    {
        if (!cJSON_IsString(set)) continue;
        fl_buf_puts(&out, " --set ");
        put_shell_word(&out, set->valuestring);
    }
    record->replay = fl_buf_take(&out);
}

static int read_plan(struct fl_record *record, struct fl_err *err)
{
    char *path = fl_format("%s/plan.json", record->folder);
    int rc = fl_json_load(&record->plan, path, err);
    if (rc == 0 && fl_json_int(record->plan, "version", 1) != 1)
        rc = fl_err_set(err, FL_EPARSE, "%s: not a plan of version 1", path);
    free(path);
    if (rc != 0) return rc;

    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(record->plan, "phases");
    const cJSON *recovery = cJSON_GetObjectItemCaseSensitive(record->plan, "recovery");
    record->scenario = fl_json_text(record->plan, "scenario", "run");
    record->seed = fl_json_text(record->plan, "seed", "");
    record->warmup_ns = fl_json_int(phases, "warmup_ns", 0);
    record->storm_ns = fl_json_int(phases, "storm_ns", 0);
    record->calm_ns = fl_json_int(phases, "calm_ns", 0);
    record->window_ns = fl_json_int(recovery, "window_ns", FL_NS_PER_S);
    record->settle_ns = fl_json_int(recovery, "settle_ns", 5 * FL_NS_PER_S);
    record->epsilon = fl_json_num(recovery, "epsilon", 0.01);
    read_replay(record);
    read_loads(record);
    read_faults(record);
    read_targets(record);
    return 0;
}

int fl_record_open(struct fl_record **out, const char *folder, struct fl_err *err)
{
    struct fl_record *record = fl_new(struct fl_record);
    record->folder = fl_strdup(folder);
    int rc = read_plan(record, err);
    if (rc == 0) rc = fl_record_read_facts(record, err);
    if (rc == 0) rc = fl_record_read_ops(record, err);
    if (rc != 0) {
        fl_record_free(record);
        return rc;
    }
    *out = record;
    return 0;
}

void fl_record_free(struct fl_record *record)
{
    if (record == NULL) return;
    for (size_t i = 0; i < record->loads_count; i++) {
        free(record->loads[i].ops.at);
        free(record->loads[i].obs.at);
    }
    for (size_t i = 0; i < record->faults_count; i++)
        free(record->faults[i].on_path);
    for (size_t i = 0; i < record->facts_count; i++) {
        cJSON_Delete(record->facts[i].json);
        free(record->facts[i].writer);
    }
    free(record->facts);
    free(record->loads);
    free(record->faults);
    free(record->targets);
    cJSON_Delete(record->plan);
    free(record->replay);
    free(record->folder);
    free(record);
}

size_t fl_record_find(const struct fl_record *record, const char *name, size_t from)
{
    while (from < record->facts_count && strcmp(record->facts[from].name, name) != 0)
        from++;
    return from;
}

const struct fl_rec_load *fl_record_load(const struct fl_record *record, const char *name)
{
    for (size_t i = 0; i < record->loads_count; i++)
        if (strcmp(record->loads[i].name, name) == 0) return &record->loads[i];
    return NULL;
}
