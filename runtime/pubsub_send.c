#include "runtime/fanout.h"
#include "runtime/pubsub_parts.h"
#include "runtime/shared_parts.h"

#define SEATS_AHEAD 8
#define CROWD_LEAST 16u /* from so many members on, they are a crowd */
#define LANES_MAX 8     /* encoders whose frame is kept during one broadcast; more encode again */

struct lane_frame {
    fl_encode_fn encode;
    void *cx;
    struct fl_shared *frame; /* NULL: it declined */
};
/* A broadcast on its way along one row. On the heap and owned by whoever broadcasts: a send can
 * wait for room (FL_FULL_BLOCK), and the sender be ended there. */
struct walk {
    struct fl_self *self;
    struct fl_broadcast *what;
    struct fl_shared *shared;
    size_t spare; /* references to it that were taken for seats to come */
    struct lane_frame lanes[LANES_MAX];
    size_t lanes_count;
};

static void walk_drop(void *ptr)
{
    struct walk *walk = ptr;
    FL_ASSERT(walk->lanes_count <= LANES_MAX);
    for (size_t i = 0; i < walk->lanes_count; i++)
        fl_shared_release(walk->lanes[i].frame);
    fl_shared_release_many(walk->shared, walk->spare + 1);
    free(walk);
}

static struct walk *walk_new(struct fl_self *self, struct fl_broadcast *what)
{
    struct walk *walk = fl_new(struct walk);
    FL_ASSERT(what->shared == NULL);
    walk->self = self;
    walk->what = what;
    walk->shared = what->shared = fl_shared_new(what->data, what->len);
    what->data = fl_shared_data(walk->shared);
    fl_self_own(self, walk, walk_drop);
    return walk;
}

static void walk_end(struct walk *walk)
{
    FL_ASSERT(walk->self->shard->running == walk->self);
    fl_self_disown(walk->self, walk);
    walk_drop(walk);
}

static struct fl_shared *lane_encode(const struct fl_broadcast *what,
                                     const struct fl_fastlane *lane)
{
    struct fl_buf buf = {0};
    FL_ASSERT(lane->encode != NULL);
    struct fl_shared *frame = lane->encode(lane->cx, what, &buf) ? fl_shared_new(buf.at, buf.len)
                                                                 : NULL;
    fl_buf_fini(&buf);
    return frame;
}

/* The frame of this lane's serializer, one more reference; NULL: it declined. */
static struct fl_shared *lane_frame(struct walk *walk, const struct fl_fastlane *lane)
{
    for (size_t i = 0; i < walk->lanes_count; i++) {
        struct lane_frame *known = &walk->lanes[i];
        if (known->encode != lane->encode || known->cx != lane->cx) continue;
        return known->frame == NULL ? NULL : fl_shared_retain(known->frame);
    }
    struct fl_shared *frame = lane_encode(walk->what, lane);
    if (walk->lanes_count == LANES_MAX) return frame;
    walk->lanes[walk->lanes_count++] = (struct lane_frame){
        .encode = lane->encode, .cx = lane->cx, .frame = frame};
    return frame == NULL ? NULL : fl_shared_retain(frame);
}

static struct fl_shared *walk_reference(struct walk *walk)
{
    if (walk->spare == 0) return fl_shared_retain(walk->shared);
    walk->spare--;
    return walk->shared;
}

/* All subscribers are neighbours. The long way is for one whose mailbox is full. */
static void seat_send(struct walk *walk, const struct fl_pubsub_seat *seat)
{
    struct fl_shard *shard = walk->self->shard;
    struct fl_self *target = fl_proc_find(shard, seat->pid);
    if (FL_UNLIKELY(target == NULL || fl_box_is_full(target))) {
        fl_send_shared(walk->self, seat->pid, walk->what->tag, walk_reference(walk));
        return;
    }
    struct fl_sig *sig = fl_sig_new(shard, FL_SIG_CAST, seat->pid, walk->self->pid);
    sig->tag = walk->what->tag;
    sig->len = (uint32_t)walk->what->len;
    sig->flags = FL_SIG_SHARED;
    sig->shared = walk_reference(walk);
    shard->counts.sent++;
    fl_box_push(target, sig);
}

static void seat_serve(struct walk *walk, const struct fl_pubsub_seat *seat)
{
    FL_ASSERT(seat->pid.bits != 0);
    if (seat->has_lane) {
        struct fl_fastlane lane = seat->sub->lane;
        struct fl_shared *frame = lane_frame(walk, &lane);
        if (frame != NULL) {
            fl_send_shared(walk->self, lane.to, lane.tag, frame);
            return;
        }
    }
    seat_send(walk, seat);
}

