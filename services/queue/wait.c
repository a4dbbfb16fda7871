#include "services/queue/wait.h"

#define WAIT_LOOK_NS fl_ms(20)

struct fl_wait_line *fl_waits_find(struct fl_waits *waits, const char *queue)
{
    struct fl_wait_line *line = waits->lines;
    while (line != NULL && strcmp(line->queue, queue) != 0)
        line = line->next;
    return line;
}

static struct fl_wait_line *wait_line(struct fl_waits *waits, struct fl_str queue)
{
    char name[FL_STORE_QUEUE_MAX + 1];
    if (queue.len == 0) queue = FL_STR("default");
    snprintf(name, sizeof name, "%.*s", FL_ARG(queue));
    struct fl_wait_line *found = fl_waits_find(waits, name);
    if (found != NULL) return found;
    struct fl_wait_line *line = fl_new(struct fl_wait_line);
    memcpy(line->queue, name, sizeof name);
    line->next = waits->lines;
    waits->lines = line;
    return line;
}

struct fl_waiter *fl_waits_push(struct fl_waits *waits, struct fl_str queue,
                                struct fl_group_asker *asker, int max, int64_t again_ms)
{
    if (waits->count >= waits->count_max) return NULL;
    struct fl_wait_line *line = wait_line(waits, queue);
    struct fl_waiter *waiter = fl_new(struct fl_waiter);
    waiter->asker = *asker;
    waiter->max = max;
    line->again_ms = again_ms; /* the latest word */
    asker->bytes = NULL;
    if (line->last != NULL)
        line->last->next = waiter;
    else
        line->first = waiter;
    line->last = waiter;
    waits->count++;
    if (waits->next_ns == 0 || asker->wait_until_ns < waits->next_ns)
        waits->next_ns = asker->wait_until_ns;
    return waiter;
}

struct fl_waiter *fl_waits_pop(struct fl_waits *waits, struct fl_wait_line *line)
{
    struct fl_waiter *waiter = line->first;
    if (waiter == NULL) return NULL;
    line->first = waiter->next;
    if (line->first == NULL) line->last = NULL;
    waits->count--;
    return waiter;
}

/** Takes the late ones of a line; *next_ns: when the next one is. */
static void wait_take_late(struct fl_waits *waits, struct fl_wait_line *line, fl_ns now_ns,
                           struct fl_waiter **late, fl_ns *next_ns)
{
    struct fl_waiter **link = &line->first;
    line->last = NULL;
    while (*link != NULL) {
        struct fl_waiter *at = *link;
        if (at->asker.wait_until_ns > now_ns) {
            *next_ns = fl_ns_min(*next_ns, at->asker.wait_until_ns);
            line->last = at;
            link = &at->next;
            continue;
        }
        *link = at->next;
        at->next = *late;
        *late = at;
        waits->count--;
    }
}

struct fl_waiter *fl_waits_take_late(struct fl_waits *waits, fl_ns now_ns)
{
    if (waits->next_ns == 0 || now_ns < waits->next_ns) return NULL;
    struct fl_waiter *late = NULL;
    fl_ns next_ns = FL_NEVER;
    for (struct fl_wait_line *line = waits->lines; line != NULL; line = line->next)
        wait_take_late(waits, line, now_ns, &late, &next_ns);
    waits->next_ns = next_ns == FL_NEVER ? 0 : fl_ns_max(next_ns, now_ns + WAIT_LOOK_NS);
    return late;
}

struct fl_waiter *fl_waits_take_monitor(struct fl_waits *waits, uint64_t monitor)
{
    for (struct fl_wait_line *line = waits->lines; line != NULL; line = line->next) {
        struct fl_waiter *before = NULL, *at = line->first;
        for (; at != NULL && at->monitor != monitor; at = at->next)
            before = at;
        if (at == NULL) continue;
        if (before == NULL) return fl_waits_pop(waits, line);
        before->next = at->next;
        if (line->last == at) line->last = before;
        waits->count--;
        return at;
    }
    return NULL;
}

void fl_waits_sweep(struct fl_waits *waits)
{
    struct fl_wait_line **link = &waits->lines;
    while (*link != NULL) {
        struct fl_wait_line *line = *link;
        if (line->first != NULL) {
            link = &line->next;
            continue;
        }
        *link = line->next;
        free(line);
    }
}

void fl_waits_fini(void *ptr)
{
    struct fl_waits *waits = ptr;
    for (struct fl_wait_line *line = waits->lines; line != NULL; line = line->next) {
        struct fl_waiter *waiter;
        while ((waiter = fl_waits_pop(waits, line)) != NULL) {
            free(waiter->asker.bytes);
            free(waiter);
        }
    }
    fl_waits_sweep(waits);
}
