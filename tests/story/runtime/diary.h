/* diary.h: processes of a story write down what happens to them, and the test reads it. For a
 * `struct world` with an array `diary`. Header only; each test is one program. */
#ifndef FL_TESTS_RUNTIME_DIARY_H
#define FL_TESTS_RUNTIME_DIARY_H

#include "tests/support/testkit.h"

/** Adds to the text in diary, as far as it fits. */
static inline void diary_add(char *diary, size_t cap, const char *format, ...) FL_PRINTF(3, 4);
static inline void diary_add(char *diary, size_t cap, const char *format, ...)
{
    size_t len = strlen(diary);
    va_list args;
    va_start(args, format);
    vsnprintf(diary + len, cap - len, format, args);
    va_end(args);
}

/** This stands in the diary and nothing else; it is empty after. */
static inline void diary_expect(char *diary, const char *text)
{
    assert_string_equal(diary, text);
    diary[0] = '\0';
}

#define write_down(world, ...) diary_add((world)->diary, sizeof(world)->diary, __VA_ARGS__)
#define expect_diary(world, text) diary_expect((world)->diary, (text))

#endif
