#include "runtime/addr.h"

#include <netdb.h>
#include <uv.h>

static bool addr_is_v6(const struct fl_addr *addr)
{
    FL_ASSERT(addr->any.sa_family == AF_INET || addr->any.sa_family == AF_INET6);
    return addr->any.sa_family == AF_INET6;
}

int fl_addr_parse(struct fl_addr *out, const char *host, int port, struct fl_err *err)
{
    FL_ASSERT(out != NULL);
    *out = (struct fl_addr){0};
    if (host == NULL) host = "127.0.0.1";
    if (port < 0 || port > UINT16_MAX)
        return fl_err_set(err, FL_ERANGE, "%d is no port: 0 to %d are", port, UINT16_MAX);
    if (uv_ip4_addr(host, port, &out->v4) == 0) return 0;
    char bare[INET6_ADDRSTRLEN + 32];
    size_t len = strlen(host);
    bool has_brackets = len >= 2 && host[0] == '[' && host[len - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(has_brackets ? len - 2 : len), host + has_brackets);
    if (uv_ip6_addr(bare, port, &out->v6) == 0) return 0;
    return fl_err_set(err, FL_ERANGE, "\"%s\" is not an IPv4 or IPv6 address", host);
}

/* Owned by the job: its process may be killed while the resolver still thinks. */
struct question {
    char *host;
    struct fl_addr answer;
};

static void question_free(void *ptr)
{
    struct question *question = ptr;
    free(question->host);
    free(question);
}

static int question_ask(void *ptr)
{
    struct question *question = ptr;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int rc = getaddrinfo(question->host, NULL, &hints, &list);
    if (rc != 0) return rc == EAI_AGAIN ? FL_EIO : FL_ENOTFOUND;
    const struct addrinfo *best = list;
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
        if (at->ai_family == AF_INET && best->ai_family != AF_INET) best = at;
    FL_ASSERT(best != NULL && best->ai_addrlen <= sizeof question->answer);
    memcpy(&question->answer, best->ai_addr, best->ai_addrlen);
    freeaddrinfo(list);
    return 0;
}

int fl_addr_resolve(struct fl_self *self, struct fl_addr *out, const char *host, int port,
                    struct fl_err *err)
{
    int parsed = fl_addr_parse(out, NULL, port, err);
    if (parsed != 0 || fl_addr_parse(out, host, port, NULL) == 0) return parsed;
    struct question *question = fl_new(struct question);
    question->host = fl_strdup(host);
    int rc = fl_blocking(self, question_ask, question, question_free);
    if (rc == 0) *out = question->answer;
    if (rc == 0 && addr_is_v6(out))
        out->v6.sin6_port = htons((uint16_t)port);
    else if (rc == 0)
        out->v4.sin_port = htons((uint16_t)port);
    question_free(question);
    if (rc == 0) return 0;
    return fl_err_set(err, rc, "cannot find the host \"%s\": %s", host, fl_code_name(rc));
}

int fl_addr_port(const struct fl_addr *addr)
{
    return ntohs(addr_is_v6(addr) ? addr->v6.sin6_port : addr->v4.sin_port);
}

const char *fl_addr_show(const struct fl_addr *addr, char *out, size_t out_len)
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_v6 = addr_is_v6(addr);
    if (is_v6)
        uv_ip6_name(&addr->v6, host, sizeof host);
    else
        uv_ip4_name(&addr->v4, host, sizeof host);
    snprintf(out, out_len, is_v6 ? "[%s]:%d" : "%s:%d", host, fl_addr_port(addr));
    return out;
}

bool fl_addr_eq(const struct fl_addr *a, const struct fl_addr *b)
{
    if (a->any.sa_family != b->any.sa_family || fl_addr_port(a) != fl_addr_port(b)) return false;
    if (addr_is_v6(a)) return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
    return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}
