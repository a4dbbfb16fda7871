/* udp.h: UDP sockets as ports of a process (OTP: gen_udp, active).
 *
 * Each datagram is one message of the owner's mailbox. What it has not read yet is bounded: above
 * queue_max the newest is dropped, as the network would, and counted. The socket belongs to the
 * process and is closed before its DOWN is sent. A body (fl_spawn_run) hears its datagrams while it
 * is in fl_receive. Thread: the owner's handlers only. */
#ifndef FL_RUNTIME_UDP_H
#define FL_RUNTIME_UDP_H

#include "runtime/addr.h"

struct fl_udp;

struct fl_udp_opts {
    const char *host; /* numeric, IPv4 or IPv6; default 127.0.0.1 */
    int port;         /* 0: any free one; see fl_udp_addr */
    /** A datagram, valid until it returns. It runs as a handler of the owner: it may wait. state
     * is the owner's, NULL for a body. on_data NULL: what comes in is dropped, uncounted. */
    void (*on_data)(struct fl_self *self, void *state, struct fl_udp *udp,
                    const struct fl_addr *from, const void *bytes, size_t len);
    uint32_t queue_max; /* datagrams that wait for the owner; 0: 1000 */
    size_t out_max;     /* bytes that wait for the network; 0: 1 MiB */
};

struct fl_udp_counts {
    uint64_t received; /* datagrams that the owner was told of or will be */
    uint64_t dropped;  /* they found queue_max waiting */
    uint64_t failed;   /* queued by fl_udp_send, and refused by the network later */
};

/** Binds a socket of the calling process (OTP: gen_udp:open). Returns 0, FL_ERANGE (no such
 * address), FL_ESTATE (simulated node) or a libuv code; *out is set only on success and lives until
 * fl_udp_close or the end of the process. */
int fl_udp_open(struct fl_self *self, const struct fl_udp_opts *opts, struct fl_udp **out,
                struct fl_err *err);
/** Sends one datagram, at once or queued (then copied) (OTP: gen_udp:send). FL_EFULL: over out_max,
 * not sent. FL_ESTATE: not mine, or closed. A libuv code: the network said no (UV_EMSGSIZE: too
 * long). */
int fl_udp_send(struct fl_self *self, struct fl_udp *udp, const struct fl_addr *to,
                const void *bytes, size_t len);
/** The address that it is bound to; valid as long as udp is (OTP: inet:sockname). */
const struct fl_addr *fl_udp_addr(const struct fl_udp *udp);
/** What came, and what was lost here (OTP: inet:getstat). */
struct fl_udp_counts fl_udp_counts(const struct fl_udp *udp);
/** Closes (OTP: gen_udp:close); what was not read is gone. udp is dead after, once on_data returns
 * if called in there.
 */
void fl_udp_close(struct fl_self *self, struct fl_udp *udp);

#endif
