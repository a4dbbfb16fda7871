/* scenario_read.h: how the parts of the scenario parser speak to each other; private to them.
 *
 * A part of a scenario is a table of keys (struct scn_key). One function reads any of them, and the
 * JSON Schema is printed from the same rows. */
#ifndef FL_ENGINE_SCENARIO_READ_H
#define FL_ENGINE_SCENARIO_READ_H

#include "engine/scenario.h"
#include "engine/yaml.h"

/** Kinds of value beside those of enum fl_param_kind, which a key may have too. */
enum scn_kind {
    SCN_SEED = 100,
    SCN_CHOICE, /* one of choices */
    SCN_WORDS,  /* list of text */
    SCN_TEXTS,  /* map of text */
    SCN_PART,   /* a map with these keys */
    SCN_NAMED,  /* a map of names, each a map with these keys */
    SCN_LIST,   /* a list of maps with these keys */
    SCN_TARGETS,
};

struct scn_reader {
    struct fl_scenario *scenario;
    struct fl_problems *problems;
    const struct fl_scenario_opts *opts;
};

struct scn_key {
    const char *name; /* NULL ends a table */
    int kind;         /* enum fl_param_kind or enum scn_kind */
    const char *help;
    bool required;
    double least, most;   /* as in struct fl_param */
    const char *standard; /* as written; NULL: what is there stays */
    size_t where;         /* offset of the field, for the kinds that scn_read_map stores itself */
    /** Stores the value; NULL: by kind, at where. */
    void (*read)(struct scn_reader *reader, const struct fl_yaml *node, void *into);
    const struct scn_key *keys; /* of a nested map */
    const char *const *choices; /* NULL-terminated */
    const char *const *later;   /* choices that a later version has; NULL-terminated, or NULL */
};

/** Keys that a map may have beside its table. */
struct scn_extra {
    const struct fl_param *params; /* read into settings; a param hides a key of the same name */
    cJSON *settings;
    const char *verb;           /* read by the caller */
    const char *const *suggest; /* NULL-terminated: more words for "did you mean" */
};

extern const struct scn_key scn_top_keys[], scn_service_keys[], scn_link_keys[], scn_load_keys[],
    scn_fault_keys[];

/** Notes a problem at a node, as `file:line:col: what`. node NULL: the whole file. */
void scn_problem(struct scn_reader *reader, const struct fl_yaml *node, const char *format, ...)
    FL_PRINTF(3, 4);
/** The same at the node's key. */
void scn_problem_key(struct scn_reader *reader, const struct fl_yaml *node, const char *format, ...)
    FL_PRINTF(3, 4);
/** The same at a column inside the node's text. */
void scn_problem_in(struct scn_reader *reader, const struct fl_yaml *node, int offset,
                    const char *format, ...) FL_PRINTF(4, 5);
/** `; did you mean "x"?`, or nothing. out needs 160 bytes; returns out. words: NULL-terminated. */
const char *scn_did_you_mean(const char *word, const char *const *words, char *out, size_t out_len);

/** Memory of the scenario, zeroed. */
void *scn_alloc(struct fl_scenario *scenario, size_t bytes);
/** A copy of text in the scenario. */
const char *scn_copy(struct fl_scenario *scenario, const char *text);

/** Reads a map by its table into a struct. Unknown, missing and wrong keys become problems. what:
 * `a service`. Returns false when something in it was wrong. */
bool scn_read_map(struct scn_reader *reader, const struct fl_yaml *node, const char *what,
                  const struct scn_key *keys, void *into, const struct scn_extra *extra);
/** Reads a list of text (one text counts as a list of one) as NULL-terminated; NULL on a problem.
 */
const char *const *scn_read_words(struct scn_reader *reader, const struct fl_yaml *node,
                                  size_t *out_count);
/** The text of a node, or NULL with a problem that says what it should be. */
const char *scn_text(struct scn_reader *reader, const struct fl_yaml *node, const char *such_as);
/** Is this a good name for a service, link or load? Else a problem at the key. */
bool scn_name_ok(struct scn_reader *reader, const struct fl_yaml *node, const char *what);
/** Are the ${…} of this text known? Else a problem. */
bool scn_vars_ok(struct scn_reader *reader, const struct fl_yaml *node, const char *text);
/** Is it a key that only says that it is not in this version? */
bool scn_key_is_future(const struct scn_key *key);
/** How many problems so far, kept or not: to see whether a step added one. */
size_t scn_problem_count(const struct scn_reader *reader);

/* Parts; each is the read function of a key of the top. */

/** `services`. */
void scn_read_services(struct scn_reader *reader, const struct fl_yaml *node, void *into);
/** `links`. */
void scn_read_links(struct scn_reader *reader, const struct fl_yaml *node, void *into);
/** `load`. */
void scn_read_loads(struct scn_reader *reader, const struct fl_yaml *node, void *into);
/** `faults`. */
void scn_read_faults(struct scn_reader *reader, const struct fl_yaml *node, void *into);
/** `targets`. */
void scn_read_targets(struct scn_reader *reader, const struct fl_yaml *node, void *into);

/** The service or instance of this name; instance -1 for a whole service. */
const struct fl_scenario_service *scn_find_place(const struct fl_scenario *scenario,
                                                 const char *name, int *out_instance);
/** The link of this name, or NULL. */
const struct fl_scenario_link *scn_find_link(const struct fl_scenario *scenario, const char *name);
/** Names for suggestions, NULL-terminated, in scenario memory. */
const char *const *scn_place_names(struct fl_scenario *scenario);
/** Names of links, likewise. */
const char *const *scn_link_names(struct fl_scenario *scenario);
/** Names of loads, likewise. */
const char *const *scn_load_names(struct fl_scenario *scenario);

#endif
