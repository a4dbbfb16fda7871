#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/rng.h"
#include "runtime/node.h"
#include "runtime/server.h"
#include "runtime/tcp.h"

/* Two shards, two threads: what must hold between them. Also run under TSan and Helgrind. */

#define SENDERS 4
#define NUMBERS 5000
#define CALLS 500
#define PEERS 100

enum { GO = 1, NUMBER, DOUBLE, PING, DIE, SHARED };

static int stop_late(struct fl_self *self)
{
    fl_timer_start(self, fl_s(30), 99);
    return 0;
}

/* ---- numbers from many senders on both shards arrive in each sender's order */

struct fifo {
    struct fl_pid from[SENDERS];
    uint32_t next[SENDERS];
    int known, done, disorder;
    int *result;
};

static void fifo_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fifo *fifo = state;
    uint32_t number;
    memcpy(&number, msg->data, sizeof number);
    int i = 0;
    while (i < fifo->known && !fl_pid_eq(fifo->from[i], msg->from))
        i++;
    if (i == fifo->known) fifo->from[fifo->known++] = msg->from;
    if (number != fifo->next[i]++) fifo->disorder++;
    if (fifo->next[i] == NUMBERS) fifo->done++;
    if (fifo->done < SENDERS) return;
    *fifo->result = fifo->disorder == 0 ? 1 : -1;
    fl_node_stop(fl_self_node(self), 0);
}

static int fifo_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct fifo *)state)->result = (int *)(uintptr_t)args;
    return stop_late(self);
}

static void give_up(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    fl_node_stop(fl_self_node(self), 99);
}

static const struct fl_server fifo_server = {
    .name = "fifo",
    .state_bytes = sizeof(struct fifo),
    .on_init = fifo_on_init,
    .on_cast = fifo_on_cast,
    .on_timer = give_up,
};

static void counter_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct fl_pid to;
    memcpy(&to, msg->data, sizeof to);
    for (uint32_t i = 0; i < NUMBERS; i++)
        fl_send(self, to, NUMBER, &i, sizeof i);
}

static const struct fl_server counter_server = {.name = "counter", .on_cast = counter_on_cast};

static struct fl_node *open_node(int shards)
{
    struct fl_node *node = NULL;
    struct fl_node_opts opts = {.name = "test", .shards = shards};
    assert_int_equal(fl_node_new(&node, &opts, NULL), 0);
    return node;
}

static struct fl_pid spawn_on(struct fl_node *node, int shard, const struct fl_server *server,
                              const void *args)
{
    struct fl_pid pid = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = shard, .args = args};
    assert_int_equal(fl_node_spawn(node, server, &opts, &pid), 0);
    return pid;
}

static void b43_pairwise_fifo_holds_between_shards(void **state)
{
    struct fl_node *node = open_node(2);
    int result = 0;
    struct fl_pid fifo = spawn_on(node, 1, &fifo_server, &result);
    for (int i = 0; i < SENDERS; i++) {
        struct fl_pid sender = spawn_on(node, i % 2, &counter_server, NULL);
        fl_node_send(node, sender, GO, &fifo, sizeof fifo);
    }
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
    assert_int_equal(result, 1);
}

/* ---- calls across shards: answers, death, spawn, links, monitors */

static void double_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == DIE) {
        fl_self_exit(self, fl_reason_of(FL_EXIT_ERROR));
        return;
    }
    uint64_t value;
    memcpy(&value, msg->data, sizeof value);
    value *= 2;
    fl_self_reply(self, msg->from, msg->ref, &value, sizeof value);
}

static const struct fl_server double_server = {.name = "double", .on_call = double_on_call};

struct findings {
    int right, died, noproc, down, exits, timeout;
};

struct caller {
    struct findings *findings;
};

static int silent_on_init(struct fl_self *self, void *state, const void *args)
{
    return *(const int *)args;
}

static void silent_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static const struct fl_server silent_server = {
    .name = "silent", .on_init = silent_on_init, .on_call = silent_on_call};

