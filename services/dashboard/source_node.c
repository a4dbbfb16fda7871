/* source_node.c: the runtime of nodes on this machine, in the numbers that `look` has of them. */
#include "services/dashboard/source.h"
#include "services/look/look.h"

struct node_seen {
    pid_t os_pid; /* 0: free */
    struct fl_rate handled, sent, dropped;
    bool is_here;
};
struct node_source {
    struct node_seen seen[FL_PICTURE_NODES];
    struct fl_picture_sums sums[FL_PICTURE_NODES];
};

static struct node_seen *node_of(struct node_source *nodes, pid_t os_pid)
{
    struct node_seen *room = NULL;
    for (size_t i = 0; i < FL_PICTURE_NODES; i++) {
        if (nodes->seen[i].os_pid == os_pid) return &nodes->seen[i];
        if (room == NULL && nodes->seen[i].os_pid == 0) room = &nodes->seen[i];
    }
    FL_ASSERT(room != NULL); /* those that are gone were forgotten */
    *room = (struct node_seen){.os_pid = os_pid};
    return room;
}

/** Of several nodes of one name each is told apart by its pid. */
static void node_name(const struct node_source *nodes, size_t count, size_t i, char *out,
                      size_t out_len)
{
    int same = 0;
    for (size_t j = 0; j < count; j++)
        same += strcmp(nodes->sums[j].name, nodes->sums[i].name) == 0;
    if (same == 1)
        snprintf(out, out_len, "%s", nodes->sums[i].name);
    else
        snprintf(out, out_len, "%s %d", nodes->sums[i].name, (int)nodes->sums[i].os_pid);
}

static int node_look(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                     struct fl_err *err)
{
    struct node_source *nodes = state;
    size_t len = 0;
    int code = fl_call_name(self, FL_LOOK_NAME, FL_LOOK_SUMS, NULL, 0, nodes->sums,
                            sizeof nodes->sums, &len, fl_s(2));
    if (code != 0) return fl_err_set(err, code, "look: %s", fl_code_name(code));
    size_t count = len / sizeof nodes->sums[0];
    for (size_t i = 0; i < FL_PICTURE_NODES; i++)
        nodes->seen[i].is_here = false;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < FL_PICTURE_NODES; j++)
            if (nodes->seen[j].os_pid == nodes->sums[i].os_pid) nodes->seen[j].is_here = true;
    for (size_t i = 0; i < FL_PICTURE_NODES; i++)
        if (!nodes->seen[i].is_here) nodes->seen[i].os_pid = 0;

    for (size_t i = 0; i < count; i++) {
        const struct fl_picture_sums *sums = &nodes->sums[i];
        struct node_seen *seen = node_of(nodes, sums->os_pid);
        char name[80];
        node_name(nodes, count, i, name, sizeof name);
        if (sums->silent) continue; /* stopped, or busy: a gap says so */
        fl_sample_add(out, "messages handled", "/s",
                      fl_rate_of(&seen->handled, (double)sums->handled, now_ns), "%s", name);
        fl_sample_add(out, "processes", "", (double)sums->procs, "%s", name);
        fl_sample_add(out, "messages waiting", "", (double)sums->waiting, "%s", name);
        fl_sample_add(out, "memory of processes", "B", (double)sums->memory, "%s", name);
        fl_sample_add(out, "restarts seen", "", (double)sums->restarts, "%s", name);
        if (sums->dropped > 0)
            fl_sample_add(out, "messages dropped", "/s",
                          fl_rate_of(&seen->dropped, (double)sums->dropped, now_ns), "%s", name);
    }
    return 0;
}

const struct fl_source fl_source_node = {
    .kind = "node",
    .what = "node, node:all, node:PID",
    .help = "the runtime of the nodes around this one, of all of this user's, or of one and those "
            "below it",
    .state_bytes = sizeof(struct node_source),
    .every_ns = 200 * FL_NS_PER_MS,
    .look = node_look,
};
