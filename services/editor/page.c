#include "services/editor/page.h"

#include "runtime/request.h"
#include "services/editor/editor_page.live.h"
#include "services/wire/jscan.h"

#define PAGE_CALL_NS fl_s(5)

const char *const fl_editor_styles[] = {"/assets/editor.css", NULL};
const char *const fl_editor_scripts[] = {"/assets/editor-ot.js", "/assets/editor.js", NULL};

/** Reads what `state` says into the page; its memory is the process's. */
static void page_take_text(struct fl_self *self, struct fl_editor_page *page, struct fl_str state)
{
    struct fl_buf text = {0};
    struct fl_str found = fl_jscan_get_text(state, "text", &text);
    bool can_show = found.at != NULL && memchr(found.at, '\0', found.len) == NULL;
    if (can_show) {
        char *kept = fl_self_alloc(self, found.len + 1);
        memcpy(kept, found.at, found.len);
        page->text = (struct fl_str){kept, found.len};
        page->rev = atoll(fl_jscan_get(state, "rev").at);
        page->has_text = true;
    }
    fl_buf_fini(&text);
}

/** The text, for the first paint; without it the page asks once it is connected. */
static void page_load_text(struct fl_live *live, struct fl_editor_page *page, const char *name)
{
    struct fl_self *self = fl_live_self(live);
    const struct fl_guests *guests = fl_live_cx(live);
    struct fl_pid doc;
    if (fl_doc_open(self, &guests->docs, name, &doc) != 0) return;
    struct fl_buf request = {0};
    fl_doc_put_sync(&request, -1, FL_STR(""));
    char *kept = fl_self_alloc(self, request.len);
    memcpy(kept, request.at, request.len);
    size_t request_len = request.len;
    fl_buf_fini(&request);
    struct fl_response got;
    if (fl_call_view(self, doc, FL_DOC_SYNC, kept, request_len, PAGE_CALL_NS, &got) == 0)
        page_take_text(self, page, (struct fl_str){got.data, got.len});
    fl_self_free(self, kept);
}

static void page_push(void *cx, const char *event, struct fl_str payload)
{
    fl_live_push_event(cx, event, payload);
}

static int page_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct fl_editor_page *page = state;
    struct fl_str name = fl_live_param(req, "doc");
    if (!fl_doc_name_ok(name)) return FL_ENOTFOUND;
    memcpy(page->name, name.at, name.len);
    fl_live_title(live, page->name);
    if (fl_live_is_connected(live))
        return fl_guest_come(&page->guest, fl_live_self(live), fl_live_cx(live), name, page_push,
                             live);
    page_load_text(live, page, page->name);
    return 0;
}

/* The script shows all that changes (its places are phx-update="ignore"): there is nothing to
 * render. */

static void page_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct fl_editor_page *page = state;
    fl_live_unchanged(live);
    fl_guest_on_event(&page->guest, event->name, event->payload);
}

static void page_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct fl_editor_page *page = state;
    fl_live_unchanged(live);
    fl_guest_on_message(&page->guest, msg);
}

static void page_on_reply(struct fl_live *live, void *state, uint64_t ref, int code,
                          const void *data, size_t len)
{
    struct fl_editor_page *page = state;
    fl_live_unchanged(live);
    fl_guest_on_reply(&page->guest, ref, code, data, len);
}

const struct fl_live_view fl_editor_page_view = {
    .name = "editor.page",
    .state_bytes = sizeof(struct fl_editor_page),
    .view = &fl_template_editor_page,
    .on_mount = page_on_mount,
    .on_event = page_on_event,
    .on_message = page_on_message,
    .on_reply = page_on_reply,
};
