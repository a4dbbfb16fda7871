/* page.h: the pages of a chat, as live views: `/` lists the rooms, `/rooms/:room` is one. */
#ifndef FL_CHAT_PAGE_H
#define FL_CHAT_PAGE_H

#include "services/chat/lobby.h"
#include "services/chat/outbox.h"
#include "services/chat/pace.h"
#include "services/live/live.h"

extern const struct fl_live_view fl_lobby_page;
extern const struct fl_live_view fl_room_page;

/* ---- the lobby */

struct lobby_item {
    char path[3 * FL_ROOM_NAME_MAX + 16]; /* `/rooms/…` */
    struct fl_lobby_room room;
};
/** What lobby.live.html shows. */
struct lobby_page {
    struct lobby_item items[FL_LOBBY_ROOMS_MAX];
    size_t count;
    const char *problem; /* with the name of a new room; NULL: none */
};

/** Writes `/rooms/<name>`, encoded. */
void fl_page_path(struct fl_str room, char *out, size_t out_len);

/* ---- a room */

#define PAGE_PEOPLE_MAX 100
#define PAGE_TYPING_MAX 4
#define PAGE_NAME_MAX 32

/** A message, for the stream; texts live until the page is told. */
struct page_message {
    char dom_id[32];
    int64_t seq, at_ms;
    struct fl_str user, text;
    unsigned hue;   /* of its user: 0 to 7 */
    char letter[8]; /* of its user */
    bool is_edited, is_erased;
    bool is_data; /* no text, but JSON */
};
/** Somebody who is there. */
struct page_person {
    char name[FL_ROOM_USER_MAX + 1];
    char status[24];
    char devices[64]; /* "laptop, phone"; cut to fit */
    char letter[8];
    unsigned hue, devices_count;
};
struct page_typing {
    char name[FL_ROOM_USER_MAX + 1];
    fl_ns until_ns;
};
/** What room.live.html shows, and what its view needs. */
struct room_page {
    struct fl_chat *chat;
    char room[FL_ROOM_NAME_MAX + 1];
    char me[PAGE_NAME_MAX + 1]; /* "": only reads */
    char device[24];
    char status[24];
    const char *problem; /* with the name; NULL: none */

    struct fl_live_stream messages;
    int64_t last;   /* all changes up to this one are shown */
    int64_t oldest; /* seq of the first message that is shown; 0: none is */
    bool has_older;
    struct page_text *texts; /* of the messages that are not told yet */

    struct page_person people[PAGE_PEOPLE_MAX];
    size_t people_count, people_total, devices_total;
    uint64_t people_timer;
    struct page_typing typing[PAGE_TYPING_MAX];
    size_t typing_count;
    char typing_text[3 * FL_ROOM_USER_MAX];

    struct fl_outbox outbox; /* to the room */
    bool is_seeking;
    struct fl_pace pace;
    fl_ns typed_ns; /* when another hint may be given */
};

/* page_people.c */
/** Which of eight colours a name has. */
unsigned fl_page_hue(struct fl_str name);
/** Its first letter, as one would write it into a circle. */
void fl_page_letter(struct fl_str name, char out[8]);
/** Reads who is there. */
void fl_page_read_people(struct room_page *page);
/** Somebody types, or has stopped (for_ms 0). */
void fl_page_note_typing(struct room_page *page, struct fl_str name, int64_t for_ms, fl_ns now_ns);
/** Forgets those who have not gone on; returns when the next one is due, or 0. */
fl_ns fl_page_forget_typing(struct room_page *page, fl_ns now_ns);

/* page_messages.c */
/** Drops texts that were shown; at the start of each callback. */
void fl_page_forget_texts(struct fl_live *live, struct room_page *page);
/** Shows the newest messages. Waits. FL_ENOPROC and others: the writer is not there. */
int fl_page_show_newest(struct fl_live *live, struct room_page *page);
/** Shows older ones above. Waits. */
int fl_page_show_older(struct fl_live *live, struct room_page *page);
/** Shows a change that was broadcast, and what was missed before it. May wait. */
void fl_page_show_change(struct fl_live *live, struct room_page *page, const struct fl_msg *msg);

/* page_talk.c */
/** An event of somebody who has a name: say, edit, delete, typing, status. False: none of these. */
bool fl_page_talk(struct fl_live *live, struct room_page *page, const struct fl_live_event *event);
/** The room has answered. */
void fl_page_answered(struct fl_live *live, struct room_page *page, uint64_t ref, int code,
                      struct fl_str data);
/** Looks for the room again. */
void fl_page_seek_room(struct fl_live *live, struct room_page *page);
/** Takes a name: this device is there as it from now on. NULL, or what is wrong with it. */
const char *fl_page_take_name(struct fl_live *live, struct room_page *page, struct fl_str name);
enum { PAGE_SEEK = 1, PAGE_PEOPLE, PAGE_TYPING, PAGE_AGAIN };

#endif
