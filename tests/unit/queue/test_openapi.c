/* The description of the API and the API are the same: every route is in docs/queue.openapi.yaml,
 * nothing else is, and limits and settings are the ones that the program has. */
#include "tests/support/testkit.h"

#include <ctype.h>

#include "runtime/base/json.h"
#include "services/live/live.h"
#include "services/queue/http.h"
#include "services/queue/pool.h"
#include "services/queue/settings.h"

static int file_read(void **state)
{
    char *text = NULL;
    int rc = fl_file_read(&text, NULL, FL_SOURCE_DIR "/docs/queue.openapi.yaml", NULL);
    *state = text;
    return rc;
}

static int file_free(void **state)
{
    free(*state);
    return 0;
}

/** `/jobs/{id}` as the routes write it: `/jobs/:id`. */
static void route_path(struct fl_str yaml, char *out)
{
    for (size_t i = 0; i < yaml.len; i++) {
        if (yaml.at[i] == '}') continue;
        *out++ = yaml.at[i] == '{' ? ':' : yaml.at[i];
    }
    *out = '\0';
}

static bool route_is_there(const char *method, const char *path)
{
    for (const struct fl_web_route *row = fl_queue_routes; row->method != NULL; row++)
        if (strcasecmp(row->method, method) == 0 && strcmp(row->path, path) == 0) return true;
    return false;
}

static size_t routes_of_the_api(void)
{
    size_t count = 0;
    for (const struct fl_web_route *row = fl_queue_routes; row->method != NULL; row++)
        count += row->handle != fl_live_page_handle; /* pages are for people */
    return count;
}

static void every_route_is_described_and_nothing_else_is(void **state)
{
    static const char *const methods[] = {"get", "put", "post", "delete", "patch"};
    struct fl_str rest = fl_str_of(*state);
    char path[256] = "", at[300];
    size_t found = 0;
    bool in_paths = false;
    while (rest.len > 0) {
        struct fl_str line = fl_str_cut(&rest, '\n');
        if (line.len > 0 && isalpha((unsigned char)line.at[0]))
            in_paths = fl_str_is(line, "paths:");
        if (!in_paths || line.len < 4) continue;
        struct fl_str word = fl_str_trim(line);
        word = fl_str_cut(&word, ':');
        if (strncmp(line.at, "  /", 3) == 0) route_path(word, path);
        bool is_method = strncmp(line.at, "    ", 4) == 0 && line.at[4] != ' ';
        for (size_t i = 0; i < FL_COUNT(methods) && is_method; i++) {
            if (!fl_str_is(word, methods[i])) continue;
            snprintf(at, sizeof at, "%s %s", methods[i], path);
            if (!route_is_there(methods[i], path)) fail_msg("no such route: %s", at);
            found++;
        }
    }
    assert_int_equal(found, routes_of_the_api());
}

static void settings_and_handlers_are_described_with_their_limits(void **state)
{
    const char *text = *state;
    const char *from = strstr(text, "\n    QueueConfig:");
    assert_non_null(from);
    for (int i = 0; i < FL_SET_COUNT; i++) {
        const struct fl_queue_setting *row = &fl_queue_settings[i];
        int64_t unit = row->kind == FL_SETTING_THOUSANDTHS ? 1000 : 1;
        char want[200];
        if (row->kind == FL_SETTING_BOOL)
            snprintf(want, sizeof want, "        %s: {type: boolean, default: false", row->name);
        else
            snprintf(want, sizeof want,
                     "        %s: {type: %s, minimum: %lld, maximum: %lld, default: %lld",
                     row->name, unit > 1 ? "number" : "integer", (long long)(row->least / unit),
                     (long long)(row->most / unit), (long long)(row->standard / unit));
        if (strstr(from, want) == NULL) fail_msg("not described: %s", want);
    }
    struct fl_buf handlers = {0};
    fl_buf_puts(&handlers, "        handler: {enum: [null");
    for (const struct fl_pool_handler *row = fl_pool_handlers; row->name != NULL; row++)
        fl_buf_printf(&handlers, ", %s", row->name);
    assert_non_null(strstr(from, handlers.at));
    fl_buf_fini(&handlers);
}

static void the_guide_shows_every_route(void **state)
{
    (void)state;
    char *guide;
    assert_int_equal(fl_file_read(&guide, NULL, FL_SOURCE_DIR "/docs/queue.md", NULL), 0);
    for (const struct fl_web_route *row = fl_queue_routes; row->method != NULL; row++) {
        char want[300];
        if (row->handle == fl_live_page_handle) continue;
        snprintf(want, sizeof want, "`%s %s`", row->method, row->path);
        if (strstr(guide, want) == NULL) fail_msg("docs/queue.md does not have %s", want);
    }
    free(guide);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, file_read, file_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(every_route_is_described_and_nothing_else_is),
        STORY(settings_and_handlers_are_described_with_their_limits),
        STORY(the_guide_shows_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