static void caller_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct findings *findings = ((struct caller *)state)->findings;
    struct fl_pid there = FL_NO_PID, silent = FL_NO_PID;
    struct fl_spawn_opts opts = {.shard = 1};
    assert_int_equal(fl_spawn(self, &double_server, &opts, &there), 0);
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t answer = 0;
        int rc = fl_call(self, there, DOUBLE, &i, sizeof i, &answer, sizeof answer, NULL, fl_s(20));
        if (rc == 0 && answer == i * 2) findings->right++;
    }
    fl_self_trap_exits(self, true);
    fl_link(self, there);
    fl_monitor(self, there);
    if (fl_call(self, there, DIE, NULL, 0, NULL, 0, NULL, fl_s(20)) == FL_EDIED) findings->died++;
    if (fl_call(self, there, DIE, NULL, 0, NULL, 0, NULL, fl_s(20)) == FL_ENOPROC)
        findings->noproc++;
    int refuses = FL_EREFUSED, runs = 0;
    opts.args = &refuses;
    assert_int_equal(fl_spawn(self, &silent_server, &opts, &silent), FL_EREFUSED);
    opts.args = &runs;
    assert_int_equal(fl_spawn(self, &silent_server, &opts, &silent), 0);
    if (fl_call(self, silent, PING, NULL, 0, NULL, 0, NULL, fl_ms(5)) == FL_ETIMEOUT)
        findings->timeout++;
    fl_monitor(self, there); /* gone: noproc */
}

static void caller_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                           const struct fl_reason *reason)
{
    struct findings *findings = ((struct caller *)state)->findings;
    assert_int_equal(findings->exits, 1); /* OTP: the EXIT of a link comes before the DOWN */
    if (++findings->down == 2) fl_node_stop(fl_self_node(self), 0);
}

static void caller_on_exit(struct fl_self *self, void *state, struct fl_pid who,
                           const struct fl_reason *reason)
{
    ((struct caller *)state)->findings->exits++;
}

static int caller_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct caller *)state)->findings = (struct findings *)(uintptr_t)args;
    return stop_late(self);
}

static const struct fl_server caller_server = {
    .name = "caller",
    .state_bytes = sizeof(struct caller),
    .on_init = caller_on_init,
    .on_cast = caller_on_cast,
    .on_down = caller_on_down,
    .on_exit = caller_on_exit,
    .on_timer = give_up,
};

static void calls_spawns_links_and_monitors_work_between_shards(void **state)
{
    struct fl_node *node = open_node(2);
    struct findings findings = {0};
    struct fl_pid caller = spawn_on(node, 0, &caller_server, &findings);
    fl_node_send(node, caller, GO, NULL, 0);
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
    assert_int_equal(findings.right, CALLS);
    assert_int_equal(findings.died, 1);
    assert_int_equal(findings.noproc, 1);
    assert_int_equal(findings.timeout, 1);
    assert_int_equal(findings.exits, 1);
    assert_int_equal(findings.down, 2);
}

/* ---- one shared block, read by processes on both shards */

struct reader {
    struct fl_pid owner;
};

static void reader_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    assert_non_null(msg->shared);
    assert_int_equal(msg->len, 1000);
    fl_send(self, msg->from, PING, msg->data, 1);
}

static const struct fl_server reader_server = {.name = "reader", .on_cast = reader_on_cast};

struct sharer {
    int heard;
    const struct fl_pid *readers;
};

static void sharer_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct sharer *sharer = state;
    if (msg->tag == PING) {
        if (++sharer->heard == SENDERS) fl_node_stop(fl_self_node(self), 0);
        return;
    }
    char bytes[1000] = {'x'};
    struct fl_shared *shared = fl_shared_new(bytes, sizeof bytes);
    for (int i = 0; i < SENDERS; i++)
        fl_send_shared(self, sharer->readers[i], SHARED, fl_shared_retain(shared));
    fl_shared_release(shared);
}

