/* run_folder.h: `runs/<name>/<UTC>-<seed>/`, its `latest` link, and ports for what runs in it. */
#ifndef FL_ENGINE_RUN_FOLDER_H
#define FL_ENGINE_RUN_FOLDER_H

#include "runtime/base/str.h"

/** Makes the folder with journal/ and logs/ in it and points `latest` at it. The path is absolute;
 * free() it. */
int fl_run_folder_make(char **out, const char *base, const char *name, const char *seed,
                       struct fl_err *err);
/** Makes RUN/data/<instance>; the path is absolute; free() it. */
int fl_run_folder_data(char **out, const char *run_folder, const char *instance,
                       struct fl_err *err);
/** The last lines of a file, at most `lines` and 4 KiB, each after two spaces; "" when there is
 * none. free() it. */
char *fl_file_tail(const char *path, int lines);

/** A TCP port of 127.0.0.1 that is free now, below the range from which the kernel draws ports for
 * outgoing connections: a client that reconnects to a dead service can neither take its port nor
 * connect to itself. FL_EFULL: none found. */
int fl_port_draw(int *out, struct fl_err *err);
/** 0 when this port of 127.0.0.1 can be listened on, else the reason. */
int fl_port_check(int port, struct fl_err *err);

#endif
