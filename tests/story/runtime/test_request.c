#include "tests/story/runtime/player.h"

#include "runtime/request.h"

/* Many calls at once. OTP cases 88 and 89. */

enum { ECHO_AFTER = 1, REFUSE, DIE };

static void echo(struct fl_self *self, struct world *w)
{
    struct fl_msg msg;
    while (fl_receive(self, NULL, NULL, FL_NEVER, &msg) == 0) {
        struct fl_pid from = msg.from;
        uint64_t ref = msg.ref;
        fl_ns after_ns = 0;
        if (msg.kind == FL_MSG_CAST) write_down(w, "cast %u\n", msg.tag);
        if (msg.kind != FL_MSG_CALL) continue;
        if (msg.len == sizeof after_ns) memcpy(&after_ns, msg.data, sizeof after_ns);
        if (msg.tag == DIE) return;
        if (msg.tag == REFUSE) {
            fl_self_reply_error(self, from, ref, FL_EREFUSED);
            continue;
        }
        if (after_ns > 0) fl_pause(self, after_ns);
        fl_self_reply(self, from, ref, &after_ns, sizeof after_ns);
    }
}

static struct fl_pid echoes[4];

static uint64_t ask(struct fl_self *self, struct fl_requests *requests, int who, uint32_t tag,
                    fl_ns after_ns)
{
    return fl_requests_send(self, requests, echoes[who], tag, &after_ns, sizeof after_ns,
                            (uint64_t)who);
}

static void show(struct world *w, int rc, const struct fl_response *response)
{
    if (rc != 0)
        write_down(w, "%s\n", fl_code_name(rc));
    else
        write_down(w, "%d: %s\n", (int)response->label, fl_code_name(response->code));
}

static int setup(void **state)
{
    world_setup(state);
    struct world *w = *state;
    for (size_t i = 0; i < FL_COUNT(echoes); i++)
        echoes[i] = world_start(w, echo);
    fl_sim_run(w->node, 0);
    return 0;
}

/* ---- 89 */

static void collects(struct fl_self *self, struct world *w)
{
    struct fl_requests requests = {0};
    struct fl_response response;
    show(w, fl_requests_receive(self, &requests, fl_s(1), &response), &response);
    ask(self, &requests, 0, ECHO_AFTER, fl_s(3));
    ask(self, &requests, 1, ECHO_AFTER, fl_s(1));
    uint64_t ref = ask(self, &requests, 2, ECHO_AFTER, fl_s(2));
    assert_int_equal(fl_requests_add(self, &requests, ref, 9), FL_ETAKEN);
    assert_int_equal(fl_requests_count(&requests), 3);
    for (int i = 0; i < 4; i++)
        show(w, fl_requests_receive(self, &requests, fl_s(5), &response), &response);
    ask(self, &requests, 0, DIE, 0);
    ask(self, &requests, 1, REFUSE, 0);
    fl_pause(self, fl_ms(1));
    ask(self, &requests, 0, ECHO_AFTER, 0); /* it is gone */
    bool seen[2] = {false};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fl_requests_receive(self, &requests, fl_s(5), &response), 0);
        if (response.label == 1) assert_int_equal(response.code, FL_EREFUSED);
        if (response.label == 0) seen[response.code == FL_ENOPROC] = true;
    }
    assert_true(seen[0] && seen[1]);
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void c89_answers_come_as_they_are_ready_with_their_labels(void **state)
{
    struct world *w = *state;
    world_play(w, collects, fl_s(60));
    expect_diary(w, "not found\n1: ok\n2: ok\n0: ok\nnot found\nleft: 0\n");
}

