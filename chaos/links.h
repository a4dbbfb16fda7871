/* links.h: the links of a run: TCP proxies in a process of their own, and their control.
 *
 * The worker process speaks JSON lines over descriptor 3, a request and its answer with the same
 * id. Control never waits for data. Thread: the loop's. */
#ifndef FL_CHAOS_LINKS_H
#define FL_CHAOS_LINKS_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "runtime/base/fl.h"

struct fl_links;

/** Called once with the answer: ok and its JSON object (borrowed), or why not; when the worker is
 * gone or the channel closes, with ok false. */
typedef void (*fl_links_fn)(void *cx, bool ok, const cJSON *answer, const char *why);

/** Takes fd, our end of the worker's control channel. on_lost: the worker is gone. */
int fl_links_open(struct fl_links **out, uv_loop_t *loop, int fd_take, void (*on_lost)(void *cx),
                  void *cx, struct fl_err *err);
/** Closes the channel, which ends the worker. NULL is fine. */
void fl_links_close(struct fl_links *links);

/** Opens a listener on 127.0.0.1 (port 0: free). The answer has "port". */
void fl_links_listen(struct fl_links *links, const char *link, int port, fl_links_fn fn, void *cx);
/** Says where an instance behind the link listens and whether it is up. New connections are spread
 * over those that are up, in turn; while none is up they go to one that is down, and fail as it
 * does. */
void fl_links_upstream(struct fl_links *links, const char *link, const char *instance,
                       const char *host, int port, bool up);
/** Adds a toxic of this type: `latency` {latency, jitter: ns, stream: upstream, downstream or
 * both}, `cut` {}. The answer has "at_ns" and "connections": how many were there; of a cut also
 * "refuses": the port was seen to refuse. seed draws the jitter. */
void fl_links_add_toxic(struct fl_links *links, const char *link, const char *toxic,
                        const char *type, const cJSON *settings, uint64_t seed, fl_links_fn fn,
                        void *cx);
/** Takes it away, and after a cut verifies that the port accepts again; the answer has "seen":
 * connections or chunks that it touched. */
void fl_links_remove_toxic(struct fl_links *links, const char *link, const char *toxic,
                           fl_links_fn fn, void *cx);

/** Waits for the first connection or chunk that the toxic touches; the answer has "seen" and
 * "at_ns". Not ok when it was taken away before. */
void fl_links_watch_toxic(struct fl_links *links, const char *link, const char *toxic,
                          fl_links_fn fn, void *cx);

/** The worker process: `faultline worker links`. Returns its exit code. */
int fl_links_worker_main(void);

#endif
