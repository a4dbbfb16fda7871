/* zoo_walk.c */
#include "tests/unit/live/pages/zoo_walk.h"

#include <string.h>

static const char *const words[] = {"",      "a",    "ab",   "b<c",      "d\"e\"",
                                    "&amp;", "x\\y", "l\n2", "\xc3\xa9", "#"};

static int64_t walk_below(struct fl_rng *rng, int64_t most)
{
    return fl_rng_between(rng, 0, most - 1);
}

static const char *walk_word(struct fl_rng *rng)
{
    return words[walk_below(rng, FL_COUNT(words))];
}

static void walk_row(struct zoo_row *row, struct fl_rng *rng)
{
    switch (walk_below(rng, 5)) {
    case 0:
        row->count = (unsigned)walk_below(rng, 7);
        break;
    case 1:
        row->is_hot = !row->is_hot;
        break;
    case 2:
        snprintf(row->name, sizeof(row->name), "%s", walk_word(rng));
        break;
    case 3:
        row->tags_count = (int)walk_below(rng, ZOO_TAGS_MAX + 1);
        break;
    default: {
        struct zoo_tag *tag = &row->tags[walk_below(rng, ZOO_TAGS_MAX)];
        snprintf(tag->word, sizeof(tag->word), "%s%d", walk_word(rng), (int)walk_below(rng, 3));
    }
    }
}

static void walk_swap(struct zoo_row *a, struct zoo_row *b)
{
    struct zoo_row kept = *a;
    *a = *b;
    *b = kept;
}

/* Comes, goes, moves. Ids come back, and now and then there are twins. */
static void walk_rows(struct zoo *zoo, struct fl_rng *rng)
{
    int count = zoo->rows_count;
    int64_t at = walk_below(rng, count + 1);
    switch (walk_below(rng, 6)) {
    case 0:
        if (count == ZOO_ROWS_MAX) break;
        memmove(&zoo->rows[at + 1], &zoo->rows[at], (size_t)(count - at) * sizeof(zoo->rows[0]));
        zoo->rows[at] = (struct zoo_row){.id = walk_below(rng, 20)};
        zoo->rows_count++;
        break;
    case 1:
        if (at == count) break;
        memmove(&zoo->rows[at], &zoo->rows[at + 1],
                (size_t)(count - at - 1) * sizeof(zoo->rows[0]));
        zoo->rows_count--;
        break;
    case 2:
        for (int i = count - 1; i > 0; i--)
            walk_swap(&zoo->rows[i], &zoo->rows[walk_below(rng, i + 1)]);
        break;
    case 3:
        for (int i = 0; i + 1 < count; i++)
            walk_swap(&zoo->rows[i], &zoo->rows[i + 1]);
        break;
    case 4:
        zoo->rows_count = walk_below(rng, 3) == 0 ? 0 : count;
        break;
    default:
        if (at < count) walk_row(&zoo->rows[at], rng);
    }
}

void zoo_walk(struct zoo *zoo, struct fl_rng *rng)
{
    for (int64_t changes = walk_below(rng, 4); changes >= 0; changes--) {
        switch (walk_below(rng, 10)) {
        case 0:
            snprintf(zoo->title, sizeof(zoo->title), "%s", walk_word(rng));
            break;
        case 1:
            zoo->maybe = walk_below(rng, 2) == 0 ? NULL : walk_word(rng);
            break;
        case 2:
            zoo->view = fl_str_of(walk_word(rng));
            break;
        case 3:
            zoo->is_on = !zoo->is_on;
            break;
        case 4:
            zoo->is_shown = !zoo->is_shown;
            break;
        case 5:
            zoo->mood = (int)walk_below(rng, 4);
            break;
        case 6:
            zoo->share = (double)walk_below(rng, 1000) / 7;
            break;
        case 7:
            zoo->small = -walk_below(rng, INT64_MAX), zoo->large = UINT64_MAX;
            break;
        case 8:
            zoo->words_count = (size_t)walk_below(rng, ZOO_ROWS_MAX + 1);
            for (size_t i = 0; i < zoo->words_count; i++)
                if (zoo->words[i] == NULL || walk_below(rng, 4) == 0)
                    zoo->words[i] = walk_word(rng);
            break;
        default:
            walk_rows(zoo, rng);
        }
    }
}
