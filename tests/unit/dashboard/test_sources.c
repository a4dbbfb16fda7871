/* Sources are named as people write them, and /proc is read as proc(5) says. */
#include "tests/support/testkit.h"

#include <math.h>

#include "services/dashboard/proc.h"
#include "services/dashboard/source.h"

static void sources_are_words_and_an_address_is_one_to_scrape(void **state)
{
    (void)state;
    struct fl_source_spec specs[FL_SOURCES_MAX];
    size_t count;
    struct fl_err err = {0};
    assert_int_equal(fl_source_parse(FL_STR(" run, node:all proc:12 http://a:1/m "
                                            "prometheus:https://b/m#x_* simulated:7 "),
                                     specs, &count, &err),
                     0);
    assert_int_equal(count, 6);
    assert_ptr_equal(specs[0].source, &fl_source_run);
    assert_string_equal(specs[1].what, "all");
    assert_string_equal(specs[2].what, "12");
    assert_ptr_equal(specs[3].source, &fl_source_prometheus);
    assert_string_equal(specs[3].what, "http://a:1/m");
    assert_string_equal(specs[3].label, "prometheus");
    assert_string_equal(specs[4].what, "https://b/m#x_*");
    assert_string_equal(specs[4].label, "prometheus 2");
    assert_string_equal(specs[5].label, "simulated");
}

static void what_is_no_source_is_said_with_those_there_are(void **state)
{
    (void)state;
    struct fl_source_spec specs[FL_SOURCES_MAX];
    size_t count;
    struct fl_err err = {0};
    assert_int_equal(fl_source_parse(FL_STR("node prc"), specs, &count, &err), FL_EPARSE);
    assert_string_equal(err.text, "\"prc\" is no source; there are: run, node, proc, "
                                  "prometheus:URL, simulated");
    struct fl_buf many = {0};
    for (int i = 0; i <= FL_SOURCES_MAX; i++)
        fl_buf_puts(&many, "proc ");
    assert_int_equal(fl_source_parse((struct fl_str){many.at, many.len}, specs, &count, &err),
                     FL_EPARSE);
    fl_buf_fini(&many);
}

static void a_counter_is_a_rate_from_the_second_look_on(void **state)
{
    (void)state;
    struct fl_rate rate = {0};
    assert_true(isnan(fl_rate_of(&rate, 10, fl_s(1))));
    assert_true(fl_rate_of(&rate, 30, fl_s(3)) == 10);
    assert_true(isnan(fl_rate_of(&rate, 5, fl_s(4)))); /* it was started anew */
    assert_true(fl_rate_of(&rate, 6, fl_s(5)) == 1);
}

static void a_sample_holds_so_many_and_counts_the_rest(void **state)
{
    (void)state;
    struct fl_sample *sample = fl_new(struct fl_sample);
    for (int i = 0; i < FL_SOURCE_VALUES_MAX + 3; i++)
        fl_sample_add(sample, "g", "", i, "line %d", i);
    assert_int_equal(sample->count, FL_SOURCE_VALUES_MAX);
    assert_int_equal(sample->dropped, 3);
    assert_string_equal(sample->values[7].series.name, "line 7");
    free(sample);
}

static void a_process_may_be_called_anything(void **state)
{
    (void)state;
    struct fl_proc_stat stat;
    assert_true(fl_proc_parse_stat("42 (a) R 7 (x) S 7 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 "
                                   "3 0 1000 123456 77 18446744073709551615 1 1 0\n",
                                   &stat));
    assert_string_equal(stat.comm, "a) R 7 (x");
    assert_int_equal(stat.parent, 7);
    assert_true(stat.cpu_ticks == 300);
    assert_int_equal(stat.threads, 3);
    assert_true(stat.rss_pages == 77);
    assert_false(fl_proc_parse_stat("42 (a", &stat));
    assert_false(fl_proc_parse_stat("42 (a) R", &stat));
}

static void the_machine_is_read_without_counting_twice(void **state)
{
    (void)state;
    struct fl_proc_cpu cpu;
    assert_true(fl_proc_parse_cpu("cpu  10 1 5 80 4 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1\n", &cpu));
    assert_true(cpu.busy_ticks == 16 && cpu.all_ticks == 100);
    assert_true(fl_proc_field("MemTotal:  100 kB\nMemAvailable: 40 kB\n", "MemAvailable", -1) ==
                40);
    assert_true(fl_proc_field("MemTotal:  100 kB\n", "Mem", -1) == -1);
    double got, put;
    fl_proc_parse_disks(
        "   8 0 sda 1 0 100 0 1 0 200 0 0 0 0\n   8 1 sda1 1 0 50 0 1 0 60 0 0 0 0\n"
        " 259 0 nvme0n1 1 0 10 0 1 0 20 0 0 0 0\n 259 1 nvme0n1p1 1 0 9 0 1 0 9 0 0\n"
        "   7 0 loop0 1 0 5 0 0 0 5 0 0 0 0\n",
        &got, &put);
    assert_true(got == 110 && put == 220);
    static const char cmdline[] = "faultline\0worker\0--instance\0chat.1\0--folder\0x";
    assert_string_equal(fl_proc_instance(cmdline, sizeof cmdline), "chat.1");
    assert_null(fl_proc_instance("sh\0-c", 6));
    assert_null(fl_proc_instance("a\0--instance", sizeof "a\0--instance"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_words_and_an_address_is_one_to_scrape),
        cmocka_unit_test(what_is_no_source_is_said_with_those_there_are),
        cmocka_unit_test(a_counter_is_a_rate_from_the_second_look_on),
        cmocka_unit_test(a_sample_holds_so_many_and_counts_the_rest),
        cmocka_unit_test(a_process_may_be_called_anything),
        cmocka_unit_test(the_machine_is_read_without_counting_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
