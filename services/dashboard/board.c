#include "services/dashboard/board.h"

int fl_board_put_update(struct fl_buf *out, struct fl_str figures, uint64_t seq, fl_ns t_ns)
{
    const char *end = NULL;
    cJSON *tree = cJSON_ParseWithLengthOpts(figures.at, figures.len, &end, false);
    bool object = cJSON_IsObject(tree), empty = object && tree->child == NULL;
    cJSON_Delete(tree);
    struct fl_str rest = fl_str_trim(figures);
    if (!object || end == NULL || end != rest.at + rest.len) return FL_EBADMSG;

    fl_buf_printf(out, "{\"seq\":%llu,\"t_ns\":%lld%s", (unsigned long long)seq, (long long)t_ns,
                  empty ? "" : ",");
    fl_buf_add(out, rest.at + 1, rest.len - 1);
    return 0;
}

static void put_rate(char out[16], double rate)
{
    snprintf(out, 16, rate < 100 ? "%.1f" : "%.0f", rate);
}

/** Milliseconds for spans below a second, else seconds. */
static void put_span(char out[16], double ns)
{
    if (ns < 1e9)
        snprintf(out, 16, ns < 1e7 ? "%.1f ms" : "%.0f ms", ns / 1e6);
    else
        snprintf(out, 16, "%.1f s", ns / 1e9);
}

static void read_text(char *out, size_t max, const cJSON *json, const char *key,
                      const char *fallback)
{
    snprintf(out, max, "%s", fl_json_text(json, key, fallback));
}

static void read_clock(struct fl_board *board, const cJSON *figures)
{
    board->elapsed_s = fl_json_num(figures, "elapsed_ns", 0) / 1e9;
    board->total_s = fl_json_num(figures, "total_ns", 0) / 1e9;
    if (board->total_s > 0)
        snprintf(board->clock, sizeof board->clock, "%.0f of %.0f s", board->elapsed_s,
                 board->total_s);
    else
        snprintf(board->clock, sizeof board->clock, "%.0f s", board->elapsed_s);
}

static void read_loads(struct fl_board *board, const cJSON *figures)
{
    double rate = 0, errors = 0, p99 = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "loads"))
    {
        double own_rate = fl_json_num(one, "rate", 0), own_errors = fl_json_num(one, "errors", 0);
        double own_p99 = fl_json_num(one, "p99_ns", 0);
        rate += own_rate;
        errors += own_errors;
        if (own_p99 > p99) p99 = own_p99;
        if (board->loads_count == FL_BOARD_LOADS) continue;
        struct fl_board_load *load = &board->loads[board->loads_count];
        *load = (struct fl_board_load){.inflight = (int)fl_json_int(one, "inflight", 0),
                                       .colour = (int)(board->loads_count++ % 6),
                                       .is_bad = own_errors > 0};
        read_text(load->name, sizeof load->name, one, "name", "?");
        put_rate(load->rate, own_rate);
        put_rate(load->errors, own_errors);
        put_span(load->p50, fl_json_num(one, "p50_ns", 0));
        put_span(load->p99, own_p99);
    }
    put_rate(board->rate, rate);
    put_rate(board->errors, errors);
    put_span(board->p99, p99);
    board->is_bad = errors > 0;
}

static void read_processes(struct fl_board *board, const cJSON *figures)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(figures, "processes"))
    {
        if (board->processes_count == FL_BOARD_PROCESSES) return;
        struct fl_board_process *process = &board->processes[board->processes_count++];
        read_text(process->name, sizeof process->name, one, "instance", "?");
        read_text(process->state, sizeof process->state, one, "state", "down");
        process->pid = (int)fl_json_int(one, "pid", 0);
        process->restarts = (int)fl_json_int(one, "restarts", 0);
    }
}

static void read_events(struct fl_board *board, const cJSON *figures)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(figures, "events");
    for (int i = cJSON_GetArraySize(all); i-- > 0 && board->events_count < FL_BOARD_EVENTS;) {
        const cJSON *one = cJSON_GetArrayItem(all, i);
        struct fl_board_event *event = &board->events[board->events_count++];
        event->id = fl_json_int(one, "t_ns", 0) / 1000 * 32 +
                    i % 32; /* two may be of one instant */
        read_text(event->kind, sizeof event->kind, one, "kind", "");
        read_text(event->text, sizeof event->text, one, "text", "");
        snprintf(event->at, sizeof event->at, "%.1f s", fl_json_num(one, "at_ns", 0) / 1e9);
        if (fl_json_num(one, "took_ns", 0) > 0)
            put_span(event->took, fl_json_num(one, "took_ns", 0));
    }
}

void fl_board_read(struct fl_board *board, const cJSON *figures)
{
    memset(board, 0, sizeof *board);
    read_text(board->phase, sizeof board->phase, figures, "phase", "waiting");
    read_clock(board, figures);
    read_loads(board, figures);
    read_processes(board, figures);
    read_events(board, figures);
    board->restarts = (int)fl_json_int(figures, "restarts", 0);
    const cJSON *fault;
    cJSON_ArrayForEach(fault, cJSON_GetObjectItemCaseSensitive(figures, "faults"))
    {
        if (board->faults_count == FL_BOARD_FAULTS) break;
        snprintf(board->faults[board->faults_count++], FL_BOARD_TEXT, "%s",
                 cJSON_IsString(fault) ? fault->valuestring : "?");
    }
}
