/* people.h: the process that knows who is in which room, and tells everybody there. */
#ifndef FL_ACCEPT_PEOPLE_H
#define FL_ACCEPT_PEOPLE_H

#define PEOPLE_NAME "people"

enum {
    PEOPLE_JOIN = 1, /* from a channel: length of the topic, topic, user (JSON text) */
    PEOPLE_SAY,      /* the same with a body */
    PEOPLE_STATUS,   /* the same with a status */
    PEOPLE_FRAME,    /* to a channel: a shared frame for its client */
    PEOPLE_STATE,    /* to a channel: the payload of presence_state */
};

#endif