static int sharer_on_init(struct fl_self *self, void *state, const void *args)
{
    ((struct sharer *)state)->readers = args;
    return stop_late(self);
}

static const struct fl_server sharer_server = {
    .name = "sharer",
    .state_bytes = sizeof(struct sharer),
    .on_init = sharer_on_init,
    .on_cast = sharer_on_cast,
    .on_timer = give_up,
};

static void a_shared_block_is_read_on_both_shards_and_freed_once(void **state)
{
    struct fl_node *node = open_node(2);
    struct fl_pid readers[SENDERS];
    for (int i = 0; i < SENDERS; i++)
        readers[i] = spawn_on(node, i % 2, &reader_server, NULL);
    struct fl_pid sharer = spawn_on(node, 0, &sharer_server, readers);
    fl_node_send(node, sharer, GO, NULL, 0);
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
}

/* ---- a TCP echo server with many peers, on shard 1 */

static int echo_on_init(struct fl_self *self, void *state, const void *args)
{
    return fl_tcp_accept(self, args) == NULL ? FL_EIO : 0;
}

static void echo_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    fl_tcp_write(self, tcp, bytes, len);
}

static void echo_on_tcp_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server echo_server = {
    .name = "echo",
    .on_init = echo_on_init,
    .on_tcp_data = echo_on_tcp_data,
    .on_tcp_closed = echo_on_tcp_closed,
};

static int door_on_init(struct fl_self *self, void *state, const void *args)
{
    struct fl_listen_opts opts = {.server = &echo_server};
    return fl_listen(self, &opts, (int *)(uintptr_t)args, NULL);
}

static const struct fl_server door_server = {
    .name = "door", .on_init = door_on_init, .on_timer = give_up};

struct peers {
    struct fl_node *node;
    int port, right;
};

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval within = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) return -1;
    return fd;
}

static void *peers_thread(void *cx)
{
    struct peers *peers = cx;
    int fds[PEERS];
    for (int i = 0; i < PEERS; i++)
        fds[i] = connect_to(peers->port);
    for (int i = 0; i < PEERS; i++)
        if (write(fds[i], &i, sizeof i) != (ssize_t)sizeof i) break;
    for (int i = 0; i < PEERS; i++) {
        int back = -1;
        if (recv(fds[i], &back, sizeof back, MSG_WAITALL) == (ssize_t)sizeof back && back == i)
            peers->right++;
    }
    for (int i = 0; i < PEERS; i++)
        if (fds[i] >= 0 && i % 2 == 0) close(fds[i]); /* the others are open when the node stops */
    fl_node_stop(peers->node, 3);
    for (int i = 1; i < PEERS; i += 2) {
        char byte;
        if (recv(fds[i], &byte, 1, 0) == 0) peers->right++; /* closed by the server */
        close(fds[i]);
    }
    return NULL;
}

static void an_echo_server_answers_100_peers_and_closes_them_at_stop(void **state)
{
    struct fl_node *node = open_node(2);
    struct peers peers = {.node = node};
    spawn_on(node, 1, &door_server, &peers.port);
    assert_true(peers.port > 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, peers_thread, &peers), 0);
    assert_int_equal(fl_node_run(node), 3);
    pthread_join(thread, NULL);
    fl_node_free(node);
    assert_int_equal(peers.right, PEERS + PEERS / 2);
}

/* ---- fl_blocking does not hold up the shard */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
};

static int wait_for_gate(void *arg)
{
    struct gate *gate = arg;
    pthread_mutex_lock(&gate->lock);
    while (!gate->is_open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return 42;
}

static void waiter_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct gate *gate;
    memcpy(&gate, msg->data, sizeof gate);
    fl_node_stop(fl_self_node(self), fl_blocking(self, wait_for_gate, gate, NULL));
}

static void opener_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct gate *gate;
    memcpy(&gate, msg->data, sizeof gate);
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_signal(&gate->opened);
    pthread_mutex_unlock(&gate->lock);
}

static const struct fl_server waiter_server = {.name = "waiter", .on_cast = waiter_on_cast};
static const struct fl_server opener_server = {.name = "opener", .on_cast = opener_on_cast};

