#include "tests/support/testkit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/node.h"
#include "runtime/tcp.h"

#define BIG (16u * 1024 * 1024) /* more than the kernel buffers for us */

/* One connection process; what it does with its peer is chosen by the test. */
struct world {
    struct fl_node *node;
    int port;
    void (*on_data)(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                    const void *bytes, size_t len);
    void *(*peer)(void *world); /* runs on a thread of its own, with plain sockets */
    int connections_max;
    atomic_int closed, accepted;
    int write_codes[3];
    size_t queued, got;
    int right;
};

struct conn {
    struct world *world;
    struct fl_tcp *tcp;
    int chunks;
};

static int conn_on_init(struct fl_self *self, void *state, const void *args)
{
    struct conn *conn = state;
    conn->world = (struct world *)(uintptr_t)((const struct fl_tcp_args *)args)->args;
    conn->tcp = fl_tcp_accept(self, args);
    atomic_fetch_add(&conn->world->accepted, 1);
    return 0;
}

static void conn_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    struct conn *conn = state;
    assert_ptr_equal(conn->tcp, tcp);
    conn->world->on_data(self, conn->world, tcp, bytes, len);
}

static void conn_on_tcp_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    struct conn *conn = state;
    atomic_fetch_add(&conn->world->closed, 1);
    assert_int_equal(fl_tcp_write(self, tcp, "x", 1), FL_ESTATE);
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static const struct fl_server conn_server = {
    .name = "conn",
    .state_bytes = sizeof(struct conn),
    .on_init = conn_on_init,
    .on_tcp_data = conn_on_tcp_data,
    .on_tcp_closed = conn_on_tcp_closed,
};

static int door_on_init(struct fl_self *self, void *state, const void *args)
{
    struct world *world = (struct world *)(uintptr_t)args;
    struct fl_listen_opts opts = {
        .server = &conn_server, .args = world, .connections_max = world->connections_max};
    fl_timer_start(self, fl_s(40), 0);
    return fl_listen(self, &opts, &world->port, NULL);
}

static void door_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    fl_node_stop(fl_self_node(self), 99);
}

static const struct fl_server door_server = {
    .name = "door", .on_init = door_on_init, .on_timer = door_on_timer};

static int connect_to(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval within = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &within, sizeof within);
    return connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 ? fd : -1;
}

static size_t read_to_end(int fd, size_t *wrong)
{
    static _Thread_local char buf[65536];
    size_t got = 0;
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            *wrong += buf[i] != (char)('a' + (got + (size_t)i) % 26);
        got += (size_t)n;
    }
    *wrong += n < 0;
    return got;
}

static char *alphabet(size_t len)
{
    char *text = fl_alloc(len);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    return text;
}

static void mute_on_call(struct fl_self *self, void *state, const struct fl_msg *msg) {}
static const struct fl_server mute_server = {.name = "mute", .on_call = mute_on_call};

static void open_world(struct world *world)
{
    struct fl_node_opts opts = {.shards = 1};
    struct fl_spawn_opts door = {.args = world}, mute = {.name = "mute"};
    assert_int_equal(fl_node_new(&world->node, &opts, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &mute_server, &mute, NULL), 0);
    assert_int_equal(fl_node_spawn(world->node, &door_server, &door, NULL), 0);
}

static void run_world(struct world *world)
{
    open_world(world);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, world->peer, world), 0);
    assert_int_equal(fl_node_run(world->node), 0);
    pthread_join(thread, NULL);
    fl_node_free(world->node);
}

/* ---- everything that was written before the process ended arrives */

