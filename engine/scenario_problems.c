/* scenario_problems.c: everything that is wrong with a scenario, each with its place. */
#include "engine/scenario_read.h"

static char *problem_text(const struct scn_reader *reader, const char *set, int line, int column,
                          const char *what)
{
    if (set != NULL) return fl_format("--set %.120s: %s", set, what);
    if (line == 0) return fl_format("%s: %s", reader->opts->path, what);
    return fl_format("%s:%d:%d: %s", reader->opts->path, line, column, what);
}

/* Kept in the order of the file: whoever mends it reads from its top. */
static void problem_add(struct scn_reader *reader, const char *set, int line, int column,
                        const char *format, va_list args)
{
    struct fl_problems *problems = reader->problems;
    if (problems->count == FL_SCENARIO_PROBLEMS_MAX) {
        problems->more++;
        return;
    }
    char what[600];
    vsnprintf(what, sizeof what, format, args);
    for (char *c = what; *c != '\0'; c++)
        if ((unsigned char)*c < ' ') *c = ' '; /* one problem is one line */

    int64_t place = set != NULL ? -1 : ((int64_t)line << 24) + column;
    size_t at = problems->count++;
    while (at > 0 && problems->places[at - 1] > place) {
        problems->lines[at] = problems->lines[at - 1];
        problems->places[at] = problems->places[at - 1];
        at--;
    }
    problems->lines[at] = problem_text(reader, set, line, column, what);
    problems->places[at] = place;
}

void scn_problem(struct scn_reader *reader, const struct fl_yaml *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (node == NULL)
        problem_add(reader, NULL, 0, 0, format, args);
    else
        problem_add(reader, node->set, node->line, node->column, format, args);
    va_end(args);
}

void scn_problem_key(struct scn_reader *reader, const struct fl_yaml *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool has_key = node->key_line != 0;
    problem_add(reader, node->set, has_key ? node->key_line : node->line,
                has_key ? node->key_column : node->column, format, args);
    va_end(args);
}

void scn_problem_in(struct scn_reader *reader, const struct fl_yaml *node, int offset,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int quote = node->quoted ? 1 : 0;
    problem_add(reader, node->set, node->line, node->column + quote + offset, format, args);
    va_end(args);
}

size_t scn_problem_count(const struct scn_reader *reader)
{
    return reader->problems->count + reader->problems->more;
}

const char *scn_did_you_mean(const char *word, const char *const *words, char *out, size_t out_len)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    const char *near = strlen(word) > 60 ? NULL : fl_nearest(word, words, count);
    if (near != NULL)
        snprintf(out, out_len, "; did you mean \"%s\"?", near);
    else
        out[0] = '\0';
    return out;
}

void fl_problems_fini(struct fl_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->lines[i]);
    *problems = (struct fl_problems){0};
}
