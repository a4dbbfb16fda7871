/* What the template compiler says of a template that is wrong, and that the worst of them does it
 * no harm. What it makes of a right one is seen in test_tree and test_merge. */
#include "tests/support/testkit.h"

#include "runtime/base/json.h"
#include "runtime/base/rng.h"
#include "services/live/compile/template.h"

#define HEAD "{#view v const struct s *s}\n"

static int compile(struct fl_str source, struct fl_buf *c, struct fl_err *err)
{
    struct tpl tpl;
    struct fl_buf header = {0};
    int rc = tpl_parse(&tpl, "a.html", source, err);
    if (rc == 0) {
        tpl_emit_source(&tpl, "a.live.h", "a.live.c", c);
        tpl_emit_header(&tpl, &header);
    }
    tpl_fini(&tpl);
    fl_buf_fini(&header);
    return rc;
}

static void a_wrong_template_is_told_where_and_what_would_be_right(void **state)
{
    static const struct {
        const char *body, *error; /* line 2 is the first of the body */
    } rows[] = {
        /* braces */
        {"<p>{s->x</p>", "2:4: { without }; one brace as text is written {{"},
        {"a } b", "2:3: } without {; as text it is written }}"},
        {"{}", "2:1: expected an expression"},
        {"{ f(a }", "2:4: ( without its closing bracket"},
        {"{ a) }", "2:4: ) without its opening bracket"},
        {"{ \"a }", "2:3: \" without its end on this line"},
        {"{ a; b }", "2:4: an expression cannot hold ;"},
        {"{a, b}", "2:1: a comma wants a format in front: {\"%d of %d\", a, b}"},
        {"{!-- a", "2:1: {!-- without --}"},
        {"{@html }", "2:1: expected an expression"},
        /* blocks */
        {"{#if a}\n<p></p>", "2:1: this block is not closed; expected {/if}"},
        {"{#if }{/if}", "2:1: expected a condition"},
        {"{#if a}{:elif b}{/if}", "2:8: expected {:else if …}, {:else} or {/if}"},
        {"{#if a}{:else}{:else}{/if}", "2:15: expected {/if} of 2:1"},
        {"{#if a}{/each}", "2:8: expected {/if} of 2:1"},
        {"{/if}", "2:1: this ends no block: nothing is open here"},
        {"{#iff a}{/iff}", "2:1: unknown block {#iff; is it {#if?"},
        {"{#if a}<p>{/if}</p>", "2:8: <p> is not closed in the block that it is opened in"},
        {"<p>{#if a}</p>{/if}", "2:11: </p> closes nothing that is open here"},
        {"{#each x of y[1]}{/each}", "2:1: expected {#each item in ARRAY[COUNT] key EXPRESSION}"},
        {"{#each x in y}{/each}",
         "2:1: how many are there? expected {#each item in ARRAY[COUNT] key EXPRESSION}"},
        {"{#each x in y[]}{/each}",
         "2:1: how many are there? expected {#each item in ARRAY[COUNT] key EXPRESSION}"},
        {"{#each x in y[n] key }{/each}", "2:1: expected an expression after key"},
        /* streams */
        {"<ul id=a phx-update=stream></ul>",
         "2:1: phx-update=\"stream\" wants one {#stream} in it and nothing else"},
        {"<ul id=a phx-update=stream>x{#stream j in s->j as struct j}<li></li>{/stream}</ul>",
         "2:1: phx-update=\"stream\" wants one {#stream} in it and nothing else"},
        {"<ul phx-update=stream>{#stream j in s->j as struct j}<li></li>{/stream}</ul>",
         "2:1: <ul> with phx-hook or phx-update needs an id"},
        {"<ul id=a>{#stream j in s->j as struct j}<li></li>{/stream}</ul>",
         "2:10: a {#stream} is the only thing in an element with id=\"…\" phx-update=\"stream\""},
        {"<ul id=a phx-update=stream>{#stream j in s->j}<li></li>{/stream}</ul>",
         "2:28: of what type are its items? expected {#stream item in STREAM as TYPE}"},
        {"<ul id=a phx-update=stream>{#stream j in s->j as struct j}<li></li>b{/stream}</ul>",
         "2:28: what stands in a {#stream} has to be exactly one element"},
        {"{#if a}<ul id=a phx-update=stream>{#stream j in s->j as struct j}<li></li>{/stream}</ul>"
         "{/if}",
         "2:35: a {#stream} cannot stand in a block or part: the server keeps no items that could "
         "be shown again; hide its element by a class"},
        /* parts, and what is said once */
        {"<p>{#part a()}{/part}</p>", "2:4: a {#part} stands outside of all elements and blocks"},
        {"{#part a}{/part}", "2:1: expected name(arguments)"},
        {"{>a}", "2:1: expected name(arguments)"},
        {"{#include a.h}", "2:1: expected {#include \"file.h\"} or {#include <file.h>}"},
        {"{#view w const struct s *s}", "2:1: a file holds one {#view}"},
        /* tags */
        {"<p>", "2:1: <p> is not closed in this file"},
        {"<p></b>", "2:4: </b> where </p> is due, of 2:1"},
        {"</p>", "2:1: </p> closes nothing that is open here"},
        {"<br></br>", "2:5: <br> has no end tag"},
        {"<p/>", "2:1: <p/> does not close it in HTML; write <p></p>"},
        {"a < b", "2:3: < starts no tag here; as text it is written &lt;"},
        {"<{s->x}>", "2:1: an expression cannot be a tag's name"},
        {"<p{s->x}>", "2:3: an expression cannot be part of a tag's name"},
        {"<p {s->x}>", "2:4: an expression cannot be an attribute's name; write name={expression}"},
        {"<p class=a class=b></p>", "2:12: class comes twice in <p>"},
        {"<p class=></p>", "2:10: expected a value in quotes, or {an expression}"},
        {"<p class=\"a></p>", "2:10: \" without its end"},
        {"<p ", "2:1: <p without >"},
        {"<script>let a = 1", "2:1: <script> is not closed in this file"},
        {"<!-- a", "2:1: <!-- without -->"},
        {"<div phx-hook=\"A\"></div>", "2:1: <div> with phx-hook or phx-update needs an id"},
        {"<div id=a phx-update=\"append\"></div>",
         "2:11: phx-update is \"stream\", \"ignore\" or \"replace\""},
        {"<p><div></div></p>", "2:4: <div> would end the <p> that it stands in; make that a <div>"},
        {"<p>{#if a}<ul></ul>{/if}</p>",
         "2:11: <ul> would end the <p> that it stands in; make that a <div>"},
        {"<table>{s->x}</table>", "2:8: text cannot stand directly in <table>"},
        {"<table><tr>x</tr></table>", "2:12: text cannot stand directly in <tr>"},
        {"<table><tbody><div></div></tbody></table>", "2:15: in <tbody> there can be no <div>"},
        {"<div><tr></tr></div>", "2:6: <tr> cannot stand in <div>"},
        {"<a><b><a></a></b></a>", "2:7: <a> cannot stand in another one"},
        /* attributes */
        {"<p class=\"{#if a}b{/if}\"></p>",
         "2:11: an attribute holds no blocks; write {condition ? \"a\" : \"b\"}"},
        {"<p onclick={s->x}></p>",
         "2:12: onclick cannot hold an expression: a value in it would be "
         "run; use a class, or phx-click and the like"},
        {"<p style=\"width: {s->x}px\"></p>",
         "2:18: style cannot hold an expression: a value in it would be run; use a class, or "
         "phx-click and the like"},
        {"<a href=\"{a}{b}\"></a>",
         "2:13: an address needs a /, ? or # before this value, or http: and the like"},
        {"<a href=\"{a}:x\"></a>",
         "2:13: an address that starts with a value goes on with /, ? or #"},
        {"<a href=\"java{a}\"></a>",
         "2:14: an address needs a /, ? or # before this value, or http: and the like"},
        {"<a href=\"javascript:{a}\"></a>",
         "2:21: an address needs a /, ? or # before this value, or http: and the like"},
        {"<a href={\"%s\", s->x}></a>",
         "2:9: an address in printf form has to start with text that holds a /, ? or #"},
        {"<input disabled={\"%s\", s->x}>", "2:17: disabled is there or not: expected a condition"},
    };
    int wrong = 0;
    for (size_t i = 0; i < FL_COUNT(rows); i++) {
        struct fl_err err = {0};
        struct fl_buf c = {0};
        char *source = fl_format(HEAD "%s", rows[i].body),
             *error = fl_format("a.html:%s", rows[i].error);
        int rc = compile(fl_str_of(source), &c, &err);
        if (rc != FL_EPARSE || strcmp(err.text, error) != 0) {
            print_error("%s\n  says   %s\n  not    %s\n", rows[i].body, err.text, error);
            wrong++;
        }
        free(source);
        free(error);
        fl_buf_fini(&c);
    }
    assert_int_equal(wrong, 0);
}

