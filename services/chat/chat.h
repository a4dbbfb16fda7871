/* chat.h: chat rooms over Phoenix channels, and a page for people (docs/chat.md).
 *
 * What was acknowledged is stored and reaches everybody who is there, once and in order, whatever
 * process dies: a room and the writer are supervised processes, and people's channels ask again. */
#ifndef FL_CHAT_CHAT_H
#define FL_CHAT_CHAT_H

#include "services/services.h"

/** Starts the supervisors and the site on a node that is about to run. opts->folder keeps the
 * messages. With FAULTLINE_CHAT_RELAXED=1 in the environment a power cut may lose the last commits;
 * a crash never does. */
int fl_chat_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
