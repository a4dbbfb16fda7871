#include "engine/list.h"

#include "chaos/fault.h"
#include "engine/cli.h"
#include "loadgen/loadgen.h"
#include "reports/reports.h"
#include "runtime/base/json.h"
#include "services/services.h"

const char *fl_list_param_kind(enum fl_param_kind kind)
{
    static const char *const names[] = {"?",       "number", "duration", "size", "rate",
                                        "percent", "text",   "signal",   "bool", "map"};
    FL_ASSERT((size_t)kind < FL_COUNT(names));
    return names[kind];
}

static cJSON *list_item(cJSON *array, const char *name, const char *help)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "help", help);
    cJSON_AddItemToArray(array, item);
    return item;
}

static void list_params(cJSON *item, const struct fl_param *params)
{
    cJSON *array = cJSON_AddArrayToObject(item, "params");
    for (const struct fl_param *p = params; p != NULL && p->name != NULL; p++) {
        cJSON *param = list_item(array, p->name, p->help);
        cJSON_AddStringToObject(param, "kind", fl_list_param_kind(p->kind));
        cJSON_AddBoolToObject(param, "required", p->required);
        if (p->standard != NULL) cJSON_AddStringToObject(param, "standard", p->standard);
    }
}

static void list_one_fault(cJSON *array, const struct fl_fault *row)
{
    cJSON *item = list_item(array, row->name, row->help);
    cJSON_AddStringToObject(item, "aim", fl_aim_name(row->aim));
    cJSON_AddStringToObject(item, "class", fl_fault_class_name(row->fault_class));
    list_params(item, row->params);
}

static void list_faults(cJSON *array)
{
    for (const struct fl_fault *row = fl_faults; row->name != NULL; row++)
        list_one_fault(array, row);
}

static void list_toxics(cJSON *array)
{
    for (const struct fl_fault *row = fl_faults; row->name != NULL; row++)
        if (row->aim == FL_AIM_LINK) list_one_fault(array, row);
}

static void list_workloads(cJSON *array)
{
    for (const struct fl_workload *row = fl_workloads; row->name != NULL; row++)
        list_params(list_item(array, row->name, row->help), row->params);
}

static void list_checks(cJSON *array)
{
    for (const struct fl_check *row = fl_checks; row->name != NULL; row++)
        list_item(array, row->name, row->help);
}

static void list_services(cJSON *array)
{
    for (const struct fl_service *row = fl_services; row->name != NULL; row++)
        list_item(array, row->name, row->help);
}

static void list_metrics(cJSON *array)
{
    for (const struct fl_metric *row = fl_metrics; row->name != NULL; row++)
        list_item(array, row->name, row->help);
}

cJSON *fl_list_make(const char *kind)
{
    static const struct {
        const char *name;
        void (*add)(cJSON *array);
    } kinds[] = {
        {"faults", list_faults}, {"toxics", list_toxics},     {"workloads", list_workloads},
        {"checks", list_checks}, {"services", list_services}, {"metrics", list_metrics},
    };
    for (size_t i = 0; i < FL_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, kind) != 0) continue;
        cJSON *array = cJSON_CreateArray();
        kinds[i].add(array);
        return array;
    }
    return NULL;
}

static void print_item(const cJSON *item, int width)
{
    const char *aim = fl_json_text(item, "aim", NULL);
    printf("%-*s  %s", width, fl_json_text(item, "name", ""), fl_json_text(item, "help", ""));
    if (aim != NULL) printf(" (%s, %s)", aim, fl_json_text(item, "class", ""));
    putchar('\n');
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(item, "params");
    for (const cJSON *p = params != NULL ? params->child : NULL; p != NULL; p = p->next) {
        const char *standard = fl_json_text(p, "standard", NULL);
        printf("    %-12s %-9s %s", fl_json_text(p, "name", ""), fl_json_text(p, "kind", ""),
               fl_json_text(p, "help", ""));
        if (standard != NULL && standard[0] != '\0') printf("; otherwise %s", standard);
        puts(fl_json_bool(p, "required", false) ? "; required" : "");
    }
}

int fl_cli_list(const struct fl_cli_call *call)
{
    cJSON *array = fl_list_make(call->args[0]);
    if (array == NULL) {
        size_t count = 0;
        while (call->command->words[count] != NULL)
            count++;
        const char *near = strlen(call->args[0]) > 40
                               ? NULL
                               : fl_nearest(call->args[0], call->command->words, count);
        return fl_cli_usage(call->command, "cannot list \"%.40s\"; %s%s%s", call->args[0],
                            near != NULL ? "did you mean \"" : "it can be ",
                            near != NULL ? near : call->command->args, near != NULL ? "\"?" : "");
    }
    if (fl_cli_value(call, "json") != NULL) {
        char *text = cJSON_Print(array);
        puts(text);
        cJSON_free(text);
    } else {
        int width = 0;
        for (const cJSON *item = array->child; item != NULL; item = item->next) {
            int len = (int)strlen(fl_json_text(item, "name", ""));
            if (len > width) width = len;
        }
        for (const cJSON *item = array->child; item != NULL; item = item->next)
            print_item(item, width);
    }
    cJSON_Delete(array);
    return FL_EX_PASS;
}
