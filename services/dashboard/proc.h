/* proc.h: what /proc says, as text, in numbers.
 *
 * Knows: the formats of proc(5). Does not know: files; whoever reads them hands the text in.
 * Thread: any. */
#ifndef FL_DASHBOARD_PROC_H
#define FL_DASHBOARD_PROC_H

#include <sys/types.h>

#include "runtime/base/str.h"

struct fl_proc_stat {
    char comm[32];
    pid_t parent;
    double cpu_ticks; /* user and system, since its start */
    int threads;
    double rss_pages;
};
/** /proc/PID/stat. A name may have anything in it, brackets and spaces too. */
bool fl_proc_parse_stat(const char *text, struct fl_proc_stat *out);

struct fl_proc_cpu {
    double busy_ticks, all_ticks;
};
/** The first line of /proc/stat: all CPUs. */
bool fl_proc_parse_cpu(const char *text, struct fl_proc_cpu *out);
/** The number behind `name:` or `name` at the start of a line (/proc/meminfo, /proc/PID/io);
 * the fallback: there is none. */
double fl_proc_field(const char *text, const char *name, double fallback);
/** Sectors read and written by whole disks, of /proc/diskstats: loops and partitions left out. */
void fl_proc_parse_disks(const char *text, double *read_sectors, double *written_sectors);
/** The word behind `--instance` in /proc/PID/cmdline (its words end with NUL), or NULL. */
const char *fl_proc_instance(const char *cmdline, size_t len);

#endif
