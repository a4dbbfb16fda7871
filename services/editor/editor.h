/* editor.h: the editor: many people write one text. docs/editor.md has what it promises. */
#ifndef FL_EDITOR_EDITOR_H
#define FL_EDITOR_EDITOR_H

#include "services/editor/guest.h"
#include "services/services.h"
#include "services/web/token.h"
#include "services/web/web.h"

/** Starts the processes behind the pages on a node that is about to run: writer, documents, people.
 * For a site of one's own; the folder exists. opts lives as long as the node. *out is shared by all
 * guests and lives as long as the node; FL_EIO: the folder's database cannot be opened. */
int fl_editor_open(struct fl_node *node, const struct fl_service_opts *opts,
                   const struct fl_guests **out, struct fl_err *err);
/** For fl_web_socket.channels: `doc:NAME` for programs, with the events of docs/editor.md. Its
 * site's args are the guests. */
extern const struct fl_channel_server fl_editor_channels[];

/** Row of fl_services. */
int fl_editor_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err);

#endif