/* The first seat whose seq is greater; seqs grow along the row. */
static size_t seat_after(const struct fl_pubsub_topic *topic, uint64_t seq)
{
    size_t least = 0, most = topic->used;
    while (least < most) {
        size_t middle = least + (most - least) / 2;
        if (topic->seats[middle].seq > seq)
            most = middle;
        else
            least = middle + 1;
    }
    return least;
}

/* A crowd does not fit into the cache: its next members are on their way while we serve. */
static inline void seat_prefetch(const struct fl_shard *shard, const struct fl_pubsub_seat *seat)
{
    const struct fl_self *target = fl_table_find(&shard->procs_by_pid, seat->pid.bits);
    if (target != NULL) fl_proc_prefetch(target);
}

static void walk_row(struct walk *walk, struct fl_pubsub_table *table,
                     struct fl_pubsub_topic *topic)
{
    const uint64_t last_seq = table->seq_last;
    const struct fl_pid except = walk->what->except;
    uint64_t epoch = table->epoch;
    size_t end = topic->used;
    walk->spare = end - topic->gaps;
    fl_shared_retain_many(walk->shared, walk->spare);
    for (size_t i = 0; i < end; i++) {
        struct fl_pubsub_seat seat = topic->seats[i];
        if (i + SEATS_AHEAD < end) seat_prefetch(walk->self->shard, &topic->seats[i + SEATS_AHEAD]);
        if (seat.pid.bits == 0 || fl_pid_eq(seat.pid, except)) continue;
        seat_serve(walk, &seat);
        if (FL_LIKELY(table->epoch == epoch)) continue;
        /* It waited for room, and the row has moved or gone meanwhile. */
        topic = fl_pubsub_topic(table, walk->what->topic);
        if (topic == NULL) return;
        epoch = table->epoch;
        end = seat_after(topic, last_seq);
        i = seat_after(topic, seat.seq) - 1;
    }
}

static void walk_dispatch(struct walk *walk, const struct fl_pubsub_topic *topic,
                          fl_dispatch_fn dispatch)
{
    size_t count = 0;
    struct fl_subscriber *all = fl_self_alloc(walk->self, topic->used * sizeof *all);
    for (size_t i = 0; i < topic->used; i++) {
        const struct fl_pubsub_sub *sub = topic->seats[i].sub;
        if (sub == NULL) continue;
        all[count++] = (struct fl_subscriber){
            .pid = sub->member->pid,
            .fastlane = sub->has_lane ? &sub->lane : NULL,
            .meta = sub->meta,
            .meta_len = sub->meta_len,
        };
    }
    FL_ASSERT(count > 0);
    dispatch(walk->self, walk->what, all, count);
    fl_self_free(walk->self, all);
}

/* To a crowd, where each just gets the message. False: it is none, or somebody has a fast lane. */
static bool deliver_to_crowd(struct fl_self *self, const struct fl_pubsub_topic *topic,
                             const struct fl_broadcast *what)
{
    size_t members = topic->used - topic->gaps;
    if (members < CROWD_LEAST || self->shard->is_simulated) return false;
    struct fl_shared *shared = fl_shared_new(what->data, what->len);
    struct fl_fanout *fanout = fl_fanout_new(self, what->tag, shared, members);
    for (size_t i = 0; i < topic->used; i++) {
        const struct fl_pubsub_seat *seat = &topic->seats[i];
        if (seat->pid.bits == 0 || fl_pid_eq(seat->pid, what->except)) continue;
        if (seat->has_lane) {
            fl_fanout_free(fanout);
            return false;
        }
        fl_fanout_add(fanout, seat->pid);
    }
    fl_fanout_send(self, fanout);
    return true;
}

void fl_pubsub_deliver(struct fl_self *self, struct fl_pubsub_table *table,
                       struct fl_broadcast *what, fl_dispatch_fn dispatch)
{
    struct fl_pubsub_topic *topic = fl_pubsub_topic(table, what->topic);
    if (topic == NULL) return;
    if (dispatch == NULL && deliver_to_crowd(self, topic, what)) return;
    struct walk *walk = walk_new(self, what);
    if (dispatch == NULL)
        walk_row(walk, table, topic);
    else
        walk_dispatch(walk, topic, dispatch);
    walk_end(walk);
}
