#include "tests/accept/phoenix_contract/zoo.h"

#include "runtime/base/rng.h"
#include "tests/accept/phoenix_contract/zoo.live.h"

static const char *const zoo_words[] = {"ant",    "<b>bear</b>",   "cat & co", "\"dodo\"",
                                        "emu's",  "fl\xc3\xbcgel", "",         "gnu\nyak",
                                        "{hare}", "\xff\xfe"};

static int zoo_draw_int(struct fl_rng *rng, int least, int most)
{
    return (int)fl_rng_between(rng, least, most);
}

static const char *zoo_draw_word(struct fl_rng *rng)
{
    return zoo_words[zoo_draw_int(rng, 0, (int)FL_COUNT(zoo_words) - 1)];
}

static void zoo_draw_cage(struct fl_rng *rng, struct zoo_cage *cage, int id)
{
    *cage = (struct zoo_cage){.id = id};
    if (zoo_draw_int(rng, 0, 2) > 0) cage->sign = zoo_draw_word(rng);
    int first = zoo_draw_int(rng, 0, (int)FL_COUNT(zoo_words) - 1);
    cage->beasts_count = (size_t)zoo_draw_int(rng, 0, ZOO_BEASTS_MAX);
    for (size_t i = 0; i < cage->beasts_count; i++) {
        size_t name = ((size_t)first + i * 3) % FL_COUNT(zoo_words); /* no name twice */
        cage->beasts[i] = (struct zoo_beast){
            .id = (int)name,
            .name = zoo_words[name],
            .legs = zoo_draw_int(rng, 0, 2),
            .is_awake = zoo_draw_int(rng, 0, 1) == 1,
        };
    }
}

/* Everything but the stream follows from the seed alone. */
static void zoo_draw(struct zoo *zoo)
{
    struct fl_rng rng;
    fl_rng_init(&rng, (uint64_t)zoo->seed);
    zoo->weather = zoo_draw_int(&rng, 0, 3);
    zoo->is_open = zoo_draw_int(&rng, 0, 1) == 1;
    zoo->is_quiet = zoo_draw_int(&rng, 0, 1) == 1;
    zoo->price = zoo_draw_int(&rng, 0, 1000) / 8.0;
    zoo->motto = zoo_draw_word(&rng);
    zoo->cages_count = (size_t)zoo_draw_int(&rng, 0, ZOO_CAGES_MAX);
    int first = zoo_draw_int(&rng, 0, 9), step = zoo_draw_int(&rng, 0, 1) == 1 ? 3 : 7;
    for (size_t i = 0; i < zoo->cages_count; i++)
        zoo_draw_cage(&rng, &zoo->cages[i], (first + (int)i * step) % 10); /* no id twice */
}

/* ---- the stream and its truth */

static size_t zoo_find_fed(const struct zoo *zoo, int id)
{
    size_t at = 0;
    while (at < zoo->fed_count && zoo->fed[at] != id)
        at++;
    return at;
}

static void zoo_put(struct zoo *zoo, int id, int at)
{
    char dom_id[24];
    snprintf(dom_id, sizeof dom_id, "feed-%d", id);
    fl_live_stream_put(&zoo->feed, dom_id, at, &(struct zoo_feed){id, zoo->seed});
    if (zoo_find_fed(zoo, id) < zoo->fed_count) return; /* in its place */
    size_t to = at == FL_LIVE_LAST || (size_t)at > zoo->fed_count ? zoo->fed_count : (size_t)at;
    memmove(&zoo->fed[to + 1], &zoo->fed[to], (zoo->fed_count - to) * sizeof *zoo->fed);
    zoo->fed[to] = id;
    zoo->fed_count++;
}

static void zoo_drop(struct zoo *zoo, int id)
{
    char dom_id[24];
    snprintf(dom_id, sizeof dom_id, "feed-%d", id);
    fl_live_stream_drop(&zoo->feed, dom_id);
    size_t at = zoo_find_fed(zoo, id);
    if (at == zoo->fed_count) return;
    memmove(&zoo->fed[at], &zoo->fed[at + 1], (--zoo->fed_count - at) * sizeof *zoo->fed);
}

static int zoo_pick(struct zoo *zoo, struct fl_rng *rng)
{
    return zoo->fed[zoo_draw_int(rng, 0, (int)zoo->fed_count - 1)];
}