static void a_blocking_job_lets_its_neighbours_run(void **state)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct gate *at = &gate;
    struct fl_node *node = open_node(1);
    struct fl_pid waiter = spawn_on(node, 0, &waiter_server, NULL);
    struct fl_pid opener = spawn_on(node, 0, &opener_server, NULL);
    fl_node_send(node, waiter, GO, &at, sizeof at);
    fl_node_send(node, opener, GO, &at, sizeof at); /* would never run if the shard were blocked */
    assert_int_equal(fl_node_run(node), 42);
    fl_node_free(node);
}

/* ---- a kill waits for a job that may still read the stack */

struct job_world {
    struct gate gate;
    struct fl_pid waiter, watcher;
    bool was_open_at_down;
};

static void job_waiter_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct job_world *world;
    memcpy(&world, msg->data, sizeof world);
    fl_send(self, world->watcher, GO, NULL, 0); /* heard once we are in the job */
    fl_blocking(self, wait_for_gate, &world->gate, NULL);
}

static void job_watcher_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct job_world *world = *(struct job_world **)state;
    fl_monitor(self, world->waiter);
    fl_exit(self, world->waiter, fl_reason_of(FL_EXIT_KILL));
    fl_timer_start(self, fl_ms(20), 0); /* a DOWN that comes too early comes before this */
}

static void job_watcher_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct job_world *world = *(struct job_world **)state;
    pthread_mutex_lock(&world->gate.lock);
    world->gate.is_open = true;
    pthread_cond_signal(&world->gate.opened);
    pthread_mutex_unlock(&world->gate.lock);
}

static void job_watcher_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                                const struct fl_reason *reason)
{
    struct job_world *world = *(struct job_world **)state;
    pthread_mutex_lock(&world->gate.lock);
    world->was_open_at_down = world->gate.is_open;
    world->gate.is_open = true;
    pthread_cond_signal(&world->gate.opened);
    pthread_mutex_unlock(&world->gate.lock);
    fl_node_stop(fl_self_node(self), 0);
}

static int job_watcher_on_init(struct fl_self *self, void *state, const void *args)
{
    *(const void **)state = args;
    return 0;
}

static const struct fl_server job_waiter_server = {.name = "waiter", .on_cast = job_waiter_on_cast};
static const struct fl_server job_watcher_server = {
    .name = "watcher",
    .state_bytes = sizeof(struct job_world *),
    .on_init = job_watcher_on_init,
    .on_cast = job_watcher_on_cast,
    .on_timer = job_watcher_on_timer,
    .on_down = job_watcher_on_down,
};

static void a_process_killed_in_a_job_ends_when_the_job_does(void **state)
{
    struct fl_node *node = open_node(1);
    struct job_world world = {.gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false}};
    struct job_world *at = &world;
    world.waiter = spawn_on(node, 0, &job_waiter_server, NULL);
    world.watcher = spawn_on(node, 0, &job_watcher_server, &world);
    fl_node_send(node, world.waiter, GO, &at, sizeof at);
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
    assert_true(world.was_open_at_down);
}

/* ---- a name is free before its end is heard, also over there */

static void namer_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    int *wrong;
    memcpy(&wrong, msg->data, sizeof wrong);
    for (int i = 0; i < 500; i++) {
        struct fl_spawn_opts opts = {.name = "short", .shard = 1};
        struct fl_pid pid = FL_NO_PID;
        if (fl_spawn(self, &double_server, &opts, &pid) != 0) ++*wrong;
        if (fl_call(self, pid, DIE, NULL, 0, NULL, 0, NULL, fl_s(20)) != FL_EDIED) ++*wrong;
        if (fl_whereis(fl_self_node(self), "short").bits != 0) ++*wrong;
    }
    fl_node_stop(fl_self_node(self), 0);
}

static const struct fl_server namer_server = {.name = "namer", .on_cast = namer_on_cast};

