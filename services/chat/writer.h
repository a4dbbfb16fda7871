/* writer.h: the one process that writes what is said, many changes in one commit.
 *
 * Answers FL_CHAT_ASK calls in the order of their arrival, each once its change is on the disk. A
 * commit runs on a pool thread; what comes meanwhile is the next one. Killed in the middle, nobody
 * knows whether that commit happened: who asks again with the same ids finds out. */
#ifndef FL_CHAT_WRITER_H
#define FL_CHAT_WRITER_H

#include "runtime/server.h"
#include "services/chat/ask.h"

/** Its registered name. */
#define FL_WRITER_NAME "writer"

/** The server; args is the `const struct fl_archive_opts *`, which outlives it. */
extern const struct fl_server fl_chat_writer_server;

#endif
