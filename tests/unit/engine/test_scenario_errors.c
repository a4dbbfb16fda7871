/* Every rule of a scenario, as the message that somebody reads who broke it. */
#include "tests/support/testkit.h"

#include "engine/scenario.h"

#define GOOD                                                                                 \
    "faultline: 1\nduration: 30s\nservices: {chat: {use: chat, instances: 2}, queue: {use: " \
    "queue}}\n"
#define LINK "links: {front: {to: chat}}\n"
#define LOAD "load: {talkers: {workload: chat, through: front, rate: 10/s}}\n"

static const struct {
    const char *text;
    const char *problem; /* the first one; NULL: it is good */
} rules[] = {
    {GOOD, NULL},
    {GOOD LINK LOAD, NULL},

    /* the file as such */
    {"", "t.yaml: is empty"},
    {"a: [1\nb: 2", "t.yaml:2:2: did not find expected ',' or ']' while parsing a flow sequence"},
    {"faultline: 1\nname: x\nname: y\n",
     "t.yaml:3:1: the key \"name\" stands here twice, first in line 2"},
    {"[1, 2]", "t.yaml:1:1: a scenario must be a map of keys and values, not a list"},
    {GOOD "---\na: 1\n", "t.yaml:4:1: a second document; one file is one scenario"},
    {"a: *b\n", "t.yaml:1:4: an alias to an anchor that is not there"},
    {"a: &a [*a]\n", "t.yaml:1:8: an alias inside its own anchor"},
    {"a: \"x\\0y\"\n", "t.yaml:1:4: text must not hold a zero byte"},
    {"a: \xff\n", "t.yaml: is not UTF-8 text"},

    /* the top */
    {"duration: 1s\nservices: {q: {use: queue}}\n",
     "t.yaml:1:1: a scenario needs \"faultline\": write faultline: 1"},
    {"faultline: 2\nduration: 1s\nservices: {q: {use: queue}}\n",
     "t.yaml:1:12: this Faultline reads version 1 of the format, not \"2\""},
    {"faultline: 1\nduration: 5s\n",
     "t.yaml:1:1: a scenario needs \"services\": what is started and supervised"},
    {GOOD "warmp: 3s\n",
     "t.yaml:4:1: unknown key \"warmp\" in a scenario; did you mean \"warmup\"?"},
    {GOOD "warmup: 3\n", "t.yaml:4:9: \"warmup\": \"3\" is not a duration; write 500ms, 2s or 3m"},
    {GOOD "warmup: 10ms\n", "t.yaml:4:9: \"warmup\": 10ms is not between 1s and 24h"},
    {GOOD "warmup: [3s]\n",
     "t.yaml:4:9: \"warmup\" must be a duration such as 500ms or 2s, not a list"},
    {GOOD "warmup:\n",
     "t.yaml:4:8: \"warmup\" must be a duration such as 500ms or 2s, not nothing"},
    {GOOD "name: ../x\n",
     "t.yaml:4:7: \"../x\" cannot name a folder; write letters, digits, - _ and . (64 at most)"},
    {GOOD "seed: seven\n",
     "t.yaml:4:7: \"seed\": \"seven\" is not a seed; write up to 16 hexadecimal digits"},
    {GOOD "supervision: {strategy: one_for_al}\n",
     "t.yaml:4:25: unknown strategy \"one_for_al\"; did you mean \"one_for_one\"?"},
    {GOOD "supervision: {strategy: rest_for_one}\n",
     "t.yaml:4:25: the strategy \"rest_for_one\" is not in this version; write one_for_one"},
    {GOOD "supervision: {max_restarts: -1}\n",
     "t.yaml:4:29: \"max_restarts\": -1 is not between 0 and 100000"},
    {GOOD "recovery: {epsilon: 70%}\n", "t.yaml:4:21: \"epsilon\": 70% is not between 0% and 50%"},

    /* services */
    {"faultline: 1\nduration: 1s\nservices: [chat]\n",
     "t.yaml:3:11: \"services\" must be a map of names, such as {web: {use: chat}}"},
    {"faultline: 1\nduration: 1s\nservices: {a.b: {use: chat}}\n",
     "t.yaml:3:12: \"a.b\" cannot name a service; write a letter, then letters, digits, - and _ "
     "(40 at most)"},
    {"faultline: 1\nduration: 1s\nservices: {load: {use: chat}}\n",
     "t.yaml:3:12: \"load\" is a part of Faultline itself; give the service another name"},
    {"faultline: 1\nduration: 1s\nservices: {a: {use: qeue}}\n",
     "t.yaml:3:21: unknown service \"qeue\"; did you mean \"queue\"? see: faultline list services"},
    {"faultline: 1\nduration: 1s\nservices: {a: {instances: 2}}\n",
     "t.yaml:3:12: the service \"a\" needs \"use\" (a reference service) or \"command\" (your own "
     "program)"},
    {"faultline: 1\nduration: 1s\nservices: {a: {use: chat, command: [true]}}\n",
     "t.yaml:3:27: a service has \"use\" or \"command\", not both"},
    {"faultline: 1\nduration: 1s\nservices: {a: {use: chat, instances: 33}}\n",
     "t.yaml:3:38: \"instances\": 33 is not between 1 and 32"},
    {"faultline: 1\nduration: 1s\nservices: {a: {use: chat, env: {A: b}}}\n",
     "t.yaml:3:27: \"env\" goes with \"command\"; a reference service has its own"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: \"true x\"}}\n",
     "t.yaml:3:25: \"command\" must be a list such as [redis-server, --port, \"${port}\"], not "
     "text"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true, \"${prot}\"]}}\n",
     "t.yaml:3:32: unknown ${prot}; did you mean \"port\"? known are ${port}, ${dir}, ${instance}"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], port: 70000}}\n",
     "t.yaml:3:39: \"port\": 70000 is not between 1 and 65535"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], port: 65535, instances: 2}}\n",
     "t.yaml:3:39: \"port\": 2 instances from 65535 on pass 65535"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], ready: {tcp: \"${port}\", log: "
     "x}}}\n",
     "t.yaml:3:57: \"ready\" takes one of tcp, http, exec, log; \"tcp\" stands here already"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], ready: {within: 3s}}}\n",
     "t.yaml:3:40: \"ready\" needs one of tcp, http, exec, log"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], ready: {log: \"(\"}}}\n",
     "t.yaml:3:46: \"log\" must be a regular expression (POSIX extended)"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], ready: {http: x}}}\n",
     "t.yaml:3:47: \"http\" must be a path such as /healthz"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], ready: {tcp: x}}}\n",
     "t.yaml:3:46: \"tcp\" must be \"${port}\" or a port from 1 to 65535"},
    {"faultline: 1\nduration: 1s\nservices: {a: {command: [true], stop: {signal: TERMM}}}\n",
     "t.yaml:3:48: \"signal\": \"TERMM\" is not a signal; write TERM, KILL or a number"},
    {"faultline: 1\nduration: 1s\nservices: {a: {attach: {pidfile: /x}}}\n",
     "t.yaml:3:16: \"attach\" is not in this version; start the program with \"command\""},

    /* links */
    {GOOD "links: {front: {to: chta}}\n",
     "t.yaml:4:21: unknown service \"chta\"; did you mean \"chat\"?"},
    {GOOD "links: {front: {to: chat.3}}\n",
     "t.yaml:4:21: unknown service \"chat.3\"; did you mean \"chat.1\"?"},
    {GOOD "links: {front: {}}\n", "t.yaml:4:9: the link \"front\" needs \"to\": a service"},
    {GOOD "links: {chat: {to: chat}}\n",
     "t.yaml:4:9: \"chat\" is a service already; a link needs a name of its own"},
    {GOOD "links: {x: {between: [chat.1, chat.2]}}\n",
     "t.yaml:4:13: links between instances are not in this version; a link goes \"to\" a service"},

    /* load */
    {GOOD LINK "load: {a: {workload: chatt, through: front}}\n",
     "t.yaml:5:22: unknown workload \"chatt\"; did you mean \"chat\"? see: faultline list "
     "workloads"},
    {GOOD LINK "load: {a: {workload: chat, through: fornt}}\n",
     "t.yaml:5:37: unknown link \"fornt\"; did you mean \"front\"?"},
    {GOOD LINK "load: {a: {workload: chat, through: chat}}\n",
     "t.yaml:5:37: \"chat\" is a service; write to: chat"},
    {GOOD LINK "load: {a: {workload: chat, to: front}}\n",
     "t.yaml:5:32: \"front\" is a link; write through: front"},
    {GOOD "load: {a: {workload: chat}}\n",
     "t.yaml:4:8: the load \"a\" needs \"through\" (a link) or \"to\" (a service)"},
    {GOOD LINK "load: {a: {workload: chat, to: chat, through: front}}\n",
     "t.yaml:5:28: a load goes \"through\" a link or \"to\" a service, not both"},
    {GOOD "load: {a: {workload: chat, to: queue}}\n",
     "t.yaml:4:32: the workload \"chat\" speaks to a chat service, and \"queue\" is a queue"},
    {GOOD "load: {a: {workload: queue, to: queue}}\n",
     "t.yaml:4:8: the load \"a\" needs \"rate\", such as 100/s"},
    {GOOD "load: {a: {workload: chat, to: chat, rate: 100}}\n",
     "t.yaml:4:44: \"rate\": \"100\" is not a rate; write 200/s or 30/m"},
    {GOOD "load: {a: {workload: chat, to: chat, rate: 0/s}}\n",
     "t.yaml:4:44: \"rate\" must be above 0"},
    {GOOD "load: {a: {workload: chat, to: chat, users: 20001}}\n",
     "t.yaml:4:45: \"users\": 20001 is not between 1 and 20000"},
    {GOOD "load: {a: {to: chat, rate: 1/s}}\n", "t.yaml:4:11: the load \"a\" needs \"workload\": "
                                                "what its users do; see: faultline list workloads"},
    {GOOD "load: {a: {workload: chat, to: chat, raet: 1/s}}\n",
     "t.yaml:4:38: unknown key \"raet\" in the load \"a\"; did you mean \"rate\"?"},

    /* faults */
    {GOOD "faults: {at: 5s}\n",
     "t.yaml:4:9: \"faults\" must be a list, such as [{at: 5s, kill: web}]"},
    {GOOD "faults: [{at: 5s, kil: chat.1}]\n",
     "t.yaml:4:19: unknown key \"kil\" in a fault; did you mean \"kill\"?"},
    {GOOD "faults: [{at: 5s}]\n",
     "t.yaml:4:10: a fault needs what to do, such as kill: chat; see: faultline list faults"},
    {GOOD "faults: [{at: 5s, kill: chat.3}]\n",
     "t.yaml:4:25: unknown service \"chat.3\"; did you mean \"chat.1\"?"},
    {GOOD "faults: [{at: 5s, kill: chat, crash: \"chat:x\"}]\n",
     "t.yaml:4:31: one fault an entry; \"kill\" stands here already"},
    {GOOD "faults: [{kill: chat}]\n",
     "t.yaml:4:10: a fault needs \"at\" or \"every\", such as at: 5s"},
    {GOOD "faults: [{at: 1s, every: 2s, kill: chat}]\n",
     "t.yaml:4:19: a fault has \"at\" or \"every\", not both"},
    {GOOD "faults: [{at: 1s, jitter: 1s, kill: chat}]\n",
     "t.yaml:4:19: \"jitter\" goes with \"every\""},
    {GOOD "faults: [{at: 30s, kill: chat}]\n",
     "t.yaml:4:15: \"at\" is past the storm's end at 30s"},
    {GOOD "faults: [{at: 1s, for: 2s, kill: chat}]\n",
     "t.yaml:4:19: \"kill\" happens at once; take \"for\" away"},
    {GOOD "faults: [{at: 1s, pause: chat}]\n",
     "t.yaml:4:10: \"pause\" needs \"for\": how long it lasts"},
    {GOOD "faults: [{at: 29s, for: 2s, pause: chat.1}]\n",
     "t.yaml:4:25: \"for\" lasts past the storm's end at 30s"},
    {GOOD "faults: [{every: 4s, jitter: 3s, kill: chat}]\n",
     "t.yaml:4:30: \"jitter\" must be at most half of \"every\""},
    {GOOD "faults: [{every: 4s, until: 31s, kill: chat}]\n",
     "t.yaml:4:29: \"until\" is past the storm's end at 30s"},
    {GOOD "faults: [{every: 4s, from: 9s, until: 9s, kill: chat}]\n",
     "t.yaml:4:18: it never happens: the first would be at or past \"until\""},
    {GOOD "faults: [{every: 4s, for: 4s, pause: chat.1}]\n",
     "t.yaml:4:27: \"for\" must be shorter than \"every\", or they overlap"},
    {GOOD "faults: [{every: 1ms, kill: chat}]\n",
     "t.yaml:4:9: 29999 injections are too many; 10000 at most"},
    {GOOD "faults: [{at: 1s, crash: \"room/*\"}]\n",
     "t.yaml:4:26: \"room/*\" must be a service, a colon and a process, such as \"chat:room/*\""},
    {GOOD "faults: [{at: 1s, crash: \"cat:room/*\"}]\n",
     "t.yaml:4:26: unknown service \"cat\"; did you mean \"chat\"?"},
    {GOOD "faults: [{at: 1s, kill: \"chat:room/*\"}]\n",
     "t.yaml:4:25: \"chat:room/*\" is no service; \"kill\" hits a whole one, such as chat"},
    {GOOD "faults: [{at: 1s, kill: \"ch*\"}]\n",
     "t.yaml:4:25: \"ch*\" must begin with one service, such as \"chat.*\""},
    {"faultline: 1\nduration: 9s\nservices: {own: {command: [true]}}\nfaults: [{at: 1s, crash: "
     "\"own:x\"}]\n",
     "t.yaml:4:26: \"own\" is a program of its own: \"crash\" reaches only into reference "
     "services"},
    {GOOD LINK "faults: [{at: 1s, for: 1s, cut: fron}]\n",
     "t.yaml:5:33: unknown link \"fron\"; did you mean \"front\"?"},
    {GOOD "faults: [{at: 1s, for: 1s, cut: chat}]\n",
     "t.yaml:4:33: \"chat\" is a service, and \"cut\" hits a link; add links: {front: {to: chat}}"},
    {GOOD LINK "faults: [{at: 1s, for: 1s, toxic: latncy, on: front}]\n",
     "t.yaml:5:35: unknown toxic \"latncy\"; did you mean \"latency\"? see: faultline list toxics"},
    {GOOD LINK "faults: [{at: 1s, for: 1s, toxic: latency, latency: 1s}]\n",
     "t.yaml:5:10: the toxic \"latency\" needs \"on\": a link"},
    {GOOD LINK "faults: [{at: 1s, for: 1s, toxic: kill, on: front}]\n",
     "t.yaml:5:35: \"kill\" is no toxic: it hits a process; write kill: service"},
    {GOOD LINK "faults: [{at: 1s, for: 1s, latency: front}]\n",
     "t.yaml:5:28: write toxic: latency, on: a link, latency: a value"},
    {GOOD LINK LOAD "faults: [{at: 1s, kill: chat, watch: [talkes]}]\n",
     "t.yaml:6:39: unknown load \"talkes\"; did you mean \"talkers\"?"},

    /* targets */
    {GOOD "targets: lost\n",
     "t.yaml:4:10: \"targets\" must be a list, such as [recovery p95 < 800ms]"},
};

