/* What the command line answers: each call is made in a child process, its output is read. */
#include "tests/support/testkit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "engine/cli.h"
#include "engine/init.h"
#include "engine/scenario.h"
#include "runtime/base/json.h"

enum { ARGS_MAX = 8 };

struct said {
    int code;
    char *out; /* both streams */
};

/* Runs `faultline ARGS…` in folder (NULL: here). */
static struct said call(const char *folder, const char *const *args)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t) "faultline"};
        int argc = 1;
        for (; args[argc - 1] != NULL; argc++)
            argv[argc] = (char *)(uintptr_t)args[argc - 1];
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (folder != NULL && chdir(folder) != 0) _exit(99);
        int code = fl_cli_main(argc, argv);
        fflush(stdout);
        _exit(code);
    }
    close(ends[1]);
    struct fl_buf out = {0};
    char bytes[4096];
    ssize_t len = 0;
    while ((len = read(ends[0], bytes, sizeof bytes)) > 0)
        fl_buf_add(&out, bytes, (size_t)len);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (struct said){WEXITSTATUS(status), fl_buf_take(&out)};
}

#define CALL(...) call(NULL, (const char *const[]){__VA_ARGS__, NULL})

static void a_slip_is_answered_with_what_was_meant_and_exit_64(void **state)
{
    (void)state;
    static const struct {
        const char *args[4], *said;
    } rows[] = {
        {{"rnu"}, "faultline: unknown command \"rnu\"; did you mean \"run\"?\n"},
        {{"--hlep"}, "faultline: unknown option --hlep; a command comes first\n"},
        {{"run"}, "faultline: run needs FILE\n"},
        {{"run", "a", "b"}, "faultline: run does not take \"b\"\n"},
        {{"run", "a", "--sed=7"}, "faultline: unknown option --sed; did you mean --seed?\n"},
        {{"run", "a", "-q"}, "faultline: unknown option -q; options have two dashes\n"},
        {{"run", "a", "--seed"}, "faultline: --seed needs a value: --seed N\n"},
        {{"run", "a", "--out="}, "faultline: --out needs a value: --out DIR\n"},
        {{"run", "a", "--quiet=1"}, "faultline: --quiet takes no value\n"},
        {{"run", "a", "--seed=zz"},
         "faultline: --seed: \"zz\" is not a seed; write up to 16 hexadecimal digits\n"},
        {{"run", "a", "--format=pdf"},
         "faultline: --format: unknown format \"pdf\"; use html, json, junit, md or csv\n"},
        {{"list", "falts"}, "faultline: cannot list \"falts\"; did you mean \"faults\"?\n"},
        {{"serve", "caht"}, "faultline: unknown service \"caht\"; did you mean \"chat\"?\n"},
        {{"completion", "fish"}, "faultline: no completion for \"fish\"; there is bash and zsh\n"},
        {{"report", "/nonexistent"},
         "faultline: /nonexistent is not a run folder: it has no plan.json\n"},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct said said = call(NULL, rows[i].args);
        assert_memory_equal(said.out, rows[i].said, strlen(rows[i].said));
        assert_non_null(strstr(said.out, "see: faultline "));
        assert_int_equal(said.code, 64);
        free(said.out);
    }
}

static void every_command_has_a_page_with_its_options_and_examples(void **state)
{
    (void)state;
    for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++) {
        if (row->hidden) continue;
        struct said said = CALL(row->name, "--help");
        assert_int_equal(said.code, 0);
        assert_non_null(strstr(said.out, row->help));
        assert_non_null(strstr(said.out, "Examples"));
        assert_null(strchr(said.out, '\x1b'));
        for (const struct fl_cli_option *o = row->options; o != NULL && o->name != NULL; o++)
            assert_non_null(strstr(said.out, o->name));
        struct said same = CALL("help", row->name);
        assert_string_equal(said.out, same.out);
        free(said.out);
        free(same.out);
    }
}

