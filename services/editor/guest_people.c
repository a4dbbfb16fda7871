/* guest_people.c: who is here, and where their cursors are. */
#include "services/editor/guest_inside.h"

#include "runtime/base/json.h"

/** One entry: `{"ref":…,"client":…,` and the meta's fields. */
static void people_put_entry(const struct fl_presence_entry *entry, struct fl_buf *out)
{
    char ref[FL_PRESENCE_REF_TEXT];
    fl_buf_printf(out, "{\"ref\":\"%s\",\"client\":", fl_presence_ref_show(entry->ref, ref));
    fl_json_put_str(out, entry->key);
    fl_buf_putc(out, ',');
    fl_buf_add(out, entry->meta.at + 1, entry->meta.len - 1); /* an object of ours, never empty */
}

void guest_put_people(struct fl_presence_view view, bool all, struct fl_buf *out)
{
    struct fl_presence_entry entry;
    struct fl_presence_view again = view;
    int joins = 0, leaves = 0;
    fl_buf_printf(out, "{\"all\":%s,\"joins\":[", all ? "true" : "false");
    while (fl_presence_next(&view, &entry)) {
        if (entry.left || joins == FL_GUEST_PEOPLE_MAX) continue;
        if (joins++ > 0) fl_buf_putc(out, ',');
        people_put_entry(&entry, out);
    }
    fl_buf_puts(out, "],\"leaves\":[");
    while (fl_presence_next(&again, &entry)) {
        char ref[FL_PRESENCE_REF_TEXT];
        if (!entry.left) continue;
        fl_buf_printf(out, "%s\"%s\"", leaves++ > 0 ? "," : "",
                      fl_presence_ref_show(entry.ref, ref));
    }
    fl_buf_puts(out, "]}");
}

static void people_on_diff(struct fl_self *self, void *cx, const struct fl_presence_view *diff)
{
    struct fl_buf out = {0};
    guest_put_people(*diff, false, &out);
    /* broadcasting may wait and I be killed there, so the bytes have to be the process's */
    size_t len = out.len;
    char *kept = fl_self_alloc(self, len);
    memcpy(kept, out.at, len);
    fl_buf_fini(&out);
    fl_pubsub_broadcast(self, cx, diff->topic, FL_GUEST_PEOPLE, kept, len);
    fl_self_free(self, kept);
}

static void people_put_state(void *cx, const struct fl_presence_view *state, struct fl_buf *out)
{
    (void)cx;
    guest_put_people(*state, true, out);
}

struct fl_presence_opts fl_guests_presence_opts(struct fl_pubsub *pubsub)
{
    return (struct fl_presence_opts){
        .pubsub = pubsub,
        .on_diff = people_on_diff,
        .put_state = people_put_state,
        .cx = pubsub,
    };
}

/** What is said of this page; a cursor below 0: none yet. */
static void people_put_meta(struct fl_guest *guest, int64_t rev, int64_t from, int64_t to)
{
    guest->out.len = 0;
    fl_buf_puts(&guest->out, "{\"name\":");
    fl_json_put_str(&guest->out, (struct fl_str){guest->by, guest->by_len});
    if (rev >= 0 && from >= 0 && to >= 0)
        fl_buf_printf(&guest->out, ",\"rev\":%lld,\"from\":%lld,\"to\":%lld", (long long)rev,
                      (long long)from, (long long)to);
    fl_buf_putc(&guest->out, '}');
}

static void people_tell(struct fl_guest *guest)
{
    struct fl_presence *presence = guest->guests->presence;
    struct fl_str key = {guest->client, guest->client_len}, meta = {guest->out.at, guest->out.len};
    if (guest->is_tracked) {
        fl_presence_update(guest->self, presence, guest->topic, key, meta);
        return;
    }
    fl_presence_ask(guest->self, presence, guest->topic);
    /* a crowd beyond this edits all the same, unseen */
    if (fl_presence_count(presence, guest->topic, NULL) >= FL_GUEST_PEOPLE_MAX) return;
    int code = fl_presence_track(guest->self, presence, guest->topic, key, meta);
    guest->is_tracked = code == 0;
}

bool guest_on_hello(struct fl_guest *guest, struct fl_str payload)
{
    char client[FL_DOC_ARCHIVE_CLIENT_MAX];
    size_t len = guest_take_text(guest, payload, "client", client, sizeof client);
    if (len == 0) return false;
    bool is_other = guest->client_len != len || memcmp(guest->client, client, len) != 0;
    if (guest->is_tracked && is_other) {
        fl_presence_untrack(guest->self, guest->guests->presence, guest->topic,
                            (struct fl_str){guest->client, guest->client_len});
        guest->is_tracked = false;
    }
    memcpy(guest->client, client, len);
    guest->client_len = len;
    guest->by_len = guest_take_text(guest, payload, "name", guest->by, sizeof guest->by);
    people_put_meta(guest, -1, -1, -1);
    people_tell(guest);
    return true;
}

bool guest_on_cursor(struct fl_guest *guest, struct fl_str payload)
{
    if (!guest->is_tracked) return true;
    people_put_meta(guest, guest_number(payload, "rev", -1), guest_number(payload, "from", -1),
                    guest_number(payload, "to", -1));
    people_tell(guest);
    return true;
}
