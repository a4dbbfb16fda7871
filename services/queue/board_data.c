/* board_data.c: asking the keeper on behalf of a page. */
#include <stdarg.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "services/queue/board.h"
#include "services/queue/http_parts.h"
#include "services/queue/keeper.h"

int board_read_queues(struct fl_self *self, const char *name, struct fl_buf *hold, size_t *count)
{
    struct fl_buf request = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str bytes;
    struct fl_store_op op = {.kind = name != NULL ? FL_STORE_STATS : FL_STORE_QUEUES,
                             .queue = fl_str_of(name),
                             .form = FL_FORM_RAW};
    size_t most = (name != NULL ? 1 : FL_STORE_QUEUES_MAX) * sizeof(struct fl_queue_info);
    *count = 0;
    fl_keeper_put(&request, &op);
    int code = fl_keeper_ask(self, &request, 1, most, hold, &rows, &bytes);
    if (code == 0) code = rows[0].code;
    if (code != 0) return code;
    *count = bytes.len / sizeof(struct fl_queue_info);
    fl_buf_drop(hold, (size_t)(bytes.at - hold->at)); /* the array begins the block: aligned */
    return 0;
}

void board_say(struct board_said *said, bool is_bad, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(said->text, sizeof said->text, format, args);
    va_end(args);
    said->is_bad = is_bad;
}

bool board_do(struct fl_self *self, const struct fl_store_op *op, struct board_said *said,
              const char *good, int64_t *count)
{
    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *rows;
    struct fl_str none;
    enum fl_store_op_kind kind = op->kind;
    fl_keeper_put(&request, op);
    int code = fl_keeper_ask(self, &request, 1, FL_KEEPER_QUEUE_JSON_MAX, &hold, &rows, &none);
    if (code == 0) code = rows[0].code;
    if (code == 0 && count != NULL) *count = rows[0].count;
    bool existed = code == 0 && kind == FL_STORE_ENQUEUE && rows[0].existed;
    if (code != 0)
        board_say(said, true, "%s", http_words(code, kind));
    else if (existed)
        board_say(said, false, "job %lld has this key already", (long long)rows[0].id);
    else
        board_say(said, false, "%s", good);
    fl_buf_fini(&hold);
    return code == 0;
}

/** Text cut to what fits, not in the middle of a character. */
static void data_cut(char *out, size_t max, struct fl_str text)
{
    size_t len = text.len < max ? text.len : max - 1;
    if (len < text.len) {
        while (len > 3 && ((unsigned char)text.at[len - 3] & 0xc0) == 0x80)
            len--;
        len -= 3;
        memcpy(out, text.at, len);
        memcpy(out + len, "…", 4);
        return;
    }
    if (len > 0) memcpy(out, text.at, len);
    out[len] = '\0';
}

/** `21:14:03`, UTC. */
static void data_time(char *out, size_t max, int64_t at_ms)
{
    char text[32];
    fl_wall_format(fl_ms(at_ms), text, sizeof text);
    snprintf(out, max, "%.8s", text + 11);
}

static void data_json_text(char *out, size_t max, const cJSON *value)
{
    char *text = value != NULL ? cJSON_PrintUnformatted(value) : NULL;
    data_cut(out, max, fl_str_of(text));
    free(text);
}

static void data_job(const cJSON *job, enum fl_job_state state, struct board_job *out)
{
    static const char *const times[FL_JOB_STATES] = {"run_at_ms", "created_ms", "until_ms",
                                                     "finished_ms", "finished_ms"};
    *out = (struct board_job){.id = fl_json_int(job, "id", 0)};
    snprintf(out->dom_id, sizeof out->dom_id, "job-%lld", (long long)out->id);
    const char *key = fl_json_text(job, "key", NULL), *error = fl_json_text(job, "error", NULL);
    data_cut(out->key, sizeof out->key,
             fl_str_of(key != NULL ? key : fl_json_text(job, "unique", "")));
    data_json_text(out->payload, sizeof out->payload, cJSON_GetObjectItem(job, "payload"));
    data_json_text(out->note, sizeof out->note, cJSON_GetObjectItem(job, "result"));
    out->is_bad = error != NULL;
    if (error != NULL) data_cut(out->note, sizeof out->note, fl_str_of(error));
    data_cut(out->worker, sizeof out->worker, fl_str_of(fl_json_text(job, "worker", "")));
    data_time(out->at, sizeof out->at, fl_json_int(job, times[state], 0));
    snprintf(out->attempts, sizeof out->attempts, "%lld of %lld",
             (long long)fl_json_int(job, "attempt", 0),
             (long long)fl_json_int(job, "max_attempts", 0));
    out->priority = fl_json_int(job, "priority", 0);
    out->can_retry = state == FL_JOB_DEAD || state == FL_JOB_SCHEDULED;
    out->can_delete = state != FL_JOB_LEASED;
}

int board_read_jobs(struct fl_self *self, const char *queue, enum fl_job_state state,
                    struct board_job *rows, size_t *count)
{
    struct fl_buf request = {0}, hold = {0};
    const struct fl_keeper_answer *answers;
    struct fl_str json;
    struct fl_store_op op = {
        .kind = FL_STORE_LIST, .queue = fl_str_of(queue), .state = state, .max = BOARD_JOBS_MAX};
    *count = 0;
    fl_keeper_put(&request, &op);
    int code = fl_keeper_ask(self, &request, 1, FL_KEEPER_LIST_JSON_MAX, &hold, &answers, &json);
    if (code == 0) code = answers[0].code;
    cJSON *tree = code == 0 ? cJSON_ParseWithLength(json.at, json.len) : NULL;
    const cJSON *job;
    cJSON_ArrayForEach(job, cJSON_GetObjectItem(tree, "jobs"))
    {
        if (*count < BOARD_JOBS_MAX) data_job(job, state, &rows[(*count)++]);
    }
    cJSON_Delete(tree);
    fl_buf_fini(&hold);
    return code;
}

void board_rate_turn(struct board_rate *rate)
{
    rate->per_s = rate->counted;
    rate->counted = 0;
}

const char *board_number(int64_t number, char *out, size_t out_len)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)number);
    size_t at = 0;
    for (int i = 0; i < len && at + 4 < out_len; i++) {
        bool is_break = i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-';
        if (is_break) {
            memcpy(out + at, "\u2009", 3); /* a thin space */
            at += 3;
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}
