/* source_prometheus.c: scrapes a Prometheus text endpoint: counters as rates, gauges as they are,
 * histograms and summaries as how many a second and how much on the average. */
#include <curl/curl.h>
#include <math.h>

#include "runtime/base/rng.h"
#include "services/dashboard/prom.h"
#include "services/dashboard/source.h"

enum { SCRAPE_BYTES_MAX = 2 << 20, SCRAPE_WITHIN_MS = 2000, MEMORY_MAX = 512, LINES_MAX = 64 };

/* A counter that was seen before. */
struct counter {
    uint64_t key; /* 0: free */
    struct fl_rate rate;
};
struct prometheus {
    char url[FL_SOURCE_WHAT_MAX];
    char glob[64]; /* of the metrics' names; behind # in the URL */
    struct counter counters[MEMORY_MAX];
    size_t counters_count;
};

/* ---- the scrape, on a thread of the pool ---- */

struct scrape {
    char url[FL_SOURCE_WHAT_MAX];
    struct fl_buf body;
    bool too_long;
    long status;
    char why[CURL_ERROR_SIZE];
};

static void scrape_free(void *arg)
{
    struct scrape *scrape = arg;
    fl_buf_fini(&scrape->body);
    free(scrape);
}

static size_t scrape_on_bytes(char *bytes, size_t one, size_t len, void *cx)
{
    (void)one;
    struct scrape *scrape = cx;
    if (scrape->body.len + len > SCRAPE_BYTES_MAX) {
        scrape->too_long = true;
        return 0; /* ends the transfer */
    }
    fl_buf_add(&scrape->body, bytes, len);
    return len;
}

static int scrape_run(void *arg)
{
    struct scrape *scrape = arg;
    CURL *curl = curl_easy_init();
    if (curl == NULL) return FL_EIO;
    curl_easy_setopt(curl, CURLOPT_URL, scrape->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SCRAPE_WITHIN_MS);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, scrape->why);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, scrape_on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, scrape);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &scrape->status);
    if (code != CURLE_OK && scrape->why[0] == '\0')
        snprintf(scrape->why, sizeof scrape->why, "%s", curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    return code == CURLE_OK ? 0 : FL_EIO;
}

/* ---- what of it is shown ---- */

/* The sum and count of one histogram or summary, until both are there. */
struct pair {
    uint64_t key;
    double sum;
    bool has_sum;
};
struct reading {
    struct prometheus *target;
    struct fl_sample *out;
    fl_ns now_ns;
    struct pair pair;
    size_t lines;
};

/* Known by its name and labels; more than there is memory for have no rate. */
static struct fl_rate *rate_of(struct prometheus *target, uint64_t key)
{
    for (size_t i = 0; i < target->counters_count; i++)
        if (target->counters[i].key == key) return &target->counters[i].rate;
    if (target->counters_count == MEMORY_MAX) return NULL;
    struct counter *fresh = &target->counters[target->counters_count++];
    *fresh = (struct counter){.key = key};
    return &fresh->rate;
}

/** Name and labels in one number; salt tells apart what is kept of the same line. */
static uint64_t key_of(struct fl_str name, const struct fl_prom_sample *sample, uint64_t salt)
{
    uint64_t key = fl_hash_bytes(name.at, name.len) + salt;
    for (size_t i = 0; i < sample->labels_count; i++) {
        const struct fl_prom_label *label = &sample->labels[i];
        key = fl_hash64(key ^ fl_hash_bytes(label->name.at, label->name.len));
        key = fl_hash64(key + fl_hash_bytes(label->value.at, label->value.len));
    }
    return key == 0 ? 1 : key;
}

/** The labels as a line's name: `GET 200`, or `method=GET code=200` when that says more. */
static void line_name(const struct fl_prom_sample *sample, const char *word, char *out, size_t max)
{
    struct fl_buf text = {.max = max - 1};
    for (size_t i = 0; i < sample->labels_count; i++) {
        const struct fl_prom_label *label = &sample->labels[i];
        fl_buf_printf(&text, "%s%.*s=%.*s", i > 0 ? " " : "", FL_ARG(label->name),
                      FL_ARG(label->value));
    }
    if (word[0] != '\0') fl_buf_printf(&text, "%s%s", text.len > 0 ? " " : "", word);
    snprintf(out, max, "%s", text.len > 0 ? text.at : "value");
    fl_buf_fini(&text);
}

static void add(struct reading *reading, const struct fl_prom_sample *sample, const char *word,
                const char *unit, double value)
{
    char group[FL_STORE_LABEL_MAX], name[FL_STORE_NAME_MAX];
    if (reading->lines == LINES_MAX) {
        reading->out->dropped++;
        return;
    }
    reading->lines++;
    snprintf(group, sizeof group, "%.*s", FL_ARG(sample->family));
    line_name(sample, word, name, sizeof name);
    fl_sample_add(reading->out, group, unit, value, "%s", name);
}