static void a_template_without_a_view_is_told_how_to_begin(void **state)
{
    struct fl_err err = {0};
    struct fl_buf c = {0};
    assert_int_equal(compile(FL_STR("<p></p>"), &c, &err), FL_EPARSE);
    assert_string_equal(err.text, "a.html:1:1: expected {#view NAME const struct STATE *VARIABLE} "
                                  "somewhere");
    fl_buf_fini(&c);
}

static void what_is_right_is_taken(void **state)
{
    static const char *const bodies[] = {
        "",
        "{{ }}",
        "<!DOCTYPE html><html><head><title>{s->x}</title></head><body></body></html>",
        "<p>{\"}\"}{'}'}{/* } */ 1}{(struct a){1}.b}</p>",
        "<svg><path d={s->x} /><g><circle r=1 /></g></svg>",
        "<a href=\"https://{s->x}\"></a><a href=\"?a={s->x}{s->y}\"></a>",
        "<a href=\"{s->x}/a/{s->y}\"></a><a href={\"/x/%d\", s->x}></a>",
        "<textarea><b>{s->x}</textarea><style>a { b: c }</style><script>if (a < b) {}</script>",
        "<p title='{s->x} \"y\"' data-a=b hidden>{\"%s %s\", s->x, s->y}</p>",
        "{#each x in f(a, b)[0][count(a[1])] key x->a[0]}{x_index}{/each}",
        "{#each x in s->key[s->key_count] key x->key}{/each}",
        "{#each x in s->key[s->count]}{/each}",
        "<ul id=a phx-update=stream>{#stream as in s->as as struct b}<li></li>{/stream}</ul>",
        "{#part a(void)}{/part}{#part b(int c)}{>a()}{>b(c + 1)}{/part}{>a()}{>b(1)}",
        "{#if s->a\n && s->b}x{/if}",
        "<IMG SRC=\"/a\"><Br>",
    };
    int wrong = 0;
    for (size_t i = 0; i < FL_COUNT(bodies); i++) {
        struct fl_err err = {0};
        struct fl_buf c = {0};
        char *source = fl_format(HEAD "%s", bodies[i]);
        if (compile(fl_str_of(source), &c, &err) != 0) {
            print_error("%s: %s\n", bodies[i], err.text);
            wrong++;
        }
        free(source);
        fl_buf_fini(&c);
    }
    assert_int_equal(wrong, 0);
}

