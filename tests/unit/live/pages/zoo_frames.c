/* zoo_frames.c: what pages of changing zoos are told, and what they have to show: one JSON object a
 * line, {"page":0,"told":{…},"shows":"…"}, for the browser's own client to read. */
#include "services/live/escape.h"
#include "services/live/tree.h"
#include "tests/unit/live/pages/zoo.live.h"
#include "tests/unit/live/pages/zoo_walk.h"

#include <stdio.h>
#include <stdlib.h>

static void print_frame(int page, const struct fl_buf *told, const struct fl_live_tree *tree)
{
    struct fl_buf line = {0}, html = {0};
    fl_live_tree_html(tree, &html);
    fl_buf_printf(&line, "{\"page\":%d,\"told\":{%s},\"shows\":", page, told->at);
    fl_live_json_string(&line, (struct fl_str){html.at, html.len});
    printf("%s}\n", line.at);
    fl_buf_fini(&line);
    fl_buf_fini(&html);
}

static void walk(int page, int steps)
{
    struct fl_rng rng;
    fl_rng_init(&rng, (uint64_t)page);
    struct zoo zoo = {0};
    struct fl_live_tree shown = {0};
    for (int step = 0; step < steps; step++) {
        struct fl_live_tree next = {0};
        struct fl_buf told = {0};
        zoo_walk(&zoo, &rng);
        if (fl_live_tree_render(&next, &fl_template_zoo, &zoo, shown.used) != 0) abort();
        fl_buf_puts(&told, "");
        if (step == 0) {
            fl_live_tree_full(&next, &told);
        } else {
            fl_live_tree_diff(&shown, &next, &told);
        }
        print_frame(page, &told, &next);
        fl_live_tree_fini(&shown);
        fl_buf_fini(&told);
        shown = next;
    }
    fl_live_tree_fini(&shown);
}

int main(int argc, char **argv)
{
    int pages = argc > 1 ? atoi(argv[1]) : 50, steps = argc > 2 ? atoi(argv[2]) : 50;
    for (int page = 0; page < pages; page++)
        walk(page, steps);
    return 0;
}
