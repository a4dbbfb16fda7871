#include "services/dashboard/proc.h"

#include <ctype.h>

bool fl_proc_parse_stat(const char *text, struct fl_proc_stat *out)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (open == NULL || close == NULL || close < open) return false;
    *out = (struct fl_proc_stat){0};
    snprintf(out->comm, sizeof out->comm, "%.*s", (int)(close - open - 1), open + 1);
    unsigned long long user, system;
    long long rss;
    int parent;
    /* 3 state … 14 utime 15 stime … 20 threads … 24 rss */
    int got = sscanf(close + 1,
                     " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %d %*d "
                     "%*u %*u %lld",
                     &parent, &user, &system, &out->threads, &rss);
    if (got != 5) return false;
    out->parent = parent;
    out->cpu_ticks = (double)user + (double)system;
    out->rss_pages = (double)rss;
    return true;
}

bool fl_proc_parse_cpu(const char *text, struct fl_proc_cpu *out)
{
    unsigned long long v[8];
    if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
               &v[4], &v[5], &v[6], &v[7]) != 8)
        return false;
    *out = (struct fl_proc_cpu){0};
    for (int i = 0; i < 8; i++) {
        out->all_ticks += (double)v[i];
        if (i != 3 && i != 4) out->busy_ticks += (double)v[i]; /* idle, and waiting for a disk */
    }
    return true;
}

double fl_proc_field(const char *text, const char *name, double fallback)
{
    size_t len = strlen(name);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, name, len) != 0 || (line[len] != ':' && line[len] != ' ')) continue;
        double value;
        if (sscanf(line + len + 1, "%lf", &value) == 1) return value;
    }
    return fallback;
}

/* sda nvme0n1 vda mmcblk0, but not sda1 nvme0n1p2 loop0 dm-0, whose sectors would count twice */
static bool is_whole_disk(const char *name)
{
    static const char *const skipped[] = {"loop", "ram", "zram", "dm-", "md", "sr", "fd"};
    for (size_t i = 0; i < FL_COUNT(skipped); i++)
        if (strncmp(name, skipped[i], strlen(skipped[i])) == 0) return false;
    size_t len = strlen(name);
    if (strncmp(name, "nvme", 4) == 0 || strncmp(name, "mmcblk", 6) == 0)
        return strchr(name, 'p') == NULL;
    return len > 0 && !isdigit((unsigned char)name[len - 1]);
}

void fl_proc_parse_disks(const char *text, double *read_sectors, double *written_sectors)
{
    *read_sectors = *written_sectors = 0;
    for (const char *line = text; line != NULL && *line != '\0';) {
        char name[33];
        unsigned long long got, put;
        if (sscanf(line, "%*d %*d %32s %*u %*u %llu %*u %*u %*u %llu", name, &got, &put) == 3 &&
            is_whole_disk(name)) {
            *read_sectors += (double)got;
            *written_sectors += (double)put;
        }
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
}

const char *fl_proc_instance(const char *cmdline, size_t len)
{
    for (size_t at = 0; at < len; at += strlen(cmdline + at) + 1) {
        if (strcmp(cmdline + at, "--instance") != 0) continue;
        at += sizeof "--instance";
        return at < len && cmdline[at] != '\0' ? cmdline + at : NULL;
    }
    return NULL;
}
