/* page.h: the live views of the editor: one document, and the list of them. */
#ifndef FL_EDITOR_PAGE_H
#define FL_EDITOR_PAGE_H

#include "services/editor/guest.h"
#include "services/live/live.h"

#define FL_EDITOR_LOBBY_MAX 50

/** What the page of a document shows. */
struct fl_editor_page {
    struct fl_guest guest; /* once connected */
    char name[FL_DOC_ARCHIVE_NAME_MAX + 1];
    /* The dead render brings the text, and the page goes on from there. Not one with U+0000, which
     * HTML cannot say. */
    bool has_text;
    int64_t rev;
    struct fl_str text;
};
/** What the list shows. */
struct fl_editor_lobby {
    struct fl_editor_lobby_entry {
        char name[FL_DOC_ARCHIVE_NAME_MAX + 1];
        char changed[32];       /* for machines */
        char changed_words[24]; /* "5 minutes ago" */
        int64_t head;
    } entries[FL_EDITOR_LOBBY_MAX];
    size_t count;
    const char *problem; /* "" when there is none */
};

/** The page of a document, whose path has a `:doc`. The live site's cx is a const struct fl_guests
 * *. */
extern const struct fl_live_view fl_editor_page_view;
/** The list of documents; opens `/editor/NAME`. */
extern const struct fl_live_view fl_editor_lobby_view;
/** Asset paths for fl_live_site, ended by NULL. */
extern const char *const fl_editor_styles[];
extern const char *const fl_editor_scripts[];

#endif