static void runs_out_of_time(struct fl_self *self, struct world *w)
{
    struct fl_requests requests = {0};
    struct fl_response response;
    fl_ns deadline_ns = fl_self_now(self) + fl_ms(1500);
    ask(self, &requests, 0, ECHO_AFTER, fl_s(1));
    ask(self, &requests, 1, ECHO_AFTER, fl_s(2));
    ask(self, &requests, 2, ECHO_AFTER, fl_s(3));
    show(w, fl_requests_wait_until(self, &requests, deadline_ns, &response), &response);
    show(w, fl_requests_wait_until(self, &requests, deadline_ns, &response), &response);
    show(w, fl_requests_wait(self, &requests, fl_s(1), &response), &response);
    deadline_ns = fl_self_now(self) + fl_ms(100);
    show(w, fl_requests_receive_until(self, &requests, deadline_ns, &response), &response);
    show(w, fl_requests_receive_until(self, &requests, deadline_ns, &response), &response);
    fl_pause(self, fl_s(10)); /* the last answer comes, and is nobody's */
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void c89_waiting_can_go_on_receiving_gives_up(void **state)
{
    struct world *w = *state;
    world_play(w, runs_out_of_time, fl_s(60));
    expect_diary(w, "0: ok\ntimeout\n1: ok\ntimeout\nnot found\nleft: 0\n");
}

static void checks(struct fl_self *self, struct world *w)
{
    struct fl_requests requests = {0};
    struct fl_response response;
    struct fl_msg msg;
    fl_send(self, fl_self_pid(self), 5, NULL, 0);
    ask(self, &requests, 2, ECHO_AFTER, 0);
    for (int i = 0; i < 2; i++) {
        fl_receive(self, NULL, NULL, fl_s(1), &msg);
        show(w, fl_requests_check(&requests, &msg, &response), &response);
    }
    show(w, fl_requests_check(&requests, &msg, &response), &response);
    fl_requests_abandon(self, &requests);
}

static void c89_any_message_can_be_asked_whether_it_is_an_answer(void **state)
{
    struct world *w = *state;
    world_play(w, checks, fl_s(60));
    expect_diary(w, "bad message\n2: ok\nnot found\n");
}

/* ---- 88 */

static void names_itself(struct fl_self *self, struct world *w)
{
    fl_self_register(self, w->last.bits % 2 == 0 ? "even" : "odd");
    echo(self, w);
}

static void casts_to_all(struct fl_self *self, struct world *w)
{
    static const char *const names[] = {"even", "nobody", "odd"};
    write_down(w, "reached: %zu\n", fl_abcast(self, names, 3, 42, NULL, 0));
}

static void c88_a_cast_goes_to_all_who_have_a_name(void **state)
{
    struct world *w = *state;
    world_play(w, names_itself, 0);
    world_play(w, names_itself, 0);
    world_play(w, casts_to_all, 0);
    assert_non_null(strstr(w->diary, "reached: 2\n"));
    assert_int_equal(strlen(w->diary), strlen("reached: 2\ncast 42\ncast 42\n"));
}

static void on_good(void *cx, size_t index, const void *data, size_t len)
{
    write_down((struct world *)cx, "good %zu\n", index);
}

static void calls_all(struct fl_self *self, struct world *w)
{
    size_t bad[5];
    fl_ns after_ns = fl_s(1);
    for (int late = 0; late < 2; late++) {
        fl_exit(self, echoes[3], fl_reason_of(FL_EXIT_KILL));
        const struct fl_pid targets[] = {echoes[0], echoes[3], echoes[1], fl_self_pid(self)};
        size_t good = fl_multi_call(self, targets, 4, ECHO_AFTER, &after_ns, sizeof after_ns,
                                    late ? fl_ms(10) : fl_s(2), on_good, w, bad);
        write_down(w, "%zu good; bad", good);
        for (size_t i = 0; i < 4 - good; i++)
            write_down(w, " %zu", bad[i]);
        write_down(w, "\n");
    }
    fl_pause(self, fl_s(5));
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void c88_a_call_to_many_tells_good_from_bad_and_drops_late_ones(void **state)
{
    struct world *w = *state;
    world_play(w, calls_all, fl_s(60));
    char *good = strstr(w->diary, "2 good; bad 1 3\n0 good; bad 0 1 2 3\nleft: 0\n");
    assert_non_null(good);
    assert_int_equal(good - w->diary, strlen("good 0\ngood 2\n"));
}

/* ---- one call, and its answer where it came in */

static void views(struct fl_self *self, struct world *w)
{
    fl_ns after_ns = fl_ms(5), answered_ns = 0;
    struct fl_response got;
    fl_send(self, fl_self_pid(self), 1, NULL, 0); /* what else comes waits meanwhile */
    int rc = fl_call_view(self, echoes[0], ECHO_AFTER, &after_ns, sizeof after_ns, fl_s(1), &got);
    if (got.len == sizeof answered_ns) memcpy(&answered_ns, got.data, sizeof answered_ns);
    write_down(w, "%s %lld\n", fl_code_name(rc), (long long)(answered_ns / FL_NS_PER_MS));
    rc = fl_call_view(self, echoes[1], REFUSE, NULL, 0, fl_s(1), &got);
    write_down(w, "%s\n", fl_code_name(rc));
    rc = fl_call_view(self, echoes[2], ECHO_AFTER, &after_ns, sizeof after_ns, fl_ms(1), &got);
    write_down(w, "%s\n", fl_code_name(rc));
    rc = fl_call_view(self, echoes[3], DIE, NULL, 0, fl_s(1), &got);
    write_down(w, "%s\n", fl_code_name(rc));
    rc = fl_call_view(self, echoes[3], DIE, NULL, 0, fl_s(1), &got);
    write_down(w, "%s\n", fl_code_name(rc));
    fl_pause(self, fl_s(1));
    write_down(w, "left: %zu\n", fl_self_mailbox_len(self));
}

static void a_call_without_a_buffer_says_what_one_with_a_buffer_says(void **state)
{
    struct world *w = *state;
    world_play(w, views, fl_s(60));
    char expected[160];
    snprintf(expected, sizeof expected, "%s 5\n%s\n%s\n%s\n%s\nleft: 1\n", fl_code_name(0),
             fl_code_name(FL_EREFUSED), fl_code_name(FL_ETIMEOUT), fl_code_name(FL_EDIED),
             fl_code_name(FL_ENOPROC));
    assert_string_equal(w->diary, expected);
}

#undef STORY
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_call_without_a_buffer_says_what_one_with_a_buffer_says),
        STORY(c89_answers_come_as_they_are_ready_with_their_labels),
        STORY(c89_waiting_can_go_on_receiving_gives_up),
        STORY(c89_any_message_can_be_asked_whether_it_is_an_answer),
        STORY(c88_a_cast_goes_to_all_who_have_a_name),
        STORY(c88_a_call_to_many_tells_good_from_bad_and_drops_late_ones),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
