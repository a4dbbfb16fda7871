#include "services/look/look.h"

#include <unistd.h>

#include "runtime/base/lines.h"
#include "runtime/pipe.h"
#include "runtime/watch_find.h"

#define ASK_EVERY_NS fl_ms(200)
#define FIND_EVERY_NS fl_ms(600)
#define SILENT_AFTER_NS fl_s(2)
#define FORGET_AFTER_NS fl_s(30)
enum { ASKS_MAX = 32, ASK_ANSWER_MAX = 256 * 1024 };

/* Somebody who waits for an answer of a node. */
struct ask {
    int64_t id; /* 0: this place is free; below 0, rounds are above */
    struct fl_pid from;
    uint64_t ref;
    pid_t os_pid;
    fl_ns at_ns;
};

/* A node that is asked. */
struct peer {
    struct fl_watched at;
    struct fl_tcp *tcp; /* NULL: this place is free */
    struct fl_lines in;
    cJSON *processes; /* of the round under way */
    fl_ns asked_ns;   /* 0: everything is answered */
    int64_t round;
};
struct look {
    const struct fl_look_opts *opts;
    struct fl_picture *picture;
    struct fl_feed feed;
    struct fl_buf said; /* the text of the last frame */
    fl_ns found_ns;
    struct ask asks[ASKS_MAX];
    int64_t asks_made;
    struct peer peers[FL_PICTURE_NODES];
};

/* What is malloc'ed; goes with the process. */
static void look_fini(void *state)
{
    struct look *look = state;
    for (size_t i = 0; i < FL_COUNT(look->peers); i++) {
        fl_lines_fini(&look->peers[i].in);
        cJSON_Delete(look->peers[i].processes);
    }
    fl_buf_fini(&look->said);
    fl_picture_free(look->picture);
}

static void peer_free(struct peer *peer)
{
    fl_lines_fini(&peer->in);
    cJSON_Delete(peer->processes);
    *peer = (struct peer){0};
}

/* ---- which nodes: services come and go while one looks ---- */

struct finding {
    struct fl_watched *all;
    size_t count;
};

static int finding_run(void *arg)
{
    struct finding *finding = arg;
    finding->count = fl_watch_find(&finding->all);
    return 0;
}

static void finding_free(void *arg)
{
    struct finding *finding = arg;
    free(finding->all);
    free(finding);
}

static pid_t look_root(const struct look *look, const struct finding *finding)
{
    if (look->opts->root != FL_LOOK_FAMILY) return look->opts->root;
    for (size_t i = 0; i < finding->count; i++)
        if (finding->all[i].pid == getpid()) return finding->all[i].root;
    return getpid();
}

static void look_add(struct fl_self *self, struct look *look, const struct fl_watched *at)
{
    struct peer *room = NULL;
    for (size_t i = 0; i < FL_COUNT(look->peers); i++) {
        struct peer *peer = &look->peers[i];
        if (peer->tcp == NULL && room == NULL) room = peer;
        if (peer->tcp != NULL && peer->at.pid == at->pid) return;
    }
    if (room == NULL) return;
    struct fl_tcp *tcp;
    if (fl_pipe_connect(self, at->path, &tcp, NULL) != 0) return; /* it begins, or ends */
    *room = (struct peer){.at = *at, .tcp = tcp};
}

static void look_find(struct fl_self *self, struct look *look)
{
    struct finding *finding = fl_new(struct finding);
    int code = fl_blocking(self, finding_run, finding, finding_free);
    fl_self_own(self, finding, finding_free); /* I may be killed while I connect */
    if (code == 0) {
        pid_t root = look_root(look, finding);
        for (size_t i = 0; i < finding->count; i++)
            if (root == FL_LOOK_ALL || finding->all[i].root == root || finding->all[i].pid == root)
                look_add(self, look, &finding->all[i]);
    }
    fl_self_disown(self, finding);
    finding_free(finding);
}

/* ---- asking ---- */