static void b39_a_name_is_free_before_its_end_is_heard_on_another_shard(void **state)
{
    struct fl_node *node = open_node(2);
    int wrong = 0, *at = &wrong;
    struct fl_pid namer = spawn_on(node, 0, &namer_server, NULL);
    fl_node_send(node, namer, GO, &at, sizeof at);
    assert_int_equal(fl_node_run(node), 0);
    fl_node_free(node);
    assert_int_equal(wrong, 0);
}

/* ---- a storm: processes on both shards start, link, watch, call and end each other */

#define STORM_STEPS 4000
#define STORM_KNOWN 64

enum { STORM_STEP = 20, STORM_NEW };

struct storm {
    struct fl_rng rng;
    struct fl_pid known[STORM_KNOWN];
    atomic_int *steps;
};

extern const struct fl_server storm_server;

struct storm_args {
    atomic_int *steps;
    struct fl_pid parent;
    uint64_t seed;
};

static int storm_on_init(struct fl_self *self, void *state, const void *args)
{
    const struct storm_args *opts = args;
    struct storm *storm = state;
    storm->steps = opts->steps;
    fl_rng_init(&storm->rng, opts->seed);
    for (int i = 0; i < STORM_KNOWN; i++)
        storm->known[i] = opts->parent;
    fl_self_trap_exits(self, fl_rng_between(&storm->rng, 0, 1) == 1);
    fl_self_alloc(self, 100);
    fl_timer_start(self, fl_ms(fl_rng_between(&storm->rng, 0, 50)), STORM_STEP);
    return fl_rng_between(&storm->rng, 0, 19) == 0 ? FL_EREFUSED : 0;
}

static void storm_learn(struct storm *storm, struct fl_pid pid)
{
    if (pid.bits != 0) storm->known[fl_rng_between(&storm->rng, 0, STORM_KNOWN - 1)] = pid;
}

static void storm_spawn(struct fl_self *self, struct storm *storm)
{
    struct storm_args args = {
        .steps = storm->steps, .parent = fl_self_pid(self), .seed = fl_rng_next(&storm->rng)};
    struct fl_spawn_opts opts = {.args = &args, .shard = (int)fl_rng_between(&storm->rng, -1, 1)};
    if (fl_rng_between(&storm->rng, 0, 1) == 0) opts.link_to = fl_self_pid(self);
    struct fl_pid pid = FL_NO_PID;
    fl_spawn(self, &storm_server, &opts, &pid);
    storm_learn(storm, pid);
}

static void storm_step(struct fl_self *self, struct storm *storm)
{
    static const enum fl_exit_kind kinds[] = {FL_EXIT_NORMAL, FL_EXIT_SHUTDOWN, FL_EXIT_KILL,
                                              FL_EXIT_ERROR, FL_EXIT_CRASH};
    if (atomic_fetch_add(storm->steps, 1) > STORM_STEPS) {
        fl_node_stop(fl_self_node(self), 0);
        return;
    }
    struct fl_pid other = storm->known[fl_rng_between(&storm->rng, 0, STORM_KNOWN - 1)];
    uint64_t word = 1;
    char text[300] = "long enough to need a block of its own";
    switch (fl_rng_between(&storm->rng, 0, 12)) {
    case 0:
        storm_spawn(self, storm);
        break;
    case 1:
        storm_spawn(self, storm);
        break;
    case 2:
        fl_link(self, other);
        break;
    case 3:
        fl_unlink(self, other);
        break;
    case 4:
        fl_demonitor(self, fl_monitor(self, other));
        break;
    case 5:
        fl_monitor(self, other);
        break;
    case 6:
        fl_exit(self, other, fl_reason_of(kinds[fl_rng_between(&storm->rng, 0, 4)]));
        break;
    case 7:
        fl_call(self, other, 0, text, sizeof text, &word, sizeof word, NULL, fl_ms(20));
        break;
    case 8:
        fl_call_async(self, other, 0, &word, sizeof word, fl_ms(20));
        break;
    case 9:
        fl_timer_cancel(self, fl_timer_start(self, fl_ms(1), 0));
        break;
    case 10:
        fl_send(self, other, STORM_NEW, &other, sizeof other);
        break;
    default:
        break;
    }
    fl_send(self, other, STORM_STEP, text, sizeof text);
    fl_send(self, fl_self_pid(self), STORM_STEP, NULL, 0);
    fl_timer_start(self, fl_ms(5), STORM_STEP);
}

