/* source_proc.c: /proc: the machine, and processes: those around this one, or one by its pid. */
#include <dirent.h>
#include <stdarg.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/base/units.h"
#include "services/dashboard/proc.h"
#include "services/dashboard/source.h"

enum { PROCS_MAX = 20 };

/* What one look read of a process. */
struct reading {
    pid_t pid;
    char name[48];
    struct fl_proc_stat stat;
    double io_read, io_written; /* bytes; below 0: not ours to read */
    int fds;
};
struct machine {
    struct fl_proc_cpu cpu;
    double memory_total, memory_free, sectors_read, sectors_written, files;
    bool is_read;
};
/* Filled on a thread of the pool. */
struct look {
    pid_t only; /* 0: my parent and its children, and the machine */
    struct reading procs[PROCS_MAX];
    size_t count;
    struct machine machine;
};
struct rates {
    pid_t pid; /* 0: free */
    struct fl_rate cpu, io_read, io_written;
    bool is_here;
};
struct proc_source {
    pid_t only;
    struct rates rates[PROCS_MAX];
    struct fl_rate busy, all, read, written;
};

/* ---- reading ---- */

static char *proc_read(size_t *len, const char *format, ...) FL_PRINTF(2, 3);
static char *proc_read(size_t *len, const char *format, ...)
{
    char path[64], *text = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return fl_file_read(&text, len, path, NULL) == 0 ? text : NULL;
}

static int count_fds(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (dir == NULL) return -1;
    int count = -2; /* . and .. */
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void read_details(struct reading *one)
{
    size_t len = 0;
    char *cmdline = proc_read(&len, "/proc/%d/cmdline", (int)one->pid);
    const char *instance = cmdline != NULL ? fl_proc_instance(cmdline, len) : NULL;
    snprintf(one->name, sizeof one->name, "%s", instance != NULL ? instance : one->stat.comm);
    free(cmdline);
    char *io = proc_read(NULL, "/proc/%d/io", (int)one->pid);
    one->io_read = io != NULL ? fl_proc_field(io, "read_bytes", -1) : -1;
    one->io_written = io != NULL ? fl_proc_field(io, "write_bytes", -1) : -1;
    free(io);
    one->fds = count_fds(one->pid);
}

static void read_one(struct look *look, pid_t pid, pid_t parent)
{
    struct reading one = {.pid = pid};
    if (look->count == PROCS_MAX) return;
    char *text = proc_read(NULL, "/proc/%d/stat", (int)pid);
    bool is_wanted = text != NULL && fl_proc_parse_stat(text, &one.stat) &&
                     (parent == 0 || pid == parent || one.stat.parent == parent);
    free(text);
    if (!is_wanted) return;
    read_details(&one);
    look->procs[look->count++] = one;
}

static void read_family(struct look *look)
{
    pid_t parent = getppid() > 1 ? getppid() : getpid();
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        int64_t pid;
        if (fl_parse_int(fl_str_of(entry->d_name), 1, INT32_MAX, &pid, NULL) == 0)
            read_one(look, (pid_t)pid, parent);
    }
    if (dir != NULL) closedir(dir);
}

static void read_machine(struct machine *machine)
{
    char *text = proc_read(NULL, "/proc/stat");
    machine->is_read = text != NULL && fl_proc_parse_cpu(text, &machine->cpu);
    free(text);
    text = proc_read(NULL, "/proc/meminfo");
    if (text != NULL) {
        machine->memory_total = fl_proc_field(text, "MemTotal", 0) * 1024;
        machine->memory_free = fl_proc_field(text, "MemAvailable", 0) * 1024;
    }
    free(text);
    text = proc_read(NULL, "/proc/diskstats");
    if (text != NULL) fl_proc_parse_disks(text, &machine->sectors_read, &machine->sectors_written);
    free(text);
    text = proc_read(NULL, "/proc/sys/fs/file-nr");
    if (text == NULL || sscanf(text, "%lf", &machine->files) != 1) machine->files = 0;
    free(text);
}

static int look_run(void *arg)
{
    struct look *look = arg;
    if (look->only != 0) {
        read_one(look, look->only, 0);
        return look->count == 1 ? 0 : FL_ENOPROC;
    }
    read_machine(&look->machine);
    read_family(look);
    return look->machine.is_read ? 0 : FL_EIO;
}

/* ---- numbers of it ---- */

