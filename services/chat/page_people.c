#include "runtime/base/rng.h"
#include "services/chat/page.h"
#include "services/wire/jscan.h"

unsigned fl_page_hue(struct fl_str name)
{
    return (unsigned)(fl_hash_bytes(name.at, name.len) & 7);
}

void fl_page_letter(struct fl_str name, char out[8])
{
    size_t len = name.len > 0 ? 1 : 0;
    while (len < name.len && len < 4 && ((unsigned char)name.at[len] & 0xc0) == 0x80)
        len++;
    memcpy(out, name.at, len);
    out[len] = '\0';
    if (len == 1 && out[0] >= 'a' && out[0] <= 'z') out[0] = (char)(out[0] - 'a' + 'A');
}

/* The decoded text of a key of a meta, cut to fit. */
static void people_text(struct fl_str meta, const char *key, char *out, size_t out_len)
{
    struct fl_buf text = {0}; /* nothing waits before it is freed */
    struct fl_str value = fl_jscan_get_text(meta, key, &text);
    size_t len = value.len < out_len ? value.len : out_len - 1;
    while (len > 0 && !fl_utf8_ok(value.at, len))
        len--;
    if (len > 0) memcpy(out, value.at, len);
    out[len] = '\0';
    fl_buf_fini(&text);
}

static void people_add_device(struct page_person *person, struct fl_str meta)
{
    char status[sizeof person->status], device[24];
    people_text(meta, "status", status, sizeof status);
    people_text(meta, "device", device, sizeof device);
    bool is_first = person->devices_count++ == 0;
    /* one device that is awake is enough */
    if (is_first || strcmp(status, "online") == 0) memcpy(person->status, status, sizeof status);
    size_t len = strlen(person->devices);
    if (device[0] == '\0' || strstr(person->devices, device) != NULL) return;
    if (len + strlen(device) + 3 > sizeof person->devices) return;
    snprintf(person->devices + len, sizeof person->devices - len, "%s%s", len > 0 ? ", " : "",
             device);
}

/* Entries of one person come in a row. */
void fl_page_read_people(struct room_page *page)
{
    char topic[FL_ROOM_TOPIC_MAX];
    struct fl_buf list = {0}; /* nothing waits before it is freed */
    struct fl_presence_entry entry;
    struct page_person *person = NULL;
    struct fl_str key = {0};
    fl_chat_topic(page->room, topic);
    page->devices_total = fl_presence_list(page->chat->presence, topic, &list);
    page->people_count = page->people_total = 0;
    struct fl_presence_view view = {topic, list.at, list.len};
    while (fl_presence_next(&view, &entry)) {
        if (page->people_total == 0 || !fl_str_eq(key, entry.key)) {
            bool fits = page->people_count < PAGE_PEOPLE_MAX;
            person = fits ? &page->people[page->people_count++] : NULL;
            page->people_total++;
            key = entry.key;
            if (person != NULL) {
                *person = (struct page_person){.hue = fl_page_hue(key)};
                snprintf(person->name, sizeof person->name, "%.*s", FL_ARG(key));
                fl_page_letter(key, person->letter);
            }
        }
        if (person != NULL) people_add_device(person, entry.meta);
    }
    fl_buf_fini(&list);
}

/* ---- who types */

static void typing_show(struct room_page *page)
{
    char *out = page->typing_text;
    size_t cap = sizeof page->typing_text;
    out[0] = '\0';
    if (page->typing_count == 1)
        snprintf(out, cap, "%s is typing…", page->typing[0].name);
    else if (page->typing_count == 2)
        snprintf(out, cap, "%s and %s are typing…", page->typing[0].name, page->typing[1].name);
    else if (page->typing_count > 2)
        snprintf(out, cap, "Several people are typing…");
}

void fl_page_note_typing(struct room_page *page, struct fl_str name, int64_t for_ms, fl_ns now_ns)
{
    size_t at = 0;
    if (name.len == 0 || name.len > FL_ROOM_USER_MAX || fl_str_is(name, page->me)) return;
    while (at < page->typing_count && !fl_str_is(name, page->typing[at].name))
        at++;
    if (at == PAGE_TYPING_MAX || (at == page->typing_count && for_ms <= 0)) return;
    struct page_typing *typing = &page->typing[at];
    snprintf(typing->name, sizeof typing->name, "%.*s", FL_ARG(name));
    typing->until_ns = now_ns + (for_ms > 60000 ? 60000 : for_ms) * FL_NS_PER_MS;
    if (at == page->typing_count) page->typing_count++;
    fl_page_forget_typing(page, now_ns);
}

fl_ns fl_page_forget_typing(struct room_page *page, fl_ns now_ns)
{
    fl_ns next_ns = 0;
    size_t kept = 0;
    for (size_t i = 0; i < page->typing_count; i++) {
        const struct page_typing typing = page->typing[i];
        if (typing.until_ns <= now_ns) continue;
        page->typing[kept++] = typing;
        if (next_ns == 0 || typing.until_ns < next_ns) next_ns = typing.until_ns;
    }
    page->typing_count = kept;
    typing_show(page);
    return next_ns;
}
