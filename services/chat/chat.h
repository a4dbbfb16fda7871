/* chat.h: chat rooms over Phoenix channels: messages in order, and who is there.
 *
 * A room is a supervised process `room/<name>`. When it crashes, the channels of its people attach
 * themselves to its successor, which sends them what they missed: people notice nothing.
 * On the socket /socket/websocket, topic `room:<name>`, join with {"user": "<name>"}:
 *   new_msg {"body": any, "id": any?}  → ok {}, broadcast new_msg {"user", "body", "id"?}
 *   set_status {"status": text}        → ok {}, presence_diff
 *   echo, fail, silent, crash          for tests of clients */
#ifndef FL_CHAT_CHAT_H
#define FL_CHAT_CHAT_H

#include "services/services.h"

/** Starts the rooms' supervisors and the site on a node that is about to run. */
int fl_chat_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
