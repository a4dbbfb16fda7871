/* schema.h: docs/scenario.schema.json, printed from the tables that the parser reads by. */
#ifndef FL_ENGINE_SCHEMA_H
#define FL_ENGINE_SCHEMA_H

/** The JSON Schema (draft 7) of a scenario, for editors. Never NULL; free with free(). */
char *fl_schema_text(void);

#endif