static bool ends_with(struct fl_str name, const char *ending)
{
    size_t len = strlen(ending);
    return name.len >= len && memcmp(name.at + name.len - len, ending, len) == 0;
}

static void add_counter(struct reading *reading, const struct fl_prom_sample *sample)
{
    struct fl_rate *rate = rate_of(reading->target, key_of(sample->name, sample, 0));
    if (rate != NULL)
        add(reading, sample, "", "/s", fl_rate_of(rate, sample->value, reading->now_ns));
}

/* `_sum` comes before `_count` of the same labels; quantiles and buckets stand on their own. */
static void add_distribution(struct reading *reading, const struct fl_prom_sample *sample)
{
    uint64_t key = key_of(sample->family, sample, 0);
    if (ends_with(sample->name, "_sum")) {
        reading->pair = (struct pair){.key = key, .sum = sample->value, .has_sum = true};
    } else if (ends_with(sample->name, "_count")) {
        struct fl_rate *count = rate_of(reading->target, key);
        struct fl_rate *sum = rate_of(reading->target, key_of(sample->family, sample, 1));
        if (count == NULL || sum == NULL) return;
        double per_s = fl_rate_of(count, sample->value, reading->now_ns);
        add(reading, sample, "count", "/s", per_s);
        if (!reading->pair.has_sum || reading->pair.key != key) return;
        double sum_per_s = fl_rate_of(sum, reading->pair.sum, reading->now_ns);
        if (per_s > 0) add(reading, sample, "mean", "", sum_per_s / per_s);
    } else if (!ends_with(sample->name, "_bucket")) {
        add(reading, sample, "", "", sample->value);
    }
}

static void on_sample(void *cx, const struct fl_prom_sample *sample)
{
    struct reading *reading = cx;
    char name[FL_PROM_NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", FL_ARG(sample->name));
    if (reading->target->glob[0] != '\0' && !fl_glob(reading->target->glob, name)) return;
    if (ends_with(sample->name, "_created")) return; /* OpenMetrics: when a counter began */
    if (sample->type == FL_PROM_COUNTER)
        add_counter(reading, sample);
    else if (sample->type == FL_PROM_HISTOGRAM || sample->type == FL_PROM_SUMMARY)
        add_distribution(reading, sample);
    else
        add(reading, sample, "", "", sample->value);
}

/* ---- the source ---- */

static int prometheus_open(struct fl_self *self, void *state, const char *what,
                           const struct fl_service_opts *opts, struct fl_err *err)
{
    (void)self, (void)opts;
    struct prometheus *target = state;
    struct fl_str glob = fl_str_of(what), url = fl_str_cut(&glob, '#');
    if (url.len == 0) return fl_err_set(err, FL_EPARSE, "prometheus needs the URL of an endpoint");
    snprintf(target->url, sizeof target->url, "%.*s", FL_ARG(url));
    snprintf(target->glob, sizeof target->glob, "%.*s", FL_ARG(glob));
    return 0;
}

static int prometheus_look(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                           struct fl_err *err)
{
    struct prometheus *target = state;
    struct scrape *scrape = fl_new(struct scrape);
    memcpy(scrape->url, target->url, sizeof scrape->url);
    int code = fl_blocking(self, scrape_run, scrape, scrape_free);
    if (scrape->too_long)
        code = fl_err_set(err, FL_EFULL, "%s: more than %d MiB of text", target->url,
                          SCRAPE_BYTES_MAX >> 20);
    else if (code != 0)
        fl_err_set(err, code, "%s: %s", target->url, scrape->why);
    else if (scrape->status != 200)
        code = fl_err_set(err, FL_EREFUSED, "%s: answered %ld", target->url, scrape->status);
    if (code == 0) {
        struct reading reading = {.target = target, .out = out, .now_ns = now_ns};
        code = fl_prom_parse((struct fl_str){scrape->body.at, scrape->body.len}, on_sample,
                             &reading, err);
        if (code != 0) fl_err_prefix(err, "%s: ", target->url);
    }
    scrape_free(scrape);
    return code;
}

const struct fl_source fl_source_prometheus = {
    .kind = "prometheus",
    .what = "prometheus:URL, URL, URL#name_*",
    .help = "a Prometheus text endpoint, scraped once a second; of its metrics those that match",
    .state_bytes = sizeof(struct prometheus),
    .every_ns = FL_NS_PER_S,
    .open = prometheus_open,
    .look = prometheus_look,
};
