/* exit_codes.h: what the program tells a shell, a CI job or a parent process when it ends. */
#ifndef FL_ENGINE_EXIT_CODES_H
#define FL_ENGINE_EXIT_CODES_H

enum fl_exit_code {
    FL_EX_PASS = 0,        /* every target met */
    FL_EX_FAILED = 1,      /* a target missed, or data inconsistent */
    FL_EX_CANNOT_TELL = 2, /* no load on the path, broken before the first fault, our own trouble */
    FL_EX_USAGE = 64,      /* bad usage or scenario */
    FL_EX_NOT_STARTED = 69,  /* the system under test did not start */
    FL_EX_INTERNAL = 70,     /* our bug or our own trouble outside a run */
    FL_EX_INTERRUPTED = 130, /* Ctrl-C */
};

#endif
