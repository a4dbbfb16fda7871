/* presence.h: Phoenix Presence on channels: presence_state to who joins, presence_diff to all
 * (docs/chat.md shows them; the client class is `Phoenix.Presence`).
 *
 * A channel tracks its person in on_join and gets the state after the answer to its join; both
 * texts are made once for all who get them. A meta is a JSON object, `phx_ref` and `phx_ref_prev`
 * are added to it. Knows: runtime/presence.h, channels. Thread: as the functions of those. */
#ifndef FL_WEB_PRESENCE_H
#define FL_WEB_PRESENCE_H

#include "runtime/presence.h"
#include "services/web/web.h"

/** What fl_presence_new or fl_presence_start need for a presence of channels: its diffs are
 * broadcast on the pubsub, under the channel's topic, as the web's broadcasts. */
struct fl_presence_opts fl_web_presence_opts(struct fl_pubsub *pubsub);

/** The person of this channel is there, under a key and with a meta that is a JSON object; the
 * channel gets the state soon. For on_join; codes of fl_presence_track, FL_EBADMSG: no object. The
 * channel hears its topic on the pubsub too: subscribe before. */
int fl_web_presence_track(struct fl_channel *ch, struct fl_presence *presence, struct fl_str key,
                          struct fl_str meta);
/** Changes the meta. Codes of fl_presence_update, FL_EBADMSG: no object. */
int fl_web_presence_update(struct fl_channel *ch, struct fl_presence *presence, struct fl_str key,
                           struct fl_str meta);
/** For on_message: pushes to the client what a presence sent. False: that was not of a presence. */
bool fl_web_presence_push(struct fl_channel *ch, const struct fl_msg *msg);

/** Appends the payload of presence_state, `{"key":{"metas":[…]},…}`. */
void fl_web_presence_put_state(struct fl_presence_view state, struct fl_buf *out);
/** Appends the payload of presence_diff, `{"joins":{…},"leaves":{…}}`. */
void fl_web_presence_put_diff(struct fl_presence_view diff, struct fl_buf *out);

#endif
