/* The published JSON Schema is what the parser's tables say. */
#include "tests/support/testkit.h"

#include <cjson/cJSON.h>

#include "engine/schema.h"
#include "runtime/base/json.h"

static void the_published_schema_is_the_one_that_the_tables_give(void **state)
{
    (void)state;
    char *stored = NULL, *made = fl_schema_text();
    struct fl_err err;
    if (fl_file_read(&stored, NULL, FL_SOURCE_DIR "/docs/scenario.schema.json", &err) != 0)
        fail_msg("%s", err.text);
    if (strcmp(stored, made) != 0)
        fail_msg("docs/scenario.schema.json is old; run: faultline schema > "
                 "docs/scenario.schema.json");
    free(stored);
    free(made);
}

static void the_schema_is_json(void **state)
{
    (void)state;
    char *text = fl_schema_text();
    cJSON *schema = cJSON_Parse(text);
    assert_non_null(schema);
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    static const char *const some[] = {"faultline", "services", "load", "faults", "targets"};
    for (size_t i = 0; i < FL_COUNT(some); i++)
        assert_non_null(cJSON_GetObjectItemCaseSensitive(keys, some[i]));
    cJSON_Delete(schema);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_is_json),
        cmocka_unit_test(the_published_schema_is_the_one_that_the_tables_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
