/* guide.h: the frame of the guide's small programs: a node with one process that tells the story,
 * on the real clock, or with --sim in virtual time. */
#ifndef GUIDE_H
#define GUIDE_H

#include "runtime/node.h"

/** Runs `story` as a process named "guide"; it calls fl_node_stop when it is told. */
static inline int guide_main(int argc, char **argv, struct fl_node_opts opts, fl_run_fn story)
{
    struct fl_spawn_opts guide = {.name = "guide"};
    struct fl_node *node = NULL;
    struct fl_err err = {0};
    opts.simulated = argc > 1 && strcmp(argv[1], "--sim") == 0;
    opts.seed = 7;
    int code = fl_node_new(&node, &opts, &err);
    if (code == 0) code = fl_node_spawn_run(node, story, NULL, 0, &guide, NULL);
    if (code == 0 && opts.simulated) fl_sim_run(node, fl_s(60));
    if (code == 0 && !opts.simulated) code = fl_node_run(node);
    if (code != 0) fprintf(stderr, "%s: %s\n", argv[0], fl_code_name(code));
    fl_node_free(node);
    return code == 0 ? 0 : 1;
}

#endif
