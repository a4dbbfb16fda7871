#include "services/editor/editor.h"

#include "runtime/base/json.h"
#include "runtime/sup.h"
#include "services/editor/page.h"
#include "services/editor/scribe.h"
#include "services/live/assets.h"

/** What an editor of one node is made of; the node owns it. */
struct editor {
    struct fl_guests guests;
    struct fl_scribe_opts scribe;
    struct fl_web_secret secret;
    struct fl_live_site live;
    struct fl_web_route routes[3];
    struct fl_channel_server views[2];
    struct fl_web_socket sockets[3];
    struct fl_web_site site;
};

static void editor_free(void *ptr)
{
    struct editor *editor = ptr;
    fl_presence_free(editor->guests.presence);
    fl_pubsub_free(editor->guests.docs.pubsub);
    free(editor);
}

/** What cannot be kept running (its disk, its file) ends the OS process, so that who supervises
 * that one decides. */
static void editor_on_limit(void *cx, const char *child_id)
{
    fprintf(stderr, "editor: %s failed too often; giving up\n", child_id);
    fl_node_stop(cx, 1);
}

/** Opens and closes the archive once, so that a file that cannot work is an error at the start,
 * with its reason, and not a row of restarts. */
static int editor_try_archive(const char *folder, struct fl_err *err)
{
    int code = fl_make_dirs(folder, err);
    if (code != 0) return code;
    char *path = fl_format("%s/editor.db", folder);
    struct fl_doc_archive *archive = NULL;
    const struct fl_doc_archive_opts opts = {.path = path};
    code = fl_doc_archive_open(&archive, &opts, err);
    fl_doc_archive_close(archive);
    free(path);
    return code;
}

static int editor_start_documents(struct fl_node *node)
{
    const struct fl_sup_opts docs = {
        .strategy = FL_DYNAMIC,
        .max_restarts = 200,
        .within_ns = fl_s(10),
        .max_children = 10000,
        .name = FL_DOCS_NAME,
        .on_limit = editor_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    return fl_sup_start(node, NULL, &docs, &pid);
}

static int editor_start_rest(struct fl_node *node, struct editor *editor)
{
    const struct fl_child children[] = {
        {.id = "pubsub",
         .server = &fl_pubsub_server,
         .args = editor->guests.docs.pubsub,
         .name = "pubsub",
         .shutdown_ns = fl_s(1)},
        {.id = "people",
         .server = &fl_presence_server,
         .args = editor->guests.presence,
         .name = "people",
         .shutdown_ns = fl_s(1)},
        {.id = FL_SCRIBE_NAME,
         .server = &fl_scribe_server,
         .args = &editor->scribe,
         .name = FL_SCRIBE_NAME,
         .mailbox_max = FL_SCRIBE_MAILBOX_MAX,
         .shutdown_ns = fl_s(5)},
    };
    const struct fl_sup_opts sup = {
        .max_restarts = 20,
        .within_ns = fl_s(10),
        .children = children,
        .children_count = FL_COUNT(children),
        .name = "editor",
        .on_limit = editor_on_limit,
        .limit_cx = node,
    };
    struct fl_pid pid;
    return fl_sup_start(node, NULL, &sup, &pid);
}

static int editor_open(struct fl_node *node, const struct fl_service_opts *opts,
                       struct editor **out, struct fl_err *err)
{
    if (opts->folder == NULL)
        return fl_err_set(err, FL_EIO, "the editor needs a folder for its documents");
    int code = editor_try_archive(opts->folder, err);
    if (code != 0) return code;

    struct editor *editor = fl_new(struct editor);
    editor->scribe = (struct fl_scribe_opts){.folder = opts->folder, .instance = opts->instance};
    editor->guests.docs.instance = opts->instance;
    editor->guests.docs.pubsub = fl_pubsub_new(node);
    struct fl_presence_opts people = fl_guests_presence_opts(editor->guests.docs.pubsub);
    editor->guests.presence = fl_presence_new(node, &people);
    fl_node_own(node, editor, editor_free);

    code = editor_start_rest(node, editor);
    if (code == 0) code = editor_start_documents(node);
    if (code != 0) return fl_err_set(err, code, "editor: %s", fl_code_name(code));
    *out = editor;
    return 0;
}

int fl_editor_open(struct fl_node *node, const struct fl_service_opts *opts,
                   const struct fl_guests **out, struct fl_err *err)
{
    struct editor *editor = NULL;
    int code = editor_open(node, opts, &editor, err);
    if (code == 0) *out = &editor->guests;
    return code;
}

static void editor_health(struct fl_self *self, struct fl_web *web,
                          const struct fl_web_request *req)
{
    (void)req;
    fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
}

static const struct fl_live_page editor_pages[] = {
    {"/", &fl_editor_lobby_view},
    {"/editor/:doc", &fl_editor_page_view},
    {0},
};

static const char editor_js[] = "text/javascript; charset=utf-8";

static const struct fl_web_asset editor_assets[] = {
    FL_LIVE_ASSETS,
    {"/assets/editor.css", "text/css; charset=utf-8", fl_asset_editor_css,
     &fl_asset_editor_css_len},
    {"/assets/editor-ot.js", editor_js, fl_asset_editor_ot_js, &fl_asset_editor_ot_js_len},
    {"/assets/editor.js", editor_js, fl_asset_editor_js, &fl_asset_editor_js_len},
    {0},
};

/** The tables of the site, which lead to this editor's guests. */
static void editor_lay_out(struct editor *editor)
{
    editor->live = (struct fl_live_site){
        .pages = editor_pages,
        .socket_path = "/live",
        .title_suffix = " · editor",
        .styles = fl_editor_styles,
        .scripts = fl_editor_scripts,
        .cx = &editor->guests,
    };
    const struct fl_web_route routes[] = {
        {"GET", "/health", editor_health, NULL}, FL_LIVE_ROUTE(&editor->live), {0}};
    const struct fl_channel_server views[] = {FL_LIVE_CHANNEL(&editor->live), {0}};
    const struct fl_web_socket sockets[] = {{.path = "/socket", .channels = fl_editor_channels},
                                            {.path = "/live", .channels = editor->views},
                                            {0}};
    memcpy(editor->routes, routes, sizeof routes);
    memcpy(editor->views, views, sizeof views);
    memcpy(editor->sockets, sockets, sizeof sockets);
    editor->site = (struct fl_web_site){
        .routes = editor->routes,
        .assets = editor_assets,
        .sockets = editor->sockets,
        .args = &editor->guests,
        .secret = &editor->secret,
    };
}

int fl_editor_start(struct fl_node *node, const struct fl_service_opts *opts, struct fl_err *err)
{
    struct editor *editor = NULL;
    int code = editor_open(node, opts, &editor, err);
    if (code == 0) code = fl_web_secret_load(opts->folder, &editor->secret, err);
    if (code != 0) return code;
    editor_lay_out(editor);
    return fl_web_serve(node, &editor->site, opts->host, opts->port, NULL, NULL, err);
}
