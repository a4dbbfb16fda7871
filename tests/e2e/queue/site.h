/* site.h: the queue on a node of this process, and clients over real sockets. */
#ifndef FL_TEST_QUEUE_SITE_H
#define FL_TEST_QUEUE_SITE_H

#include "tests/e2e/web/world.h"

#include <cjson/cJSON.h>

#include "runtime/base/json.h"
#include "services/queue/queue.h"

struct site {
    struct world world;
    struct fl_service_opts opts;
    struct client client;
};

static inline int site_start(struct world *world, struct fl_err *err)
{
    struct site *site = FL_OWNER(world, struct site, world);
    world->port = testkit_free_port();
    site->opts.port = world->port;
    return fl_queue_start(world->node, &site->opts, err);
}

static inline int site_open(void **state)
{
    struct site *site = fl_new(struct site);
    site->world.start = site_start;
    site->opts = (struct fl_service_opts){
        .service = "queue", .instance = "queue", .folder = testkit_folder(), .control_fd = -1};
    world_up(&site->world);
    client_open(&site->client, &site->world);
    *state = site;
    return 0;
}

static inline int site_close(void **state)
{
    struct site *site = *state;
    client_close(&site->client);
    world_down(&site->world);
    testkit_remove((char *)(uintptr_t)site->opts.folder);
    free(site);
    return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, site_open, site_close)

/** Asks on this client; the answer's body is the caller's to free, and its head as well if out is
 * not NULL (fl_http_fini). */
static inline char *site_ask_on(struct client *client, const char *method, const char *path,
                                const char *body, int *status, struct fl_http *out)
{
    char *request = fl_format("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method,
                              path, strlen(body), body);
    struct fl_http http;
    client_send(client, request, strlen(request));
    free(request);
    client_response(client, false, &http);
    *status = http.status;
    char *text = fl_str_dup((struct fl_str){http.body.at, http.body.len});
    if (out != NULL)
        *out = http;
    else
        fl_http_fini(&http);
    return text;
}

/** Asks, and checks the status and that each of the words (up to a NULL) is in the answer. */
static inline void site_expect(struct site *site, const char *method, const char *path,
                               const char *body, int status, const char *words)
{
    int got;
    char *text = site_ask_on(&site->client, method, path, body, &got, NULL);
    if (got != status || (words != NULL && strstr(text, words) == NULL))
        fail_msg("%s %s %s: %d %s, expected %d %s", method, path, body, got, text, status,
                 words != NULL ? words : "");
    free(text);
}

/** Leases one job of a queue, and returns its body with the lease, {"lease":"…"}. */
static inline char *site_lease(struct site *site, const char *queue, int64_t *id)
{
    int status;
    char *path = fl_format("/queues/%s/lease", queue);
    char *text = site_ask_on(&site->client, "POST", path, "{}", &status, NULL);
    free(path);
    assert_int_equal(status, 200);
    cJSON *tree = cJSON_Parse(text);
    const cJSON *job = cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "jobs"), 0);
    assert_non_null(job);
    *id = fl_json_int(job, "id", 0);
    char *body = fl_format("{\"lease\":\"%s\"", fl_json_text(job, "lease", ""));
    cJSON_Delete(tree);
    free(text);
    return body; /* open: more fields may follow */
}

#endif