static void every_broken_rule_is_named_with_its_place_and_what_would_be_right(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < FL_COUNT(rules); i++) {
        struct fl_scenario *scenario = NULL;
        struct fl_problems problems = {0};
        struct fl_scenario_opts opts = {.path = "t.yaml", .skip_programs = true};
        int rc = fl_scenario_parse(&scenario, fl_str_of(rules[i].text), &opts, &problems);
        const char *first = problems.count > 0 ? problems.lines[0] : "(good)";
        const char *wanted = rules[i].problem != NULL ? rules[i].problem : "(good)";
        if (strcmp(first, wanted) != 0) {
            print_error("%s\nwanted: %s\n   got: %s\n", rules[i].text, wanted, first);
            wrong++;
        }
        if ((rc == 0) != (rules[i].problem == NULL)) wrong++;
        fl_scenario_free(scenario);
        fl_problems_fini(&problems);
    }
    assert_int_equal(wrong, 0);
}

static void all_problems_of_a_file_are_told_at_once_in_its_order(void **state)
{
    (void)state;
    const char *text = "faultline: 1\n"
                       "duration: 30\n"
                       "services:\n"
                       "  chat: {use: chta}\n"
                       "faults:\n"
                       "  - {at: 5s, kill: nobody}\n"
                       "bogus: 1\n";
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "t.yaml"};
    assert_int_equal(fl_scenario_parse(&scenario, fl_str_of(text), &opts, &problems), FL_EPARSE);
    assert_null(scenario);
    assert_int_equal(problems.count, 4);
    const char *const places[] = {
        "t.yaml:2:11: ", "t.yaml:4:15: ", "t.yaml:6:20: ", "t.yaml:7:1: "};
    for (size_t i = 0; i < FL_COUNT(places); i++)
        assert_memory_equal(problems.lines[i], places[i], strlen(places[i]));
    fl_problems_fini(&problems);
}