static void storm_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == STORM_NEW)
        storm_learn(state, *(const struct fl_pid *)msg->data);
    else
        storm_step(self, state);
}

static void storm_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct storm *storm = state;
    if (fl_rng_between(&storm->rng, 0, 3) == 0) return; /* never answers */
    if (fl_rng_between(&storm->rng, 0, 9) == 0) fl_self_fail(self, FL_EREFUSED);
    fl_self_reply(self, msg->from, msg->ref, msg->data, msg->len);
    storm_learn(storm, msg->from);
}

static void storm_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    storm_step(self, state);
}

static void storm_on_terminate(struct fl_self *self, void *state, const struct fl_reason *reason)
{
    struct storm *storm = state;
    fl_call(self, storm->known[0], 0, NULL, 0, NULL, 0, NULL, fl_ms(1));
}

const struct fl_server storm_server = {
    .name = "storm",
    .state_bytes = sizeof(struct storm),
    .on_init = storm_on_init,
    .on_cast = storm_on_cast,
    .on_call = storm_on_call,
    .on_timer = storm_on_timer,
    .on_terminate = storm_on_terminate,
};

/* Keeps a few alive whatever happens, and knows when to give up. */
static void seeder_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    struct storm_args *args = state;
    if (tag == 99) {
        fl_node_stop(fl_self_node(self), 99);
        return;
    }
    for (int i = 0; i < 4; i++) {
        args->seed++;
        args->parent = FL_NO_PID; /* nobody learns of the seeder, so nobody ends it */
        struct fl_spawn_opts opts = {.args = args, .shard = i % 2};
        fl_spawn(self, &storm_server, &opts, NULL);
    }
    fl_timer_start(self, fl_ms(10), 0);
}

static void ignore_cast(struct fl_self *self, void *state, const struct fl_msg *msg) {}

static int seeder_on_init(struct fl_self *self, void *state, const void *args)
{
    *(struct storm_args *)state = *(const struct storm_args *)args;
    fl_timer_start(self, 0, 0);
    return stop_late(self);
}

static const struct fl_server seeder_server = {
    .name = "seeder",
    .state_bytes = sizeof(struct storm_args),
    .on_init = seeder_on_init,
    .on_timer = seeder_on_timer,
    .on_cast = ignore_cast,
};

static void a_storm_of_starts_calls_and_kills_ends_cleanly(void **state)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct fl_node *node = open_node(2);
        atomic_int steps = 0;
        struct storm_args args = {.steps = &steps, .seed = seed * 1000};
        spawn_on(node, 0, &seeder_server, &args);
        spawn_on(node, 1, &seeder_server, &args);
        assert_int_equal(fl_node_run(node), 0);
        fl_node_free(node);
        assert_true(atomic_load(&steps) > STORM_STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b43_pairwise_fifo_holds_between_shards),
        cmocka_unit_test(calls_spawns_links_and_monitors_work_between_shards),
        cmocka_unit_test(a_shared_block_is_read_on_both_shards_and_freed_once),
        cmocka_unit_test(an_echo_server_answers_100_peers_and_closes_them_at_stop),
        cmocka_unit_test(a_blocking_job_lets_its_neighbours_run),
        cmocka_unit_test(a_process_killed_in_a_job_ends_when_the_job_does),
        cmocka_unit_test(b39_a_name_is_free_before_its_end_is_heard_on_another_shard),
        cmocka_unit_test(a_storm_of_starts_calls_and_kills_ends_cleanly),
    };
    return cmocka_run_group_tests_name("two shards", tests, NULL, NULL);
}