static void peer_ask(struct fl_self *self, struct look *look, struct peer *peer)
{
    fl_ns now_ns = fl_self_now(self);
    if (peer->asked_ns != 0) {
        if (now_ns - peer->asked_ns > SILENT_AFTER_NS)
            fl_picture_silent(look->picture, peer->at.pid, true);
        return;
    }
    char line[160];
    peer->round++;
    int len = snprintf(line, sizeof line,
                       "{\"id\":%lld,\"op\":\"processes\",\"order\":\"mailbox\"}\n"
                       "{\"id\":%lld,\"op\":\"tree\"}\n",
                       (long long)(peer->round * 2), (long long)(peer->round * 2 + 1));
    if (fl_tcp_write(self, peer->tcp, line, (size_t)len) == 0) peer->asked_ns = now_ns;
}

/** Lets those go who wait for this node; code 0 is not used. */
static void asks_fail(struct fl_self *self, struct look *look, pid_t os_pid, int code)
{
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &look->asks[i];
        if (ask->id == 0 || ask->os_pid != os_pid) continue;
        fl_self_reply_error(self, ask->from, ask->ref, code);
        ask->id = 0;
    }
}

static void asks_answer(struct fl_self *self, struct look *look, int64_t id, const char *line)
{
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &look->asks[i];
        if (ask->id != id) continue;
        size_t len = strlen(line);
        if (len <= ASK_ANSWER_MAX)
            fl_self_reply(self, ask->from, ask->ref, line, len);
        else
            fl_self_reply_error(self, ask->from, ask->ref, FL_EFULL);
        ask->id = 0;
    }
}

static void look_on_ask(struct fl_self *self, struct look *look, const struct fl_msg *msg)
{
    fl_ns now_ns = fl_self_now(self);
    struct ask *room = NULL;
    for (size_t i = 0; i < ASKS_MAX && room == NULL; i++)
        if (look->asks[i].id == 0 || now_ns - look->asks[i].at_ns > FORGET_AFTER_NS)
            room = &look->asks[i];
    int32_t os_pid = 0;
    FL_ASSERT(msg->len > sizeof os_pid);
    memcpy(&os_pid, msg->data, sizeof os_pid);
    const struct peer *peer = NULL;
    for (size_t i = 0; i < FL_COUNT(look->peers); i++)
        if (look->peers[i].tcp != NULL && look->peers[i].at.pid == os_pid) peer = &look->peers[i];
    int code = peer == NULL ? FL_ENOPROC : room == NULL ? FL_EFULL : 0;
    if (code == 0) {
        *room = (struct ask){.id = -++look->asks_made,
                             .from = msg->from,
                             .ref = msg->ref,
                             .os_pid = os_pid,
                             .at_ns = now_ns};
        char *line = fl_format("{\"id\":%lld,%.*s}\n", (long long)room->id,
                               (int)(msg->len - sizeof os_pid),
                               (const char *)msg->data + sizeof os_pid);
        code = fl_tcp_write(self, peer->tcp, line, strlen(line));
        free(line);
        if (code != 0) room->id = 0;
    }
    if (code != 0) fl_self_reply_error(self, msg->from, msg->ref, code);
}

int fl_look_ask(struct fl_self *self, pid_t os_pid, const char *fields, cJSON **out,
                fl_ns within_ns)
{
    size_t len = strlen(fields), answer_len = 0;
    int32_t head = (int32_t)os_pid;
    char *question = fl_self_alloc(self, sizeof head + len);
    memcpy(question, &head, sizeof head);
    memcpy(question + sizeof head, fields, len);
    char *answer = fl_self_alloc(self, ASK_ANSWER_MAX);
    int code = fl_call_name(self, FL_LOOK_NAME, FL_LOOK_ASK, question, sizeof head + len, answer,
                            ASK_ANSWER_MAX, &answer_len, within_ns);
    if (code == 0) *out = cJSON_ParseWithLength(answer, answer_len);
    if (code == 0 && *out == NULL) code = FL_EBADMSG;
    fl_self_free(self, answer);
    fl_self_free(self, question);
    return code;
}

static void peer_on_line(struct fl_self *self, struct look *look, struct peer *peer,
                         const char *line)
{
    cJSON *answer = cJSON_Parse(line);
    int64_t id = fl_json_int(answer, "id", 0);
    if (id < 0) asks_answer(self, look, id, line);
    if (id == peer->round * 2) {
        cJSON_Delete(peer->processes);
        peer->processes = answer;
        return;
    }
    if (id == peer->round * 2 + 1) {
        peer->asked_ns = 0;
        fl_picture_put(look->picture, peer->at.name, peer->at.pid, peer->at.root,
                       cJSON_GetObjectItemCaseSensitive(answer, "tree"), peer->processes);
    }
    cJSON_Delete(answer);
}