static void more_problems_than_fit_are_counted(void **state)
{
    (void)state;
    struct fl_buf text = {0};
    fl_buf_puts(&text, GOOD);
    for (int i = 0; i < 50; i++)
        fl_buf_printf(&text, "zzzzzzzzz%d: 1\n", i);
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "t.yaml"};
    struct fl_str view = {text.at, text.len};
    assert_int_equal(fl_scenario_parse(&scenario, view, &opts, &problems), FL_EPARSE);
    assert_int_equal(problems.count, FL_SCENARIO_PROBLEMS_MAX);
    assert_int_equal(problems.more, 30);
    fl_problems_fini(&problems);
    fl_buf_fini(&text);
}

static void a_program_that_is_not_there_is_found_before_the_run(void **state)
{
    (void)state;
    const char
        *text = "faultline: 1\nduration: 1s\nservices: {a: {command: [no-such-program-xyz]}}\n";
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "t.yaml"};
    assert_int_equal(fl_scenario_parse(&scenario, fl_str_of(text), &opts, &problems), FL_EPARSE);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.lines[0], "t.yaml:3:26: "));
    assert_non_null(strstr(problems.lines[0], "no-such-program-xyz"));
    fl_problems_fini(&problems);
}

static void a_wrong_target_points_at_the_letter_inside_it(void **state)
{
    (void)state;
    const char *text = GOOD LINK LOAD "targets:\n  - \"availability(talkrs) >= 99%\"\n";
    struct fl_scenario *scenario = NULL;
    struct fl_problems problems = {0};
    struct fl_scenario_opts opts = {.path = "t.yaml"};
    assert_int_equal(fl_scenario_parse(&scenario, fl_str_of(text), &opts, &problems), FL_EPARSE);
    assert_int_equal(problems.count, 1);
    /* - " a… : the text begins in column 6, the selector 13 letters later */
    const char *place = "t.yaml:7:19: ";
    assert_memory_equal(problems.lines[0], place, strlen(place));
    fl_problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_rule_is_named_with_its_place_and_what_would_be_right),
        cmocka_unit_test(all_problems_of_a_file_are_told_at_once_in_its_order),
        cmocka_unit_test(more_problems_than_fit_are_counted),
        cmocka_unit_test(a_program_that_is_not_there_is_found_before_the_run),
        cmocka_unit_test(a_wrong_target_points_at_the_letter_inside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