static void write_big_and_end(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                              const void *bytes, size_t len)
{
    char *text = alphabet(BIG);
    struct fl_shared *body = fl_shared_new(text + 100, BIG - 100);
    world->write_codes[0] = fl_tcp_write_shared(self, tcp, text, 100, body);
    fl_shared_release(body);
    free(text);
    world->queued = fl_tcp_queued(tcp);
    fl_tcp_close(self, tcp, fl_s(20));
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void *peer_reads_all(void *cx)
{
    struct world *world = cx;
    size_t wrong = 0;
    int fd = connect_to(world->port);
    if (write(fd, "go", 2) == 2) world->got = read_to_end(fd, &wrong);
    world->right = wrong == 0;
    close(fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void a_close_with_linger_delivers_all_that_was_written(void **state)
{
    struct world world = {.on_data = write_big_and_end, .peer = peer_reads_all};
    run_world(&world);
    assert_int_equal(world.write_codes[0], 0);
    assert_true(world.queued > 0); /* it did not fit at once, or this tests nothing */
    assert_int_equal(world.got, BIG);
    assert_int_equal(world.right, 1);
    assert_int_equal(atomic_load(&world.closed), 0);
}

/* ---- a peer that does not read is too slow, and says so as a value */

static void write_until_full(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    static const char block[65536] = {0};
    fl_tcp_set_out_max(tcp, 200000);
    int rc = 0;
    while ((rc = fl_tcp_write(self, tcp, block, sizeof block)) == 0)
        world->got += sizeof block;
    world->write_codes[0] = rc;
    world->queued = fl_tcp_queued(tcp);
    fl_tcp_close(self, tcp, 0);
    world->write_codes[1] = fl_tcp_write(self, tcp, "x", 1);
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
    fl_node_stop(fl_self_node(self), 0);
}

static void a_slow_reader_is_an_error_value_and_memory_stays_bounded(void **state)
{
    struct world world = {.on_data = write_until_full};
    open_world(&world);
    int fd = connect_to(world.port);
    assert_int_equal(write(fd, "go", 2), 2); /* and never reads */
    assert_int_equal(fl_node_run(world.node), 0);
    fl_node_free(world.node);
    close(fd);
    assert_int_equal(world.write_codes[0], FL_EFULL);
    assert_int_equal(world.write_codes[1], FL_ESTATE);
    assert_true(world.queued > 0 && world.queued <= 200000);
}

/* ---- a peer that closes its side still gets its answer, and a full house closes the door */

static void echo(struct fl_self *self, struct world *world, struct fl_tcp *tcp, const void *bytes,
                 size_t len)
{
    fl_tcp_write(self, tcp, bytes, len);
}

static void write_big(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                      const void *bytes, size_t len)
{
    char *text = alphabet(BIG);
    world->write_codes[0] = fl_tcp_write(self, tcp, text, BIG);
    world->queued = fl_tcp_queued(tcp);
    free(text);
}

static void *peer_half_closes(void *cx)
{
    struct world *world = cx;
    size_t wrong = 0;
    int fd = connect_to(world->port);
    if (write(fd, "go", 2) == 2) shutdown(fd, SHUT_WR);
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    poll(&answer, 1, 20000);
    /* the server hears of our end before the answer is out: it is larger than all buffers */
    world->got = read_to_end(fd, &wrong);
    world->right = wrong == 0;
    close(fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void a_half_closed_peer_gets_its_whole_answer(void **state)
{
    struct world world = {.on_data = write_big, .peer = peer_half_closes};
    run_world(&world);
    assert_int_equal(world.write_codes[0], 0);
    assert_true(world.queued > 0);
    assert_int_equal(world.got, BIG);
    assert_int_equal(world.right, 1);
    assert_int_equal(atomic_load(&world.closed), 1);
}

static void *peer_comes_three_times(void *cx)
{
    struct world *world = cx;
    char byte = 0;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = connect_to(world->port);
        if (write(fds[i], "a", 1) != 1) continue;
        if (recv(fds[i], &byte, 1, 0) == 1) world->right++; /* the third one is closed instead */
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void above_connections_max_a_connection_is_closed_at_once(void **state)
{
    struct world world = {.on_data = echo, .peer = peer_comes_three_times, .connections_max = 2};
    run_world(&world);
    assert_int_equal(world.right, 2);
    assert_int_equal(atomic_load(&world.accepted), 2);
}

/* ---- an owner that is blocked slows its peer, and loses nothing */

static void read_slowly(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                        const void *bytes, size_t len)
{
    const char *text = bytes;
    for (size_t i = 0; i < len; i++)
        world->right += text[i] == (char)('a' + (world->got + i) % 26);
    world->got += len;
    /* blocked in the middle of the handler: the shard and its loop go on, this owner does not */
    fl_call(self, fl_whereis(world->node, "mute"), 1, NULL, 0, NULL, 0, NULL, fl_ms(1));
    if (world->got == BIG) fl_node_stop(world->node, 0);
}

static void *peer_writes_big(void *cx)
{
    struct world *world = cx;
    int fd = connect_to(world->port);
    char *text = alphabet(BIG);
    size_t sent = 0;
    ssize_t n;
    while (sent < BIG && (n = send(fd, text + sent, BIG - sent, MSG_NOSIGNAL)) > 0)
        sent += (size_t)n;
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    poll(&end, 1, 20000);
    close(fd);
    free(text);
    return NULL;
}

static void a_blocked_owner_loses_no_byte(void **state)
{
    struct world world = {.on_data = read_slowly, .peer = peer_writes_big};
    run_world(&world);
    assert_int_equal(world.got, BIG);
    assert_int_equal(world.right, BIG);
}

/* ---- a writer may wait for its reader */

static void write_big_and_wait(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                               const void *bytes, size_t len)
{
    char *text = alphabet(BIG);
    fl_tcp_set_out_max(tcp, BIG);
    fl_tcp_write(self, tcp, text, BIG);
    free(text);
    world->queued = fl_tcp_queued(tcp);
    world->write_codes[0] = fl_tcp_await_room(self, tcp, BIG, 0); /* there is room already */
    world->write_codes[1] = fl_tcp_await_room(self, tcp, 0, fl_ms(1));
    fl_node_send(world->node, fl_whereis(world->node, "reader"), 0, NULL, 0);
    world->write_codes[2] = fl_tcp_await_room(self, tcp, 0, fl_s(20));
    world->queued -= fl_tcp_queued(tcp) > 0;
    fl_tcp_close(self, tcp, fl_s(20));
}

static void *peer_reads_when_told(void *cx)
{
    struct world *world = cx;
    size_t wrong = 0;
    char byte;
    int fd = connect_to(world->port);
    if (write(fd, "go", 2) != 2 || read(world->right, &byte, 1) != 1) return NULL;
    world->got = read_to_end(fd, &wrong) - wrong;
    close(fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void reader_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    const int *fd = state;
    assert_int_equal(write(*fd, "r", 1), 1);
}

static int reader_on_init(struct fl_self *self, void *state, const void *args)
{
    *(int *)state = *(const int *)args;
    return 0;
}

static const struct fl_server reader_server = {.name = "reader",
                                               .state_bytes = sizeof(int),
                                               .on_init = reader_on_init,
                                               .on_cast = reader_on_cast};

static void a_writer_waits_until_there_is_room(void **state)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct world world = {.on_data = write_big_and_wait, .right = fds[0]};
    open_world(&world);
    struct fl_spawn_opts reader = {.name = "reader", .args = &fds[1]};
    assert_int_equal(fl_node_spawn(world.node, &reader_server, &reader, NULL), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, peer_reads_when_told, &world), 0);
    assert_int_equal(fl_node_run(world.node), 0);
    pthread_join(thread, NULL);
    fl_node_free(world.node);
    close(fds[0]);
    close(fds[1]);
    assert_true(world.queued > 0);
    assert_int_equal(world.write_codes[0], 0);
    assert_int_equal(world.write_codes[1], FL_ETIMEOUT);
    assert_int_equal(world.write_codes[2], 0);
    assert_int_equal(world.got, BIG);
}

static void write_big_and_die(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                              const void *bytes, size_t len)
{
    write_big(self, world, tcp, bytes, len);
    fl_exit(self, fl_self_pid(self), fl_reason_of(FL_EXIT_KILL));
    fl_tcp_await_room(self, tcp, 0, fl_s(20));
    world->right = 1; /* not reached */
}

static void *peer_sees_the_end(void *cx)
{
    struct world *world = cx;
    size_t wrong = 0;
    int fd = connect_to(world->port);
    if (write(fd, "go", 2) == 2) world->got = read_to_end(fd, &wrong);
    close(fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void a_writer_that_is_killed_while_it_waits_is_gone(void **state)
{
    struct world world = {.on_data = write_big_and_die, .peer = peer_sees_the_end};
    run_world(&world);
    assert_true(world.got < BIG);
    assert_int_equal(world.right, 0);
}

static void *peer_leaves_the_waiting(void *cx)
{
    struct world *world = cx;
    char byte;
    int fd = connect_to(world->port);
    if (write(fd, "go", 2) != 2 || read(fd, &byte, 1) != 1) return NULL;
    close(fd); /* with bytes unread: that is a reset */
    return NULL;
}

static void write_big_and_wait_alone(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                                     const void *bytes, size_t len)
{
    write_big(self, world, tcp, bytes, len);
    world->write_codes[1] = fl_tcp_await_room(self, tcp, 0, fl_s(20));
    fl_node_stop(world->node, 0);
}

static void a_writer_whose_reader_leaves_is_told(void **state)
{
    struct world world = {.on_data = write_big_and_wait_alone, .peer = peer_leaves_the_waiting};
    run_world(&world);
    assert_int_equal(world.write_codes[1], FL_ESTATE);
}

/* ---- what is written within a turn goes out together, in order, whatever its size */

/* Pieces of all sizes, copied and shared, one behind the other; how many bytes they are. */
static size_t write_pieces(struct fl_self *self, struct fl_tcp *tcp, const char *text)
{
    static const size_t sizes[] = {1, 40, 511, 512, 700, 3, 2000, 26, 100000, 7};
    size_t at = 0;
    for (size_t i = 0; i < 400; i++) {
        size_t len = sizes[i % FL_COUNT(sizes)];
        const char *from = text + at % 26;
        int rc = 0;
        if (i % 3 == 0) {
            struct fl_shared *body = fl_shared_new(from + len / 2, len - len / 2);
            rc = fl_tcp_write_shared(self, tcp, from, len / 2, body);
            fl_shared_release(body);
        } else if (i % 3 == 1) {
            rc = fl_tcp_write_both(self, tcp, from, len / 2, from + len / 2, len - len / 2);
        } else {
            rc = fl_tcp_write(self, tcp, from, len);
        }
        assert_int_equal(rc, 0);
        at += len;
    }
    return at;
}

static void write_pieces_and_close(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                                   const void *bytes, size_t len)
{
    char *text = alphabet(200000);
    fl_tcp_set_delay_send(tcp, true);
    fl_tcp_set_out_max(tcp, BIG);
    assert_int_equal(fl_tcp_write(self, tcp, text, 26), 0);
    world->queued = fl_tcp_queued(tcp); /* nothing has gone yet */
    assert_int_equal(fl_tcp_write(self, tcp, text, 26), 0);
    world->write_codes[1] = (int)write_pieces(self, tcp, text) + 52;
    free(text);
    fl_tcp_close(self, tcp, fl_s(20));
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void many_small_writes_go_out_together_and_in_order(void **state)
{
    struct world world = {.on_data = write_pieces_and_close, .peer = peer_reads_all};
    run_world(&world);
    assert_int_equal(world.queued, 26);
    assert_int_equal(world.got, world.write_codes[1]);
    assert_int_equal(world.right, 1);
}

static void write_little_and_end(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                                 const void *bytes, size_t len)
{
    char *text = alphabet(1000);
    fl_tcp_set_delay_send(tcp, true);
    for (int i = 0; i < 3; i++)
        fl_tcp_write(self, tcp, text, 260);
    free(text);
    fl_self_exit(self, fl_reason_of(FL_EXIT_NORMAL));
}

static void what_was_gathered_goes_out_when_its_owner_ends(void **state)
{
    struct world world = {.on_data = write_little_and_end, .peer = peer_reads_all};
    run_world(&world);
    assert_int_equal(world.got, 780);
    assert_int_equal(world.right, 1);
}

/* ---- a peer that asks for more than it takes is not read any more, until it does take */

static void echo_bounded(struct fl_self *self, struct world *world, struct fl_tcp *tcp,
                         const void *bytes, size_t len)
{
    fl_tcp_set_out_high(tcp, 100000);
    fl_tcp_set_delay_send(tcp, true);
    world->write_codes[0] |= fl_tcp_write(self, tcp, bytes, len);
    if (fl_tcp_queued(tcp) > world->queued) world->queued = fl_tcp_queued(tcp);
}

static void *peer_writes_then_reads(void *cx)
{
    struct world *world = cx;
    int fd = connect_to(world->port);
    char *text = alphabet(BIG);
    char *back = fl_alloc(BIG);
    size_t sent = 0;
    ssize_t n;
    /* until nobody takes it: the buffers of both directions are full, and the echo's queue is */
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (sent < BIG && poll(&room, 1, 500) == 1 &&
           (n = send(fd, text + sent, BIG - sent, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
        sent += (size_t)n;
    world->write_codes[1] = sent < BIG;
    while (world->got < sent && (n = recv(fd, back + world->got, BIG - world->got, 0)) > 0)
        world->got += (size_t)n;
    world->right = world->got == sent && memcmp(text, back, sent) == 0;
    free(text);
    free(back);
    close(fd);
    fl_node_stop(world->node, 0);
    return NULL;
}

static void a_peer_that_asks_for_more_than_it_takes_is_slowed_down(void **state)
{
    struct world world = {.on_data = echo_bounded, .peer = peer_writes_then_reads};
    run_world(&world);
    assert_int_equal(world.write_codes[0], 0);
    assert_int_equal(world.write_codes[1], 1); /* it was held up */
    assert_int_equal(world.right, 1);
    assert_true(world.queued < 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_with_linger_delivers_all_that_was_written),
        cmocka_unit_test(a_slow_reader_is_an_error_value_and_memory_stays_bounded),
        cmocka_unit_test(a_half_closed_peer_gets_its_whole_answer),
        cmocka_unit_test(above_connections_max_a_connection_is_closed_at_once),
        cmocka_unit_test(a_blocked_owner_loses_no_byte),
        cmocka_unit_test(many_small_writes_go_out_together_and_in_order),
        cmocka_unit_test(what_was_gathered_goes_out_when_its_owner_ends),
        cmocka_unit_test(a_peer_that_asks_for_more_than_it_takes_is_slowed_down),
        cmocka_unit_test(a_writer_waits_until_there_is_room),
        cmocka_unit_test(a_writer_that_is_killed_while_it_waits_is_gone),
        cmocka_unit_test(a_writer_whose_reader_leaves_is_told),
    };
    return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
