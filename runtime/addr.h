/* addr.h: internet addresses, version 4 and 6, and their text.
 *
 * Knows: numbers, and names through fl_addr_resolve. Thread: any; an address is a plain value. */
#ifndef FL_RUNTIME_ADDR_H
#define FL_RUNTIME_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "runtime/process.h"

struct fl_addr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};
#define FL_ADDR_TEXT_MAX 64 /* of fl_addr_show, with its NUL */

/** Reads a numeric address (OTP: inet:parse_address): "127.0.0.1", "::1", "[::1]", "fe80::1%eth0".
 * NULL is 127.0.0.1. FL_ERANGE for a name, or a port outside 0 to 65535. */
int fl_addr_parse(struct fl_addr *out, const char *host, int port, struct fl_err *err);
/** The same, and asks the resolver for a name, while this process waits and its shard does not
 * (OTP: inet:getaddr). Of several answers IPv4 goes first, as there. FL_ENOTFOUND: nobody knows it.
 */
int fl_addr_resolve(struct fl_self *self, struct fl_addr *out, const char *host, int port,
                    struct fl_err *err);
/** "127.0.0.1:80" or "[::1]:80", cut to fit. Returns out (OTP: inet:ntoa). */
const char *fl_addr_show(const struct fl_addr *addr, char *out, size_t out_len);
/** Its port. */
int fl_addr_port(const struct fl_addr *addr);
/** Same address and port? */
bool fl_addr_eq(const struct fl_addr *a, const struct fl_addr *b);

#endif
