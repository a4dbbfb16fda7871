/* cli_observe.c: `faultline observe`. */
#include "engine/cli.h"
#include "engine/observe.h"

int fl_cli_observe(const struct fl_cli_call *call)
{
    struct fl_observe_opts opts = {.target = call->args[0],
                                   .tree = fl_cli_value(call, "tree") != NULL,
                                   .once = fl_cli_value(call, "once") != NULL,
                                   .json = fl_cli_value(call, "json") != NULL};
    const char *sort = fl_cli_value(call, "sort");
    if (sort != NULL && !fl_view_sort_find(sort, &opts.sort))
        return fl_cli_usage(call->command, "--sort: %.40s; it can be memory, mailbox or handled",
                            sort);
    return fl_observe(&opts);
}
