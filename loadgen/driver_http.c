/* driver_http.c: one HTTP request an arrival, and what its answer must be. */
#include "loadgen/http_engine.h"
#include "loadgen/load.h"

struct http_state {
    char *method, *path, *expect_body;
    struct fl_buf body;
    bool has_body;
    struct curl_slist *headers;
    int status_least, status_most;
    char **urls; /* one an endpoint */
    size_t urls_count;
};

static int read_status(struct http_state *state, const char *expect, struct fl_err *err)
{
    if (strlen(expect) == 3 && expect[0] >= '1' && expect[0] <= '5') {
        int hundreds = (expect[0] - '0') * 100;
        if (strcmp(expect + 1, "xx") == 0) {
            state->status_least = hundreds;
            state->status_most = hundreds + 99;
            return 0;
        }
        char *end = NULL;
        long status = strtol(expect, &end, 10);
        if (*end == '\0') {
            state->status_least = state->status_most = (int)status;
            return 0;
        }
    }
    return fl_err_set(err, FL_EPARSE, "expect: \"%s\" is no status such as 200 or 2xx", expect);
}

static int read_headers(struct http_state *state, const cJSON *map, struct fl_err *err)
{
    state->headers = curl_slist_append(NULL, "Expect:"); /* no 100-continue round trip */
    const cJSON *item;
    cJSON_ArrayForEach(item, map)
    {
        const char *value = cJSON_IsString(item) ? item->valuestring : "";
        if (strpbrk(item->string, "\r\n:") != NULL || strpbrk(value, "\r\n") != NULL)
            return fl_err_set(err, FL_EPARSE, "headers: \"%s\" holds a line break or a colon",
                              item->string);
        /* libcurl's way to say an empty header is a semicolon */
        char *line = value[0] != '\0' ? fl_format("%s: %s", item->string, value)
                                      : fl_format("%s;", item->string);
        state->headers = curl_slist_append(state->headers, line);
        free(line);
    }
    return 0;
}

static int driver_http_open(struct fl_load *load, struct fl_err *err)
{
    struct http_state *state = fl_new(struct http_state);
    load->state = state;
    const struct fl_settings *settings = &load->settings;
    state->method = fl_settings_text(settings, "method");
    state->path = fl_settings_text(settings, "path");
    state->expect_body = fl_settings_text(settings, "expect_body");
    char *body = fl_settings_text(settings, "body");
    if (body != NULL) {
        state->has_body = true;
        fl_buf_puts(&state->body, body);
        free(body);
    }
    char *expect = fl_settings_text(settings, "expect");
    int rc = read_status(state, expect, err);
    free(expect);
    if (rc == 0) rc = read_headers(state, fl_settings_map(settings, "headers"), err);
    if (rc == 0 && (state->path[0] != '/' || strpbrk(state->path, " \r\n") != NULL))
        rc = fl_err_set(err, FL_EPARSE, "path: \"%s\" must begin with / and hold no blanks",
                        state->path);
    if (rc == 0 && (state->method[0] == '\0' || strpbrk(state->method, " \r\n") != NULL))
        rc = fl_err_set(err, FL_EPARSE, "method: \"%s\" is none", state->method);
    if (rc != 0) return rc;
    uint32_t slots = fl_ledger_slots_for(load->users, load->rate_per_s, load->timeout_ns);
    fl_load_add_stream(load, FL_OP_ARRIVAL, "arrivals", load->rate_per_s, slots);
    return 0;
}

static void driver_http_start(struct fl_load *load, fl_ns t0_ns)
{
    (void)t0_ns;
    struct http_state *state = load->state;
    state->urls_count = load->endpoints.count;
    state->urls = fl_new_array(char *, state->urls_count);
}

/* Made when first needed; an instance that comes back on another port gets another one. */
static const char *http_url(struct fl_load *load)
{
    struct http_state *state = load->state;
    size_t at = fl_endpoints_pick(&load->endpoints);
    const struct fl_endpoint *endpoint = &load->endpoints.at[at];
    bool is_v6 = strchr(endpoint->host, ':') != NULL;
    free(state->urls[at]);
    state->urls[at] = fl_format("http://%s%s%s:%d%s", is_v6 ? "[" : "", endpoint->host,
                                is_v6 ? "]" : "", endpoint->port, state->path);
    return state->urls[at];
}

static void http_on_answer(void *cx, const struct fl_http_answer *answer)
{
    struct fl_pending *pending = cx;
    const struct http_state *state = fl_load_stream_of(pending)->load->state;
    bool expected = answer->status >= state->status_least && answer->status <= state->status_most;
    enum fl_outcome outcome = fl_http_outcome(answer, expected);
    enum fl_op_error error = answer->error;
    if (error == FL_OPERR_NONE && !expected) error = FL_OPERR_STATUS;
    if (outcome == FL_OK && state->expect_body != NULL &&
        memmem(answer->body.at, answer->body.len, state->expect_body, strlen(state->expect_body)) ==
            NULL) {
        outcome = FL_UNKNOWN;
        error = FL_OPERR_CONTENT;
    }
    fl_load_settle(pending, outcome, error, answer->done_ns);
}

static void driver_http_issue(struct fl_load *load, struct fl_pending *pending)
{
    struct http_state *state = load->state;
    struct fl_http_request request = {
        .method = state->method,
        .url = http_url(load),
        .headers = state->headers,
    };
    if (state->has_body)
        request.body = (struct fl_str){state->body.len > 0 ? state->body.at : "", state->body.len};
    pending->work = fl_http_engine_call(load->host->http, &request, &pending->sent_ns,
                                        http_on_answer, pending);
}

static void driver_http_drop(struct fl_load *load, struct fl_pending *pending)
{
    (void)load;
    fl_http_engine_cancel(pending->work);
}

static void driver_http_fini(struct fl_load *load)
{
    struct http_state *state = load->state;
    for (size_t i = 0; i < state->urls_count; i++)
        free(state->urls[i]);
    free(state->urls);
    curl_slist_free_all(state->headers);
    free(state->method);
    free(state->path);
    free(state->expect_body);
    fl_buf_fini(&state->body);
    free(state);
}

const struct fl_driver fl_driver_http = {
    .open = driver_http_open,
    .start = driver_http_start,
    .issue = driver_http_issue,
    .drop = driver_http_drop,
    .fini = driver_http_fini,
};
