/* fault_crash.c: ends one runtime process inside an instance. Asks every running instance of the
 * service for its names, sorts, picks, and asks for that one's end. */
#include "chaos/injection.h"
#include "chaos/target.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

static const fl_ns crash_answer_within_ns = 2 * FL_NS_PER_S;
/* An instance that goes down takes its control with it, and then nothing answers at all. */
static const fl_ns crash_give_up_after_ns = 3 * FL_NS_PER_S;

struct crash_fault {
    struct fl_target_names found;
    bool listing; /* while the questions are being asked, an early answer does not conclude */
    bool acted;
};

static struct crash_fault *crash_of(struct fl_injection *injection)
{
    return fl_injection_own(injection, sizeof(struct crash_fault));
}

static void crash_fini(void *own)
{
    fl_target_fini(&((struct crash_fault *)own)->found);
}

/* What a refusal says: `{"error":…}`, or words, or nothing. */
static char *crash_why(const char *answer_json)
{
    cJSON *answer = answer_json == NULL ? NULL : cJSON_Parse(answer_json);
    const char *plain = answer_json == NULL ? "no answer" : answer_json;
    char *why = fl_strdup(fl_json_text(answer, "error", plain));
    cJSON_Delete(answer);
    return why;
}

static void crash_on_exit(void *cx, bool ok, const char *answer_json)
{
    void *tag = NULL;
    struct fl_injection *injection = fl_injection_answered(cx, &tag);
    char *name = tag;
    if (injection != NULL && ok) {
        cJSON *answer = cJSON_Parse(answer_json);
        fl_injection_effect(injection, fl_json_int(answer, "at_ns", fl_now()), "%s ended", name);
        cJSON_Delete(answer);
    } else if (injection != NULL) {
        char *why = crash_why(answer_json);
        fl_injection_missed(injection, "%s: %s", name, why);
        free(why);
    }
    free(name);
}

static void crash_act(struct fl_injection *injection)
{
    const struct fl_injector_world *world = fl_injection_world(injection);
    struct crash_fault *own = crash_of(injection);
    FL_ASSERT(!own->acted);
    own->acted = true;
    const struct fl_target_name *picked = fl_target_pick(&own->found, fl_injection_pick(injection));
    struct fl_control_client *control = picked == NULL
                                            ? NULL
                                            : world->control_of(world->cx, picked->instance);
    if (picked == NULL) {
        fl_injection_missed(injection, "no process matches %s", fl_injection_target(injection));
    } else if (control == NULL) {
        fl_injection_missed(injection, "%s went down", picked->instance);
    } else {
        char *what = fl_format("%s:%s", picked->instance, picked->name);
        fl_injection_requested(injection, what);
        struct fl_buf request = {0};
        fl_buf_puts(&request, "\"op\":\"exit\",\"kind\":\"crash\",\"name\":");
        fl_json_put_str(&request, fl_str_of(picked->name));
        fl_control_ask(control, request.at, crash_answer_within_ns, crash_on_exit,
                       fl_injection_ask(injection, what, crash_give_up_after_ns));
        fl_buf_fini(&request);
    }
    fl_target_fini(&own->found);
}

static void crash_on_list(void *cx, bool ok, const char *answer_json)
{
    void *tag = NULL;
    struct fl_injection *injection = fl_injection_answered(cx, &tag);
    char *instance = tag;
    if (injection != NULL && !crash_of(injection)->acted) {
        struct crash_fault *own = crash_of(injection);
        cJSON *answer = ok ? cJSON_Parse(answer_json) : NULL;
        const cJSON *name = NULL;
        cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(answer, "names"))
        {
            if (cJSON_IsString(name)) fl_target_add(&own->found, name->valuestring, instance);
        }
        cJSON_Delete(answer);
        if (!own->listing && fl_injection_asks(injection) == 0) crash_act(injection);
    }
    free(instance);
}

static void crash_give_up(struct fl_injection *injection)
{
    fl_injection_missed(injection, "no answer from its instance");
}

static void crash_stop_listing(struct fl_injection *injection)
{
    fl_injection_wake(injection, fl_now() + crash_give_up_after_ns, crash_give_up);
    if (!crash_of(injection)->acted) crash_act(injection);
}

void fl_fault_crash_begin(struct fl_injection *injection)
{
    const struct fl_injector_world *world = fl_injection_world(injection);
    struct fl_str glob = fl_str_of(fl_injection_target(injection));
    char *where = fl_str_dup(fl_str_cut(&glob, ':'));
    struct fl_buf request = {0};
    fl_buf_puts(&request, "\"op\":\"list\",\"glob\":");
    fl_json_put_str(&request, glob);

    struct fl_target_names named = {0};
    fl_target_instances(&named, world, where);
    crash_of(injection)->listing = true;
    fl_injection_own_fini(injection, crash_fini);
    fl_injection_wake(injection, fl_now() + crash_give_up_after_ns, crash_stop_listing);
    size_t asked = 0;
    for (size_t i = 0; i < named.count; i++) {
        struct fl_control_client *control = world->control_of(world->cx, named.at[i].name);
        if (control == NULL) continue;
        asked++;
        fl_control_ask(
            control, request.at, crash_answer_within_ns, crash_on_list,
            fl_injection_ask(injection, fl_strdup(named.at[i].name), crash_give_up_after_ns));
    }
    crash_of(injection)->listing = false;
    if (asked == 0)
        fl_injection_missed(injection, "%s is down", where);
    else if (fl_injection_asks(injection) == 0)
        crash_act(injection);
    fl_target_fini(&named);
    fl_buf_fini(&request);
    free(where);
}
