#include "loadgen/health.h"

void fl_gauge_add(struct fl_gauge *gauge, fl_ns latency_ns, bool ok)
{
    fl_hist_add(&gauge->latency[gauge->at], latency_ns);
    if (!ok) gauge->bad[gauge->at]++;
}

void fl_gauge_put(const struct fl_gauge *gauge, struct fl_buf *buf)
{
    struct fl_hist all;
    uint64_t bad = 0;
    fl_hist_reset(&all);
    for (int i = 0; i < FL_GAUGE_PARTS; i++) {
        fl_hist_merge(&all, &gauge->latency[i]);
        bad += gauge->bad[i];
    }
    fl_buf_printf(buf, "\"rate\":%llu,\"errors\":%llu,\"p50_ns\":%lld,\"p99_ns\":%lld",
                  (unsigned long long)all.count, (unsigned long long)bad,
                  (long long)fl_hist_at(&all, 0.5), (long long)fl_hist_at(&all, 0.99));
}

void fl_gauge_turn(struct fl_gauge *gauge)
{
    gauge->at = (gauge->at + 1) % FL_GAUGE_PARTS;
    fl_hist_reset(&gauge->latency[gauge->at]);
    gauge->bad[gauge->at] = 0;
}

void fl_health_start(struct fl_health *health, fl_ns now_ns, fl_ns cpu_ns)
{
    fl_hist_reset(&health->lag);
    health->due = health->sent = health->unsent = 0;
    health->since_ns = now_ns;
    health->cpu_since_ns = cpu_ns;
}

void fl_health_put(const struct fl_health *health, fl_ns now_ns, fl_ns cpu_ns, struct fl_buf *buf)
{
    fl_ns span_ns = fl_ns_max(now_ns - health->since_ns, 1);
    double cpu = (double)(cpu_ns - health->cpu_since_ns) / (double)span_ns;
    fl_buf_printf(buf,
                  "\"span_ns\":%lld,\"lag_p50_ns\":%lld,\"lag_p99_ns\":%lld,\"lag_max_ns\":%lld,"
                  "\"unsent\":%llu,"
                  "\"cpu\":%.3f,\"due\":%llu,\"sent\":%llu",
                  (long long)span_ns, (long long)fl_hist_at(&health->lag, 0.5),
                  (long long)fl_hist_at(&health->lag, 0.99), (long long)health->lag.max_ns,
                  (unsigned long long)health->unsent, cpu, (unsigned long long)health->due,
                  (unsigned long long)health->sent);
}
