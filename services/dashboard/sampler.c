#include "services/dashboard/sampler.h"

#include "services/dashboard/ticker.h"

#define SAMPLER_AGAIN_NS fl_s(1) /* after a failure, at the soonest */

struct sampler {
    struct fl_sampler_args args;
    void *source_state;
    struct fl_sample *sample;
    char never[FL_SAMPLED_WHY_MAX]; /* not "": why it can never work */
};

static int sampler_on_init(struct fl_self *self, void *state, const void *args)
{
    struct sampler *sampler = state;
    sampler->args = *(const struct fl_sampler_args *)args;
    const struct fl_source *source = sampler->args.spec.source;
    sampler->source_state = fl_self_alloc(self, source->state_bytes + 1);
    sampler->sample = fl_self_alloc(self, sizeof *sampler->sample);
    struct fl_err err = {0};
    if (source->open != NULL && source->open(self, sampler->source_state, sampler->args.spec.what,
                                             sampler->args.opts, &err) != 0)
        snprintf(sampler->never, sizeof sampler->never, "%s", err.text);
    fl_timer_start(self, 0, 0);
    return 0;
}

static void sampler_tell(struct fl_self *self, const struct sampler *sampler, fl_ns at_ns,
                         const char *why)
{
    const struct fl_sample *sample = sampler->sample;
    size_t bytes = sample->count * sizeof sample->values[0];
    char *text = fl_self_alloc(self, sizeof(struct fl_sampled) + bytes);
    struct fl_sampled head = {
        .at_ns = at_ns, .dropped = sample->dropped, .count = (uint32_t)sample->count};
    snprintf(head.label, sizeof head.label, "%s", sampler->args.spec.label);
    snprintf(head.why, sizeof head.why, "%s", why);
    memcpy(text, &head, sizeof head);
    memcpy(text + sizeof head, sample->values, bytes);
    /* nobody there, or no room: the next one will do */
    fl_send_name(self, FL_TICKER_NAME, FL_SAMPLED, text, sizeof head + bytes);
    fl_self_free(self, text);
}

static void sampler_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct sampler *sampler = state;
    const struct fl_source *source = sampler->args.spec.source;
    struct fl_err err = {0};
    fl_ns began_ns = fl_self_now(self);
    sampler->sample->count = 0;
    sampler->sample->dropped = 0;
    int code = FL_ESTATE;
    if (sampler->never[0] == '\0')
        code = source->look(self, sampler->source_state, began_ns, sampler->sample, &err);
    else
        snprintf(err.text, sizeof err.text, "%s", sampler->never);
    if (code != 0) sampler->sample->count = 0;
    for (size_t i = 0; i < sampler->sample->count; i++)
        snprintf(sampler->sample->values[i].series.source, FL_STORE_LABEL_MAX, "%s",
                 sampler->args.spec.label);
    const char *why = code == 0 ? "" : err.text[0] != '\0' ? err.text : fl_code_name(code);
    sampler_tell(self, sampler, fl_self_now(self), why);
    fl_ns wait_ns = source->every_ns - (fl_self_now(self) - began_ns);
    if (code != 0) wait_ns = fl_ns_max(wait_ns, SAMPLER_AGAIN_NS);
    fl_timer_start(self, fl_ns_max(wait_ns, 0), 0);
}

const struct fl_server fl_sampler_server = {
    .name = "sampler",
    .state_bytes = sizeof(struct sampler),
    .on_init = sampler_on_init,
    .on_timer = sampler_on_timer,
};
