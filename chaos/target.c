#include "chaos/target.h"

void fl_target_add(struct fl_target_names *names, const char *name, const char *instance)
{
    names->at = fl_realloc(names->at, (names->count + 1) * sizeof *names->at);
    names->at[names->count++] = (struct fl_target_name){.name = fl_strdup(name),
                                                        .instance = fl_strdup(instance)};
}

static int target_compare(const void *left, const void *right)
{
    const struct fl_target_name *a = left;
    const struct fl_target_name *b = right;
    int names = strcmp(a->name, b->name);
    return names != 0 ? names : strcmp(a->instance, b->instance);
}

const struct fl_target_name *fl_target_pick(struct fl_target_names *names, uint64_t pick)
{
    if (names->count == 0) return NULL;
    qsort(names->at, names->count, sizeof *names->at, target_compare);
    return &names->at[pick % names->count];
}

void fl_target_fini(struct fl_target_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->at[i].name);
        free(names->at[i].instance);
    }
    free(names->at);
    *names = (struct fl_target_names){0};
}

struct target_filter {
    struct fl_target_names *names;
    const char *glob;
};

static void target_on_instance(void *cx, const char *instance)
{
    const struct target_filter *filter = cx;
    if (fl_glob(filter->glob, instance)) fl_target_add(filter->names, instance, instance);
}

void fl_target_instances(struct fl_target_names *names, const struct fl_injector_world *world,
                         const char *target)
{
    FL_ASSERT(world->instances_of != NULL);
    size_t before = names->count;
    struct target_filter all = {.names = names, .glob = "*"};
    world->instances_of(world->cx, target, target_on_instance, &all);
    if (names->count > before) return;

    if (strpbrk(target, "*?") == NULL) {
        fl_target_add(names, target, target);
        return;
    }
    char *service = fl_str_dup((struct fl_str){target, strcspn(target, ".*?")});
    struct target_filter some = {.names = names, .glob = target};
    world->instances_of(world->cx, service, target_on_instance, &some);
    free(service);
}

char *fl_target_choose(const struct fl_injection *injection, pid_t *pid)
{
    const struct fl_injector_world *world = fl_injection_world(injection);
    struct fl_target_names named = {0};
    struct fl_target_names running = {0};
    fl_target_instances(&named, world, fl_injection_target(injection));
    for (size_t i = 0; i < named.count; i++)
        if (world->pid_of(world->cx, named.at[i].name) > 0)
            fl_target_add(&running, named.at[i].name, named.at[i].name);
    const struct fl_target_name *picked = fl_target_pick(&running, fl_injection_pick(injection));
    char *instance = fl_strdup(picked == NULL ? "" : picked->name);
    *pid = picked == NULL ? 0 : world->pid_of(world->cx, instance);
    fl_target_fini(&named);
    fl_target_fini(&running);
    return instance;
}
