/* nest.c: which element may stand in which. A browser moves or drops what may not, without a word;
 * the page would then be another one than the server believes. */
#include "services/live/compile/names.h"
#include "services/live/compile/parse.h"

#include <strings.h>

bool tpl_is_one_of(struct fl_str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tpl_is_same(name, fl_str_of(names[i]))) return true;
    return false;
}

bool tpl_is_same(struct fl_str a, struct fl_str b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* What a <p> ends before. */
static bool nest_is_block(struct fl_str name)
{
    return TPL_NAME_IS(name, "address", "article", "aside", "blockquote", "details", "dialog",
                       "div", "dl", "fieldset", "figure", "figcaption", "footer", "form", "h1",
                       "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "menu", "nav", "ol",
                       "p", "pre", "search", "section", "table", "ul");
}

/* May it stand directly in this part of a table? */
static bool nest_is_of_table(struct fl_str parent, struct fl_str name)
{
    if (TPL_NAME_IS(name, "script", "style", "template")) return true;
    if (TPL_NAME_IS(parent, "tr")) return TPL_NAME_IS(name, "td", "th");
    if (TPL_NAME_IS(parent, "colgroup")) return TPL_NAME_IS(name, "col");
    if (TPL_NAME_IS(parent, "table"))
        return TPL_NAME_IS(name, "caption", "colgroup", "thead", "tbody", "tfoot", "tr");
    return TPL_NAME_IS(name, "tr");
}

static bool nest_is_table(struct fl_str name)
{
    return TPL_NAME_IS(name, "table", "thead", "tbody", "tfoot", "tr", "colgroup");
}

void tpl_check_nesting(struct tpl_parser *p, size_t at, struct fl_str name)
{
    if (p->elements_count == 0) return; /* of a part, nobody knows where it will stand */
    struct fl_str parent = p->elements[p->elements_count - 1].name;
    if (nest_is_table(parent) && (name.at == NULL || !nest_is_of_table(parent, name)))
        tpl_fail(&p->scan, at,
                 name.at == NULL ? "text cannot stand directly in <%.*s>%.*s"
                                 : "in <%.*s> there can be no <%.*s>",
                 FL_ARG(parent), FL_ARG(name));
    if (name.at == NULL) return;
    bool is_of_table = TPL_NAME_IS(name, "caption", "colgroup", "thead", "tbody", "tfoot", "tr",
                                   "td", "th", "col");
    if (is_of_table && !nest_is_table(parent) && !TPL_NAME_IS(parent, "template"))
        tpl_fail(&p->scan, at, "<%.*s> cannot stand in <%.*s>", FL_ARG(name), FL_ARG(parent));
    if (TPL_NAME_IS(parent, "p") && nest_is_block(name))
        tpl_fail(&p->scan, at, "<%.*s> would end the <p> that it stands in; make that a <div>",
                 FL_ARG(name));
    if (!TPL_NAME_IS(name, "a", "button", "form")) return;
    for (size_t i = 0; i < p->elements_count; i++)
        if (tpl_is_same(p->elements[i].name, name))
            tpl_fail(&p->scan, at, "<%.*s> cannot stand in another one", FL_ARG(name));
}
