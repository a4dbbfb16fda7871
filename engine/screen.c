#include "engine/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/exit_codes.h"

#define ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l" /* the other screen, no cursor, no wrapping */
#define LEAVE "\x1b[?7h\x1b[?25h\x1b[?1049l"

static void write_all(struct fl_str text)
{
    while (text.len > 0) {
        ssize_t got = write(STDOUT_FILENO, text.at, text.len);
        if (got < 0 && errno != EINTR && errno != EAGAIN) return;
        if (got <= 0) continue;
        text.at += got;
        text.len -= (size_t)got;
    }
}

static void screen_measure(struct fl_screen *screen)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    screen->width = is_known ? size.ws_col : 80;
    screen->height = is_known && size.ws_row > 3 ? size.ws_row : 24;
}

static void screen_enter(struct fl_screen *screen)
{
    struct termios raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(FL_STR(ENTER));
    screen_measure(screen);
}

static void screen_leave(const struct fl_screen *screen)
{
    write_all(FL_STR(LEAVE));
    tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

static void signals_wanted(sigset_t *out)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigemptyset(out);
    for (size_t i = 0; i < FL_COUNT(numbers); i++)
        sigaddset(out, numbers[i]);
}

static int child_run(struct fl_screen *screen, int (*fn)(struct fl_screen *screen, void *cx),
                     void *cx, pid_t parent)
{
    sigset_t wanted;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return FL_EX_INTERRUPTED;
    signals_wanted(&wanted);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    screen->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    screen_enter(screen);
    int code = fn(screen, cx);
    screen_leave(screen);
    return code;
}

/* What is sent to us alone is meant for the child; what the terminal sends, it gets too. */
static int parent_wait(const struct fl_screen *screen, pid_t child)
{
    sigset_t wanted;
    signals_wanted(&wanted);
    sigdelset(&wanted, SIGTSTP); /* both stop, the shell waits for us */
    sigdelset(&wanted, SIGWINCH);
    sigaddset(&wanted, SIGCHLD);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        siginfo_t info;
        int number = sigwaitinfo(&wanted, &info);
        if (number > 0 && number != SIGCHLD && info.si_code <= 0) kill(child, number);
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    screen_leave(screen); /* it could not */
    fprintf(stderr, "faultline: the display ended by signal %d\n", WTERMSIG(status));
    return FL_EX_INTERNAL;
}

int fl_screen_run(int (*fn)(struct fl_screen *screen, void *cx), void *cx)
{
    struct fl_screen screen = {0};
    if (tcgetattr(STDIN_FILENO, &screen.before) != 0) return FL_EX_USAGE;
    sigset_t wanted, before;
    signals_wanted(&wanted);
    sigdelset(&wanted, SIGTSTP);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, &before);
    pid_t parent = getpid(), child = fork();
    if (child < 0) return FL_EX_INTERNAL;
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        _exit(child_run(&screen, fn, cx, parent));
    }
    int code = parent_wait(&screen, child);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

void fl_screen_draw(struct fl_screen *screen, struct fl_str lines)
{
    struct fl_buf out = {0};
    fl_buf_puts(&out, "\x1b[H");
    for (int i = 0; i < screen->height; i++) {
        struct fl_str line = fl_str_cut(&lines, '\n');
        fl_buf_puts(&out,
                    i > 0 ? "\n\x1b[K" : "\x1b[K"); /* first: after the last column it eats it */
        fl_buf_add(&out, line.at, line.len);
    }
    write_all((struct fl_str){out.at, out.len});
    fl_buf_fini(&out);
}

static void screen_stop(struct fl_screen *screen)
{
    screen_leave(screen);
    raise(SIGSTOP); /* until somebody continues us */
    screen_enter(screen);
}

static enum fl_key key_of_signal(struct fl_screen *screen)
{
    struct signalfd_siginfo info;
    if (read(screen->signals, &info, sizeof info) != sizeof info) return FL_KEY_NONE;
    if (info.ssi_signo == SIGWINCH)
        screen_measure(screen);
    else if (info.ssi_signo == SIGTSTP)
        screen_stop(screen);
    else
        return FL_KEY_QUIT;
    return FL_KEY_NONE;
}

/* Takes one key off the front of what was typed. */
static enum fl_key key_take(struct fl_screen *screen)
{
    static const struct {
        const char *bytes;
        enum fl_key key;
    } keys[] = {{"\x1b[A", FL_KEY_UP},   {"\x1bOA", FL_KEY_UP},       {"\x1b[B", FL_KEY_DOWN},
                {"\x1bOB", FL_KEY_DOWN}, {"\x1b[5~", FL_KEY_PAGE_UP}, {"\x1b[6~", FL_KEY_PAGE_DOWN},
                {"k", FL_KEY_UP},        {"j", FL_KEY_DOWN},          {"q", FL_KEY_QUIT},
                {"Q", FL_KEY_QUIT},      {"\x04", FL_KEY_QUIT}};
    enum fl_key key = FL_KEY_NONE;
    size_t len = screen->typed[0] == '\x1b' ? screen->typed_len : 1;
    for (size_t i = 0; i < FL_COUNT(keys); i++) {
        size_t its = strlen(keys[i].bytes);
        if (its > screen->typed_len || memcmp(screen->typed, keys[i].bytes, its) != 0) continue;
        key = keys[i].key;
        len = its;
        break;
    }
    if (key == FL_KEY_NONE && screen->typed[0] > ' ' && screen->typed[0] < 0x7f)
        key = (enum fl_key)(FL_KEY_OTHER + screen->typed[0]);
    screen->typed_len -= len;
    memmove(screen->typed, screen->typed + len, screen->typed_len);
    return key;
}

enum fl_key fl_screen_key(struct fl_screen *screen, int timeout_ms)
{
    struct pollfd poll_for[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = screen->signals, .events = POLLIN}};
    if (screen->typed_len > 0) return key_take(screen);
    if (poll(poll_for, 2, timeout_ms) <= 0) return FL_KEY_NONE;
    if (poll_for[1].revents != 0) return key_of_signal(screen);
    ssize_t got = read(STDIN_FILENO, screen->typed, sizeof screen->typed);
    if (got <= 0) return FL_KEY_QUIT; /* the terminal is gone */
    screen->typed_len = (size_t)got;
    return key_take(screen);
}