static void an_error_of_the_c_compiler_points_into_the_template(void **state)
{
    struct fl_err err = {0};
    struct fl_buf c = {0};
    assert_int_equal(compile(FL_STR(HEAD "\n<p>\n{s->gone}</p>"), &c, &err), 0);
    assert_non_null(strstr(c.at, "#line 3 \"a.html\"\nfl_out_value(fl_out, (\n s->gone));\n"));
    fl_buf_fini(&c);
}

static void the_template_in_the_guide_is_right(void **state)
{
    char *guide;
    size_t len;
    struct fl_err err = {0};
    struct fl_buf c = {0};
    assert_int_equal(fl_file_read(&guide, &len, FL_SOURCE_DIR "/docs/live.md", &err), 0);
    const char *from = strstr(guide, "```html\n");
    assert_non_null(from);
    from += strlen("```html\n");
    struct fl_str template = {from, (size_t)(strstr(from, "```") - from)};
    if (compile(template, &c, &err) != 0) fail_msg("%s", err.text);
    fl_buf_fini(&c);
    free(guide);
}

/* ---- anything at all ---- */

static const char *const pieces[] = {
    "{",
    "}",
    "<",
    ">",
    "\"",
    "'",
    "{#if a}",
    "{:else}",
    "{/if}",
    "{:",
    "{/",
    "{#",
    "{>",
    "{@html ",
    "{!--",
    "--}",
    "<!--",
    "-->",
    "<p>",
    "</p>",
    "<ul id=a phx-update=stream>",
    "{#stream j in s->j as struct j}",
    "{/stream}",
    "{#each x in y[n] key x->k}",
    "{/each}",
    "{#part p(int a)}",
    "{/part}",
    "{>p(1)}",
    "=",
    " href=",
    "<script>",
    "</script>",
    "<textarea>",
    "</textarea>",
    "/*",
    "*/",
    "(",
    ")",
    "\\",
    "\n",
    " ",
};