/** Tells everybody, if there is anything new. */
static void look_tell(struct fl_self *self, struct look *look)
{
    struct fl_buf text = {0};
    fl_picture_write(look->picture, &text);
    if (text.len == look->said.len && memcmp(text.at, look->said.at, text.len) == 0) {
        fl_buf_fini(&text);
        return;
    }
    fl_buf_fini(&look->said);
    look->said = text;
    fl_feed_send(self, &look->feed,
                 fl_web_frame(FL_STR(FL_LOOK_TOPIC), "tree", (struct fl_str){text.at, text.len}));
}

/* ---- the process ---- */

static int look_on_init(struct fl_self *self, void *state, const void *args)
{
    struct look *look = state;
    look->opts = args;
    look->picture = fl_picture_new();
    fl_self_own(self, look, look_fini);
    fl_timer_start(self, 0, 0);
    return 0;
}

static void look_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct look *look = state;
    look_tell(self, look);
    fl_ns now_ns = fl_self_now(self);
    if (look->found_ns == 0 || now_ns - look->found_ns >= FIND_EVERY_NS) {
        look->found_ns = now_ns;
        look_find(self, look);
    }
    for (size_t i = 0; i < FL_COUNT(look->peers); i++)
        if (look->peers[i].tcp != NULL) peer_ask(self, look, &look->peers[i]);
    fl_timer_start(self, ASK_EVERY_NS, 0);
}

static struct peer *peer_of(struct look *look, const struct fl_tcp *tcp)
{
    for (size_t i = 0; i < FL_COUNT(look->peers); i++)
        if (look->peers[i].tcp == tcp) return &look->peers[i];
    return NULL;
}

static void peer_gone(struct fl_self *self, struct look *look, struct peer *peer)
{
    asks_fail(self, look, peer->at.pid, FL_EDIED);
    fl_picture_drop(look->picture, peer->at.pid);
    peer_free(peer);
    look->found_ns = 0; /* its successor may be there already */
}

static void look_on_tcp_data(struct fl_self *self, void *state, struct fl_tcp *tcp,
                             const void *bytes, size_t len)
{
    struct look *look = state;
    struct peer *peer = peer_of(look, tcp);
    FL_ASSERT(peer != NULL);
    if (!fl_lines_feed(&peer->in, bytes, len)) {
        fl_tcp_close(self, tcp, 0);
        peer_gone(self, look, peer);
        return;
    }
    for (const char *line; (line = fl_lines_next(&peer->in)) != NULL;)
        peer_on_line(self, look, peer, line);
}

static void look_on_tcp_closed(struct fl_self *self, void *state, struct fl_tcp *tcp, int code)
{
    (void)code;
    struct look *look = state;
    struct peer *peer = peer_of(look, tcp);
    FL_ASSERT(peer != NULL);
    peer_gone(self, look, peer);
    look_tell(self, look);
}

static void look_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct look *look = state;
    fl_feed_on_cast(self, &look->feed, msg);
}

static void look_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct look *look = state;
    if (msg->tag == FL_LOOK_SUMS) {
        struct fl_picture_sums sums[FL_PICTURE_NODES];
        size_t count = fl_picture_sums(look->picture, sums, FL_COUNT(sums));
        fl_self_reply(self, msg->from, msg->ref, sums, count * sizeof sums[0]);
        return;
    }
    if (msg->tag == FL_LOOK_ASK) {
        look_on_ask(self, look, msg);
        return;
    }
    struct fl_buf text = {0};
    fl_picture_write(look->picture, &text);
    if (text.len <= FL_LOOK_TREE_MAX)
        fl_self_reply(self, msg->from, msg->ref, text.at, text.len);
    else
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
    fl_buf_fini(&text);
}

const struct fl_server fl_look_server = {
    .name = "look",
    .state_bytes = sizeof(struct look),
    .on_init = look_on_init,
    .on_timer = look_on_timer,
    .on_cast = look_on_cast,
    .on_call = look_on_call,
    .on_tcp_data = look_on_tcp_data,
    .on_tcp_closed = look_on_tcp_closed,
};
