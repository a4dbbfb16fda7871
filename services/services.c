#include "services/services.h"

#include "services/chat/chat.h"
#include "services/dashboard/dashboard.h"
#include "services/editor/editor.h"
#include "services/landing/landing.h"
#include "services/queue/queue.h"

const struct fl_service fl_services[] = {
    {"chat", "chat rooms over Phoenix channels, with presence", "/health", fl_chat_start},
    {"queue", "a job queue over HTTP; acknowledged jobs survive SIGKILL", "/health",
     fl_queue_start},
    {"dashboard", "live figures of a run, or of its own node, for a browser", "/health",
     fl_dashboard_start},
    {"editor", "one text that many people write at once; acknowledged edits survive SIGKILL",
     "/health", fl_editor_start},
    {0},
};

const struct fl_service fl_service_landing = {
    "landing", "the page of `faultline serve`: links, the tree, crashes", "/health",
    fl_landing_start};

const struct fl_service *fl_service_find(const char *name)
{
    for (const struct fl_service *service = fl_services; service->name != NULL; service++)
        if (name != NULL && strcmp(service->name, name) == 0) return service;
    bool is_page = name != NULL && strcmp(fl_service_landing.name, name) == 0;
    return is_page ? &fl_service_landing : NULL;
}
