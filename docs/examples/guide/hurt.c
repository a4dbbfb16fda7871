/* hurt.c: a tree under chaos. Deposits go through a teller to a ledger, while messages are lost,
 * doubled and late, and the teller is killed; none is lost and none counts twice. */
#include "guide.h"
#include "runtime/control.h"
#include "runtime/sup.h"

enum { DEPOSIT = 1 };
#define DEPOSITS 100

/* ---- the ledger: a deposit has a number, so that the same one can be told again ---- */

struct ledger {
    bool has[DEPOSITS];
    int total, told_again;
};

static void ledger_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ledger *ledger = state;
    int number;
    memcpy(&number, msg->data, sizeof number);
    if (ledger->has[number])
        ledger->told_again++;
    else
        ledger->total++;
    ledger->has[number] = true;
    fl_self_reply(self, msg->from, msg->ref, &ledger->total, sizeof ledger->total);
}

/* ---- the teller: holds nothing, so that it may be killed at any time ---- */

static void teller_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    int total;
    int code = fl_call_name(self, "ledger", DEPOSIT, msg->data, msg->len, &total, sizeof total,
                            NULL, fl_ms(20));
    if (code != 0) /* nothing is hidden: the client hears of it and asks again */
        fl_self_reply_error(self, msg->from, msg->ref, code);
    else
        fl_self_reply(self, msg->from, msg->ref, &total, sizeof total);
}

static const struct fl_server ledger_server = {
    .name = "ledger", .state_bytes = sizeof(struct ledger), .on_call = ledger_on_call};
static const struct fl_server teller_server = {.name = "teller", .on_call = teller_on_call};

static const struct fl_child children[] = {
    {.id = "ledger", .name = "ledger", .server = &ledger_server},
    {.id = "teller", .name = "teller", .server = &teller_server},
};
static const struct fl_sup_opts bank = {.max_restarts = 10,
                                        .within_ns = 60 * FL_NS_PER_S,
                                        .children = children,
                                        .children_count = FL_COUNT(children)};

/* ---- the client: asks until it has an answer ---- */

static int deposit(struct fl_self *self, int number)
{
    int total = 0, code;
    do {
        code = fl_call_name(self, "teller", DEPOSIT, &number, sizeof number, &total, sizeof total,
                            NULL, fl_ms(40));
        if (code != 0) fl_pause(self, fl_ms(1)); /* FL_ENOPROC while it is started again */
    } while (code != 0);
    return total;
}

/* ---- the harm ---- */

/* Waits until it is gone, so that nobody takes the dying one for the next one. */
static void kill_teller(struct fl_self *self)
{
    struct fl_msg down;
    fl_monitor_name(self, "teller");
    fl_control_exit(fl_self_node(self), "teller", fl_reason_of(FL_EXIT_KILL));
    fl_receive(self, NULL, NULL, FL_NEVER, &down);
}

/* A filter ends with its process: a new teller gets a new one. */
static void harm(struct fl_self *self, const char *who, enum fl_filter_kind kind, uint64_t *id)
{
    struct fl_filter_opts opts = {.kind = kind, .nth = 3}; /* every third message */
    struct fl_err err;
    while (fl_control_filter(fl_self_node(self), who, NULL, &opts, id, &err) == FL_ENOPROC)
        fl_pause(self, fl_ms(1));
}

static void story(struct fl_self *self, const void *args, size_t args_len)
{
    struct fl_node *node = fl_self_node(self);
    struct fl_filter_counts counts;
    struct fl_pid sup;
    uint64_t lossy, doubling;
    int total = 0, kills = 0;

    fl_sup_start(node, self, &bank, &sup);
    harm(self, "ledger", FL_FILTER_DUPLICATE, &doubling);
    for (int number = 0; number < DEPOSITS; number++) {
        if (number % 20 == 0) {
            kill_teller(self);
            kills++;
            harm(self, "teller", FL_FILTER_DROP, &lossy);
        }
        total = deposit(self, number);
    }
    fl_control_unfilter(node, doubling, &counts);
    printf("%d deposits, the ledger has %d\n", DEPOSITS, total);
    printf("%d kills, and messages were doubled: %s\n", kills, counts.hit > 0 ? "yes" : "no");
    fl_control_unfilter(node, lossy, &counts);
    printf("messages to the last teller were lost: %s\n", counts.hit > 0 ? "yes" : "no");
    fl_node_stop(node, 0);
}

int main(int argc, char **argv)
{
    return guide_main(argc, argv, (struct fl_node_opts){.name = "hurt"}, story);
}