static struct rates *rates_of(struct proc_source *proc, pid_t pid)
{
    struct rates *room = NULL;
    for (size_t i = 0; i < PROCS_MAX; i++) {
        if (proc->rates[i].pid == pid) return &proc->rates[i];
        if (room == NULL && proc->rates[i].pid == 0) room = &proc->rates[i];
    }
    FL_ASSERT(room != NULL);
    *room = (struct rates){.pid = pid};
    return room;
}

static void forget_dead(struct proc_source *proc, const struct look *look)
{
    for (size_t i = 0; i < PROCS_MAX; i++) {
        proc->rates[i].is_here = false;
        for (size_t j = 0; j < look->count; j++)
            if (look->procs[j].pid == proc->rates[i].pid) proc->rates[i].is_here = true;
        if (!proc->rates[i].is_here) proc->rates[i] = (struct rates){0};
    }
}

static void add_process(struct proc_source *proc, const struct reading *one, fl_ns now_ns,
                        struct fl_sample *out)
{
    struct rates *rates = rates_of(proc, one->pid);
    double ticks_s = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    fl_sample_add(out, "cpu", "%",
                  100 * fl_rate_of(&rates->cpu, one->stat.cpu_ticks, now_ns) / ticks_s, "%s",
                  one->name);
    fl_sample_add(out, "memory", "B", one->stat.rss_pages * page, "%s", one->name);
    if (one->fds >= 0) fl_sample_add(out, "open files", "", one->fds, "%s", one->name);
    if (one->io_read < 0) return;
    fl_sample_add(out, "disk", "B/s", fl_rate_of(&rates->io_read, one->io_read, now_ns), "%s reads",
                  one->name);
    fl_sample_add(out, "disk", "B/s", fl_rate_of(&rates->io_written, one->io_written, now_ns),
                  "%s writes", one->name);
}

static void add_machine(struct proc_source *proc, const struct machine *machine, fl_ns now_ns,
                        struct fl_sample *out)
{
    double busy = fl_rate_of(&proc->busy, machine->cpu.busy_ticks, now_ns);
    double all = fl_rate_of(&proc->all, machine->cpu.all_ticks, now_ns);
    fl_sample_add(out, "machine", "%", 100 * busy / all, "cpu");
    if (machine->memory_total > 0)
        fl_sample_add(out, "machine", "%", 100 * (1 - machine->memory_free / machine->memory_total),
                      "memory");
    fl_sample_add(out, "disks", "B/s", 512 * fl_rate_of(&proc->read, machine->sectors_read, now_ns),
                  "read");
    fl_sample_add(out, "disks", "B/s",
                  512 * fl_rate_of(&proc->written, machine->sectors_written, now_ns), "written");
    fl_sample_add(out, "open files of the machine", "", machine->files, "open");
}

/* ---- the source ---- */

static int proc_open(struct fl_self *self, void *state, const char *what,
                     const struct fl_service_opts *opts, struct fl_err *err)
{
    (void)self, (void)opts;
    struct proc_source *proc = state;
    int64_t pid = 0;
    if (strcmp(what, "self") == 0)
        pid = getpid();
    else if (what[0] != '\0' && fl_parse_int(fl_str_of(what), 1, INT32_MAX, &pid, err) != 0)
        return fl_err_prefix(err, "proc takes a pid: ");
    proc->only = (pid_t)pid;
    return 0;
}

static int proc_look(struct fl_self *self, void *state, fl_ns now_ns, struct fl_sample *out,
                     struct fl_err *err)
{
    struct proc_source *proc = state;
    struct look *look = fl_new(struct look);
    look->only = proc->only;
    int code = fl_blocking(self, look_run, look, free);
    if (code == 0) {
        forget_dead(proc, look);
        if (proc->only == 0) add_machine(proc, &look->machine, now_ns, out);
        for (size_t i = 0; i < look->count; i++)
            add_process(proc, &look->procs[i], now_ns, out);
    } else if (code == FL_ENOPROC) {
        fl_err_set(err, code, "no process has the pid %d", (int)proc->only);
    } else {
        fl_err_set(err, code, "/proc cannot be read");
    }
    free(look);
    return code;
}

const struct fl_source fl_source_proc = {
    .kind = "proc",
    .what = "proc, proc:PID, proc:self",
    .help = "cpu, memory, disk and open files of the machine and the processes around this one, or "
            "of one process",
    .state_bytes = sizeof(struct proc_source),
    .every_ns = 500 * FL_NS_PER_MS,
    .open = proc_open,
    .look = proc_look,
};