/* One thing at a time, as an application would: so that the page's order is plain. */
static void zoo_feed(struct zoo *zoo)
{
    struct fl_rng rng;
    fl_rng_init(&rng, (uint64_t)zoo->seed + 1000);
    int what = zoo->fed_count == 0 ? 0 : zoo_draw_int(&rng, 0, 7);
    if (what <= 1) {
        for (int i = zoo_draw_int(&rng, 1, 3); i > 0 && zoo->fed_count < ZOO_FEED_MAX; i--)
            zoo_put(zoo, ++zoo->last_fed, what == 0 ? FL_LIVE_LAST : FL_LIVE_FIRST);
    } else if (what == 2) {
        if (zoo->fed_count < ZOO_FEED_MAX)
            zoo_put(zoo, ++zoo->last_fed, zoo_draw_int(&rng, 0, (int)zoo->fed_count - 1));
    } else if (what == 3) {
        zoo_put(zoo, zoo_pick(zoo, &rng), FL_LIVE_LAST); /* anew, in its place */
    } else if (what == 4) {
        zoo_drop(zoo, zoo_pick(zoo, &rng));
    } else if (what == 5) {
        int id = zoo_pick(zoo, &rng); /* moves */
        zoo_drop(zoo, id);
        zoo_put(zoo, id, zoo_draw_int(&rng, 0, 1) == 1 ? FL_LIVE_FIRST : FL_LIVE_LAST);
    } else if (what == 6) {
        fl_live_stream_reset(&zoo->feed);
        int keep = zoo_pick(zoo, &rng);
        zoo->fed_count = 0;
        zoo_put(zoo, keep, FL_LIVE_LAST);
        zoo_put(zoo, ++zoo->last_fed, FL_LIVE_LAST);
    } else {
        zoo_drop(zoo, 100000); /* of nobody */
    }
    size_t len = 0;
    zoo->truth[0] = '\0';
    for (size_t i = 0; i < zoo->fed_count; i++)
        len += (size_t)snprintf(zoo->truth + len, sizeof zoo->truth - len, "%s%d", i > 0 ? " " : "",
                                zoo->fed[i]);
}

static void zoo_show_last(struct zoo *zoo)
{
    char dom_id[24];
    struct zoo_feed item = {.id = ++zoo->last_seen};
    snprintf(dom_id, sizeof dom_id, "recent-%d", item.id);
    fl_live_stream_put(&zoo->recent, dom_id, FL_LIVE_LAST, &item);
    snprintf(dom_id, sizeof dom_id, "top-%d", item.id);
    fl_live_stream_put(&zoo->top, dom_id, FL_LIVE_FIRST, &item);
}

static void zoo_show_some(struct zoo *zoo)
{
    for (int i = zoo->seed % 3; i > 0; i--)
        zoo_show_last(zoo);
    size_t recent = 0, top = 0;
    int last = zoo->last_seen;
    zoo->recent_truth[0] = zoo->top_truth[0] = '\0';
    for (int id = last > 3 ? last - 2 : 1; id <= last; id++)
        recent += (size_t)snprintf(zoo->recent_truth + recent, sizeof zoo->recent_truth - recent,
                                   "%s%d", recent > 0 ? " " : "", id);
    for (int id = last; id > 0 && id > last - 4; id--)
        top += (size_t)snprintf(zoo->top_truth + top, sizeof zoo->top_truth - top, "%s%d",
                                top > 0 ? " " : "", id);
}

/* ---- the view */

static int zoo_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct zoo *zoo = state;
    fl_live_stream_init(live, &zoo->feed, sizeof(struct zoo_feed), 0);
    fl_live_stream_init(live, &zoo->recent, sizeof(struct zoo_feed), -3);
    fl_live_stream_init(live, &zoo->top, sizeof(struct zoo_feed), 4);
    return 0;
}

static void zoo_on_params(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct zoo *zoo = state;
    struct fl_str seed = fl_live_query(req, "seed");
    char text[16];
    snprintf(text, sizeof text, "%.*s", FL_ARG(seed));
    zoo->seed = atoi(text);
    zoo_draw(zoo);
    zoo_feed(zoo);
    zoo_show_some(zoo);
}

static void zoo_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    char path[48];
    snprintf(path, sizeof path, "/zoo?seed=%d",
             (int)fl_live_value_int(event, "seed", 0, INT32_MAX, 0));
    if (fl_str_is(event->name, "go")) fl_live_patch(live, path, false);
    if (fl_str_is(event->name, "slow")) fl_pause(fl_live_self(live), fl_s(1));
}

const struct fl_live_view contract_zoo = {
    .name = "contract.zoo",
    .title = "Zoo",
    .state_bytes = sizeof(struct zoo),
    .view = &fl_template_zoo,
    .on_mount = zoo_on_mount,
    .on_params = zoo_on_params,
    .on_event = zoo_on_event,
};
