/* Whatever changed, the page that was told the differences shows what a fresh one would. */
#include "tests/support/page_client.h"
#include "tests/support/testkit.h"

#include "services/live/tree.h"
#include "tests/unit/live/pages/zoo.live.h"
#include "tests/unit/live/pages/zoo_walk.h"

enum { WALKS = 60, STEPS = 60 };

static void expect_shown(struct page_client *page, const struct fl_live_tree *tree,
                         const char *when)
{
    struct fl_buf shown = {0}, due = {0};
    page_client_html(page, &shown);
    fl_live_tree_html(tree, &due);
    if (page->broken != NULL) fail_msg("%s: %s", when, page->broken);
    if (!fl_str_eq((struct fl_str){shown.at, shown.len}, (struct fl_str){due.at, due.len}))
        fail_msg("%s:\n%s\ninstead of\n%s", when, shown.at, due.at);
    fl_buf_fini(&shown);
    fl_buf_fini(&due);
}

static void a_page_that_is_told_the_differences_shows_what_a_fresh_one_would(void **state)
{
    for (uint64_t seed = 0; seed < WALKS; seed++) {
        struct fl_rng rng;
        fl_rng_init(&rng, seed);
        struct zoo zoo = {0};
        struct page_client page = {0};
        struct fl_live_tree shown = {0};
        struct fl_buf said = {0};
        for (int step = 0; step < STEPS; step++) {
            struct fl_live_tree next = {0};
            char when[64];
            snprintf(when, sizeof(when), "walk %d, step %d", (int)seed, step);
            zoo_walk(&zoo, &rng);
            assert_int_equal(fl_live_tree_render(&next, &fl_template_zoo, &zoo, shown.used), 0);
            said.len = 0;
            bool is_changed = true;
            if (step == 0) {
                fl_live_tree_full(&next, &said);
            } else {
                is_changed = fl_live_tree_diff(&shown, &next, &said);
            }
            if (is_changed) page_client_tell(&page, (struct fl_str){said.at, said.len});
            expect_shown(&page, &next, when);
            fl_live_tree_fini(&shown);
            shown = next;
        }
        page_client_fini(&page);
        fl_live_tree_fini(&shown);
        fl_buf_fini(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_is_told_the_differences_shows_what_a_fresh_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