static void check_is_silent_when_good_and_says_file_line_column_when_bad(void **state)
{
    (void)state;
    char *folder = testkit_folder();
    char *good = fl_format("%s/good.yaml", folder), *bad = fl_format("%s/bad.yaml", folder);
    const char *text = "faultline: 1\nduration: 9s\nservices: {q: {use: queue}}\n";
    const char *wrong = "faultline: 1\nduration: 9\nservices: {q: {use: queu}}\n";
    assert_int_equal(fl_file_write(good, text, strlen(text), NULL), 0);
    assert_int_equal(fl_file_write(bad, wrong, strlen(wrong), NULL), 0);

    struct said said = CALL("check", good);
    assert_string_equal(said.out, "");
    assert_int_equal(said.code, 0);
    free(said.out);

    said = CALL("check", good, bad);
    char *wanted = fl_format(
        "%s:2:11: \"duration\": \"9\" is not a duration; write 500ms, 2s or 3m\n"
        "%s:3:21: unknown service \"queu\"; did you mean \"queue\"? see: "
        "faultline list services\n",
        bad, bad);
    assert_string_equal(said.out, wanted);
    assert_int_equal(said.code, 64);
    free(said.out);

    said = CALL("check", good, "--set", "duration=x");
    assert_memory_equal(said.out, "--set duration=x: ", 18);
    assert_int_equal(said.code, 64);
    free(said.out), free(wanted), free(good), free(bad);
    testkit_remove(folder);
}

static void in_github_actions_problems_are_shown_at_their_place(void **state)
{
    (void)state;
    char *folder = testkit_folder(), *bad = fl_format("%s/bad.yaml", folder);
    const char *text = "faultline: 1\nduration: 9%\nservices: {q: {use: queue}}\n";
    assert_int_equal(fl_file_write(bad, text, strlen(text), NULL), 0);
    setenv("GITHUB_ACTIONS", "true", 1);
    struct said said = CALL("check", bad);
    unsetenv("GITHUB_ACTIONS");
    char *wanted = fl_format(
        "::error file=%s,line=2,col=11::%s:2:11: \"duration\": \"9%%25\" is not", bad, bad);
    assert_non_null(strstr(said.out, wanted));
    assert_int_equal(said.code, 64);
    free(wanted), free(said.out), free(bad);
    testkit_remove(folder);
}

static void plan_prints_the_same_bytes_for_the_same_seed(void **state)
{
    (void)state;
    const char *file = FL_SOURCE_DIR "/scenarios/quickstart.yaml";
    struct said a = CALL("plan", file, "--seed", "9", "--json");
    struct said b = CALL("plan", file, "--seed=9", "--json");
    assert_int_equal(a.code, 0);
    assert_string_equal(a.out, b.out);
    cJSON *plan = cJSON_Parse(a.out);
    assert_string_equal(fl_json_text(plan, "seed", ""), "9");
    cJSON_Delete(plan);
    free(a.out), free(b.out);

    a = CALL("plan", file);
    assert_non_null(strstr(a.out, "quickstart, seed 7: warm-up 4s"));
    free(a.out);
}

static void the_scenarios_of_the_repository_are_good(void **state)
{
    (void)state;
    struct said said = CALL("check", FL_SOURCE_DIR "/scenarios/quickstart.yaml");
    assert_string_equal(said.out, "");
    assert_int_equal(said.code, 0);
    free(said.out);
    /* the programs of the others may not be installed here: plan does not ask for them */
    said = CALL("plan", FL_SOURCE_DIR "/scenarios/redis.yaml");
    assert_int_equal(said.code, 0);
    free(said.out);
}

static void what_init_writes_is_accepted_by_check(void **state)
{
    (void)state;
    static const char *const commands[][4] = {{NULL},
                                              {"true", NULL},
                                              {"true", "--port", "${port}", NULL},
                                              {"true", "a \"b\" \\ 'c'\n: #", NULL}};
    for (size_t i = 0; i < FL_COUNT(commands); i++) {
        char *folder = testkit_folder();
        const char *args[ARGS_MAX] = {"init"};
        size_t count = 1;
        if (commands[i][0] != NULL) args[count++] = "--";
        for (size_t n = 0; commands[i][n] != NULL; n++)
            args[count++] = commands[i][n];
        struct said said = call(folder, args);
        assert_int_equal(said.code, 0);
        free(said.out);

        const char *const check[] = {"check", "scenario.yaml", NULL};
        said = call(folder, check);
        assert_string_equal(said.out, "");
        assert_int_equal(said.code, 0);
        free(said.out);

        said = call(folder, args); /* a second time: what is there stays */
        assert_int_equal(said.code, 64);
        assert_non_null(strstr(said.out, "scenario.yaml is there already"));
        free(said.out);
        testkit_remove(folder);
    }
}

