#include "tests/story/runtime/player.h"

#include "runtime/agent.h"

/* An agent: shared state in a process. */

struct purse {
    int64_t coins;
};

static void begin(struct fl_self *self, void *state, const void *args, size_t len,
                  struct fl_buf *reply)
{
    struct purse *purse = state;
    assert_null(reply);
    memcpy(&purse->coins, args, len);
}

static void add(struct fl_self *self, void *state, const void *args, size_t len,
                struct fl_buf *reply)
{
    struct purse *purse = state;
    int64_t more;
    assert_int_equal(len, sizeof more);
    memcpy(&more, args, len);
    fl_buf_add(reply, &purse->coins, sizeof purse->coins); /* what there was */
    purse->coins += more;
}

static void look(struct fl_self *self, void *state, const void *args, size_t len,
                 struct fl_buf *reply)
{
    const struct purse *purse = state;
    fl_buf_add(reply, &purse->coins, sizeof purse->coins);
}

static void tear(struct fl_self *self, void *state, const void *args, size_t len,
                 struct fl_buf *reply)
{
    fl_buf_puts(reply, "nobody gets this");
    fl_self_fail(self, FL_EIO);
}

static void dawdle(struct fl_self *self, void *state, const void *args, size_t len,
                   struct fl_buf *reply)
{
    fl_buf_puts(reply, "late");
    fl_pause(self, fl_s(5));
}

static int64_t coins(struct fl_self *self, struct fl_pid agent)
{
    int64_t there = -1;
    size_t len = 0;
    int rc = fl_agent_get(self, agent, look, NULL, 0, &there, sizeof there, &len, fl_s(1));
    assert_int_equal(rc, 0);
    assert_int_equal(len, sizeof there);
    return there;
}

static struct fl_pid open_purse(struct fl_self *self, const char *name)
{
    int64_t first = 7;
    struct fl_pid agent;
    struct fl_agent_opts opts = {
        .state_bytes = sizeof(struct purse), .init = begin, .args = &first, .len = sizeof first};
    assert_int_equal(fl_agent_start(self, &opts, name, &agent), 0);
    return agent;
}

static void uses_it(struct fl_self *self, struct world *w)
{
    struct fl_pid agent = open_purse(self, "purse"), again = FL_NO_PID;
    struct fl_agent_opts opts = {0};
    assert_int_equal(fl_agent_start(self, &opts, "purse", &again), FL_ETAKEN);
    int64_t two = 2, before = 0;
    assert_int_equal(fl_agent_update(self, agent, add, &two, sizeof two, fl_s(1)), 0);
    write_down(w, "updated: %d\n", (int)coins(self, agent));
    assert_int_equal(fl_agent_cast(self, agent, add, &two, sizeof two), 0);
    write_down(w, "cast: %d\n", (int)coins(self, agent));
    int rc = fl_agent_get_and_update(self, agent, add, &two, sizeof two, &before, sizeof before,
                                     NULL, fl_s(1));
    assert_int_equal(rc, 0);
    write_down(w, "had: %d, has: %d\n", (int)before, (int)coins(self, agent));
    rc = fl_agent_stop(self, agent, fl_reason_of(FL_EXIT_NORMAL), fl_s(1));
    write_down(w, "stopped: %s\n", fl_code_name(rc));
    rc = fl_agent_stop(self, agent, fl_reason_of(FL_EXIT_NORMAL), fl_s(1));
    write_down(w, "stopped: %s\n", fl_code_name(rc));
    rc = fl_agent_update(self, agent, add, &two, sizeof two, fl_s(1));
    write_down(w, "updated: %s\n", fl_code_name(rc));
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void an_agent_is_read_and_changed_one_at_a_time(void **state)
{
    struct world *w = *state;
    world_play(w, uses_it, fl_s(1));
    expect_diary(w, "updated: 9\ncast: 11\nhad: 11, has: 13\nstopped: ok\n"
                    "stopped: no such process\nupdated: no such process\nleft: 0\n");
}

static void breaks_it(struct fl_self *self, struct world *w)
{
    char text[96];
    struct fl_pid agent = open_purse(self, NULL);
    fl_unlink(self, agent);
    int rc = fl_agent_update(self, agent, dawdle, NULL, 0, fl_s(1));
    write_down(w, "dawdled: %s\n", fl_code_name(rc));
    fl_pause(self, fl_s(10)); /* its late answer is nobody's */
    write_down(w, "has: %d, left: %zu\n", (int)coins(self, agent), fl_self_mailbox_len(self));
    rc = fl_agent_update(self, agent, tear, NULL, 0, fl_s(1));
    write_down(w, "tore: %s, %s\n", fl_code_name(rc),
               fl_reason_show(fl_call_reason(self), text, sizeof text));
}

static void what_fails_inside_ends_the_agent_only(void **state)
{
    struct world *w = *state;
    world_play(w, breaks_it, fl_s(60));
    expect_diary(w, "dawdled: timeout\nhas: 7, left: 0\n"
                    "tore: died before it answered, error: input/output error\n");
}

static void stops_slowly(struct fl_self *self, struct world *w)
{
    struct fl_pid agent = open_purse(self, NULL);
    fl_unlink(self, agent);
    fl_agent_cast(self, agent, dawdle, NULL, 0);
    int rc = fl_agent_stop(self, agent, fl_reason_of(FL_EXIT_SHUTDOWN), fl_s(1));
    write_down(w, "stop: %s\n", fl_code_name(rc));
    rc = fl_agent_stop(self, agent, fl_reason_of(FL_EXIT_NORMAL), fl_s(60));
    write_down(w, "stop: %s\n", fl_code_name(rc)); /* the first reason stays */
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void stopping_comes_after_what_was_asked_before(void **state)
{
    struct world *w = *state;
    world_play(w, stops_slowly, fl_s(60));
    expect_diary(w, "stop: timeout\nstop: died before it answered\nleft: 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_agent_is_read_and_changed_one_at_a_time),
        STORY(what_fails_inside_ends_the_agent_only),
        STORY(stopping_comes_after_what_was_asked_before),
    };
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
