/* main.c: compiles one template: fl-template FILE.live.html SHOWN-AS OUT.c OUT.h HEADER-PATH
 *
 * SHOWN-AS is how errors and #line name the file, HEADER-PATH how OUT.c includes OUT.h. Files are
 * written only when the template is right. */
#include "services/live/compile/template.h"

#include "runtime/base/json.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: fl-template FILE SHOWN-AS OUT.c OUT.h HEADER-PATH\n");
        return 2;
    }
    const char *file = argv[1], *shown_as = argv[2], *c_path = argv[3], *h_path = argv[4];
    struct fl_err err = {0};
    struct fl_buf c = {0}, h = {0};
    struct tpl tpl = {0};
    char *source = NULL;
    size_t len = 0;
    int rc = fl_file_read(&source, &len, file, &err);
    if (rc == 0) rc = tpl_parse(&tpl, shown_as, (struct fl_str){source, len}, &err);
    if (rc == 0) {
        tpl_emit_source(&tpl, argv[5], c_path, &c);
        tpl_emit_header(&tpl, &h);
        rc = fl_file_write(h_path, h.at, h.len, &err);
    }
    if (rc == 0) rc = fl_file_write(c_path, c.at, c.len, &err);
    if (rc != 0) fprintf(stderr, "%s\n", err.text);
    tpl_fini(&tpl);
    fl_buf_fini(&c);
    fl_buf_fini(&h);
    free(source);
    return rc == 0 ? 0 : 1;
}