static void a_port_written_as_a_number_becomes_a_free_one(void **state)
{
    (void)state;
    static const struct {
        const char *command[6], *written;
    } rows[] = {
        {{"true", "--port", "8080"}, "[\"true\", \"--port\", \"${port}\"]"},
        {{"true", "--port=80", "-v"}, "[\"true\", \"--port=${port}\", \"-v\"]"},
        {{"true", "-l", "127.0.0.1:9000"}, "[\"true\", \"-l\", \"127.0.0.1:${port}\"]"},
        {{"true", "-m", "http.server", "8000"}, "\"http.server\", \"${port}\"]"},
        /* one port is ours to draw; what else is a number stays */
        {{"true", "-p", "8080", "--peer", "h:81"}, "\"-p\", \"${port}\", \"--peer\", \"h:81\"]"},
        {{"true", "--port", "${port}", "--peer=h:81"}, "\"${port}\", \"--peer=h:81\"]"},
        {{"true", "--workers", "2000"}, "\"--workers\", \"2000\"]\n    env: {PORT: "},
        {{"true", "--port", "70000"}, "\"--port\", \"70000\"]\n    env: {PORT: "},
    };
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        char *text = fl_init_text(rows[i].command);
        if (strstr(text, rows[i].written) == NULL)
            fail_msg("%s not in:\n%s", rows[i].written, text);
        free(text);
    }
}

static void everything_listed_is_there_for_people_and_for_machines(void **state)
{
    (void)state;
    for (size_t i = 0; fl_cli_find("list")->words[i] != NULL; i++) {
        const char *kind = fl_cli_find("list")->words[i];
        struct said text = CALL("list", kind), json = CALL("list", kind, "--json");
        assert_int_equal(text.code, 0);
        cJSON *array = cJSON_Parse(json.out);
        assert_true(cJSON_GetArraySize(array) > 0);
        for (const cJSON *item = array->child; item != NULL; item = item->next) {
            assert_non_null(strstr(text.out, fl_json_text(item, "name", "?")));
            assert_true(fl_json_text(item, "help", "")[0] != '\0');
        }
        cJSON_Delete(array);
        free(text.out), free(json.out);
    }
}

static void completion_scripts_know_every_command_and_option(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh"};
    for (size_t i = 0; i < FL_COUNT(shells); i++) {
        struct said said = CALL("completion", shells[i]);
        assert_int_equal(said.code, 0);
        for (const struct fl_cli_command *row = fl_cli_commands; row->name != NULL; row++) {
            if (row->hidden) continue;
            assert_non_null(strstr(said.out, row->name));
            for (const struct fl_cli_option *o = row->options; o != NULL && o->name != NULL; o++) {
                char *flag = fl_format("--%s", o->name);
                assert_non_null(strstr(said.out, flag));
                free(flag);
            }
        }
        free(said.out);
    }
}

int main(void)
{
    unsetenv("GITHUB_ACTIONS"); /* ours may run there */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_answered_with_what_was_meant_and_exit_64),
        cmocka_unit_test(every_command_has_a_page_with_its_options_and_examples),
        cmocka_unit_test(check_is_silent_when_good_and_says_file_line_column_when_bad),
        cmocka_unit_test(in_github_actions_problems_are_shown_at_their_place),
        cmocka_unit_test(plan_prints_the_same_bytes_for_the_same_seed),
        cmocka_unit_test(the_scenarios_of_the_repository_are_good),
        cmocka_unit_test(what_init_writes_is_accepted_by_check),
        cmocka_unit_test(a_port_written_as_a_number_becomes_a_free_one),
        cmocka_unit_test(everything_listed_is_there_for_people_and_for_machines),
        cmocka_unit_test(completion_scripts_know_every_command_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