static void mutate(struct fl_buf *text, struct fl_rng *rng)
{
    size_t at = (size_t)fl_rng_between(rng, 0, (int64_t)text->len);
    size_t len = (size_t)fl_rng_between(rng, 0, 12);
    if (len > text->len - at) len = text->len - at;
    struct fl_buf next = {0};
    fl_buf_add(&next, text->at, at);
    switch (fl_rng_between(rng, 0, 3)) {
    case 0:
        break; /* drops it */
    case 1:
        fl_buf_puts(&next, pieces[fl_rng_between(rng, 0, FL_COUNT(pieces) - 1)]);
        fl_buf_add(&next, text->at + at, len);
        break;
    case 2:
        for (int i = 0; i < 2; i++)
            fl_buf_add(&next, text->at + at, len);
        break;
    default:
        fl_buf_putc(&next, (char)fl_rng_between(rng, 0, 255));
    }
    fl_buf_add(&next, text->at + at + len, text->len - at - len);
    fl_buf_fini(text);
    *text = next;
}

static void no_template_harms_the_compiler(void **state)
{
    char *zoo;
    size_t len;
    struct fl_err err = {0};
    assert_int_equal(
        fl_file_read(&zoo, &len, FL_SOURCE_DIR "/tests/unit/live/pages/zoo.live.html", &err), 0);
    int taken = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct fl_rng rng;
        fl_rng_init(&rng, seed);
        struct fl_buf text = {0}, c = {0};
        fl_buf_add(&text, zoo, len);
        for (int64_t times = fl_rng_between(&rng, 1, 6); times > 0; times--)
            mutate(&text, &rng);
        taken += compile((struct fl_str){text.at, text.len}, &c, &err) == 0;
        if (c.at == NULL) assert_memory_equal(err.text, "a.html:", 7);
        fl_buf_fini(&text);
        fl_buf_fini(&c);
    }
    assert_in_range(taken, 100, 2900);
    free(zoo);
}

static void a_template_of_anything_nested_too_deep_is_refused(void **state)
{
    const char *const openers[] = {"{#if a}", "<b>",         "{#each x in y[1]}",
                                   "{(",      "{#part p()}", "<svg>"};
    for (size_t i = 0; i < FL_COUNT(openers); i++) {
        struct fl_buf text = {0}, c = {0};
        struct fl_err err = {0};
        fl_buf_puts(&text, HEAD);
        for (int n = 0; n < 20000; n++)
            fl_buf_puts(&text, openers[i]);
        assert_int_equal(compile((struct fl_str){text.at, text.len}, &c, &err), FL_EPARSE);
        fl_buf_fini(&text);
        fl_buf_fini(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_template_is_told_where_and_what_would_be_right),
        cmocka_unit_test(a_template_without_a_view_is_told_how_to_begin),
        cmocka_unit_test(what_is_right_is_taken),
        cmocka_unit_test(an_error_of_the_c_compiler_points_into_the_template),
        cmocka_unit_test(the_template_in_the_guide_is_right),
        cmocka_unit_test(no_template_harms_the_compiler),
        cmocka_unit_test(a_template_of_anything_nested_too_deep_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
