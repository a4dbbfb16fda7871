/* http.h: the queue's routes (docs/queue.md, docs/queue.openapi.yaml): reads a request, asks the
 * store, writes the answer.
 *
 * Knows: JSON and status codes. Does not know: SQL. Thread: a connection's process. */
#ifndef FL_QUEUE_HTTP_H
#define FL_QUEUE_HTTP_H

#include "services/web/web.h"

/** The rows, ended by one with a NULL method. */
extern const struct fl_web_route fl_queue_routes[];

/* The handlers, in http_jobs.c. Without `:queue` in their path: of the queue "default". */
/** Puts a job in. */
void fl_queue_http_enqueue(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req);
/** Puts many in: each for itself, all in one commit. */
void fl_queue_http_enqueue_many(struct fl_self *self, struct fl_web *web,
                                const struct fl_web_request *req);
/** A job, without its lease. */
void fl_queue_http_get(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req);
/** Deletes a job that is not leased. */
void fl_queue_http_delete(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req);
/** Makes a dead or scheduled job ready. */
void fl_queue_http_requeue(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req);

/* … in http_work.c */
/** Leases jobs, waiting for them if asked to. */
void fl_queue_http_lease(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);
/** A job is done. */
void fl_queue_http_ack(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req);
/** Many jobs are done, each for itself. */
void fl_queue_http_ack_many(struct fl_self *self, struct fl_web *web,
                            const struct fl_web_request *req);
/** A job could not be done. */
void fl_queue_http_job_failed(struct fl_self *self, struct fl_web *web,
                              const struct fl_web_request *req);
/** A worker needs longer. */
void fl_queue_http_heartbeat(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req);
/** A worker gives a job back. */
void fl_queue_http_release(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req);

/* … in http_queues.c */
/** All queues. */
void fl_queue_http_queues(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req);
/** One queue. */
void fl_queue_http_queue(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);
/** Makes a queue, or changes its settings. */
void fl_queue_http_queue_set(struct fl_self *self, struct fl_web *web,
                             const struct fl_web_request *req);
/** Deletes an empty queue. */
void fl_queue_http_queue_delete(struct fl_self *self, struct fl_web *web,
                                const struct fl_web_request *req);
/** Gives no more leases. */
void fl_queue_http_pause(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);
/** Gives leases again. */
void fl_queue_http_resume(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req);
/** A page of jobs of one state. */
void fl_queue_http_list(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req);
/** Makes all dead jobs ready. */
void fl_queue_http_requeue_all(struct fl_self *self, struct fl_web *web,
                               const struct fl_web_request *req);
/** Deletes all jobs of one state. */
void fl_queue_http_purge(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);
/** The five counts of the queue "default". */
void fl_queue_http_stats(struct fl_self *self, struct fl_web *web,
                         const struct fl_web_request *req);
/** Everything that is counted, as Prometheus reads it. */
void fl_queue_http_metrics(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req);

/* … in http_repeats.c */
/** The repeats of all queues, or of one. */
void fl_queue_http_repeats(struct fl_self *self, struct fl_web *web,
                           const struct fl_web_request *req);
/** Makes a repeat or replaces it. */
void fl_queue_http_repeat_set(struct fl_self *self, struct fl_web *web,
                              const struct fl_web_request *req);
/** Ends a repeat. */
void fl_queue_http_repeat_delete(struct fl_self *self, struct fl_web *web,
                                 const struct fl_web_request *req);

#endif
