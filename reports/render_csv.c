/* render_csv.c: every operation, one a line, times in nanoseconds from the first arrival on. */
#include <errno.h>

#include "reports/render.h"

static const char *const outcome_names[] = {"", "ok", "fail", "unknown"};

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {"arrival", "say", "enqueue", "work", "view"};
    size_t index = (size_t)(kind - FL_OP_ARRIVAL);
    return index < FL_COUNT(names) ? names[index] : "";
}

static void put_op(FILE *file, const struct fl_view *view, size_t i, fl_ns zero)
{
    const struct fl_op *op = &view->load->ops.at[i];
    fprintf(file, "%s,%s,%lld,", view->load->name, kind_name(op->kind),
            (long long)(op->due_ns - zero));
    if (op->sent_ns != 0) fprintf(file, "%lld", (long long)(op->sent_ns - zero));
    fprintf(file, ",%lld,%lld,%s,%s,%d,%d,%u,%llx\n", (long long)(op->done_ns - zero),
            (long long)fl_op_latency(op),
            op->outcome <= FL_UNKNOWN ? outcome_names[op->outcome] : "",
            op->error < FL_OPERR_COUNT ? fl_op_error_names[op->error] : "", (int)view->good[i],
            (op->flags & FL_OPF_CENSORED) != 0, op->user, (unsigned long long)op->key);
}

int fl_render_csv(const char *path, const struct fl_judgement *judgement, struct fl_err *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) return fl_err_set(err, FL_EIO, "cannot write %s: %s", path, strerror(errno));
    fputs("load,kind,due_ns,sent_ns,done_ns,latency_ns,outcome,error,good,censored,user,key\n",
          file);
    for (size_t i = 0; i < judgement->record->loads_count; i++)
        for (size_t k = 0; k < judgement->views[i].load->ops.count; k++)
            put_op(file, &judgement->views[i], k, judgement->record->zero_ns);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return fl_err_set(err, FL_EIO, "cannot write %s: %s", path, strerror(errno));
    return 0;
}
