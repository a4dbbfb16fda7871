#include "runtime/names.h"

#include "runtime/core.h"

/* Names are read from any thread, so they are the one table with a lock; nothing is called while
 * it is held. */
struct fl_name {
    struct fl_map_node by_text;
    struct fl_pid pid;
    uint32_t parts;
    char text[];
};

static uint64_t name_key(const char *text)
{
    return fl_hash_bytes(text, strlen(text));
}

static struct fl_name *name_find(const struct fl_node *node, const char *text)
{
    struct fl_map_node *at = fl_map_find(&node->names, name_key(text));
    for (; at != NULL; at = fl_map_next(at)) {
        struct fl_name *name = FL_OWNER(at, struct fl_name, by_text);
        if (strcmp(name->text, text) == 0) return name;
    }
    return NULL;
}

int fl_name_add(struct fl_self *self, const char *text, struct fl_pid *holder)
{
    struct fl_cold *cold = fl_proc_cold(self);
    FL_ASSERT(cold->name == NULL);
    struct fl_node *node = self->shard->node;
    size_t len = strlen(text) + 1;
    struct fl_name *name = fl_alloc(sizeof *name + len);
    memcpy(name->text, text, len);
    name->pid = self->pid;

    pthread_mutex_lock(&node->names_lock);
    struct fl_name *taken = name_find(node, text);
    bool is_taken = taken != NULL;
    if (is_taken && holder != NULL) *holder = taken->pid;
    if (!is_taken) fl_map_add(&node->names, &name->by_text, name_key(text));
    pthread_mutex_unlock(&node->names_lock);
    if (is_taken) {
        free(name);
        return FL_ETAKEN;
    }
    cold->name = name;
    return 0;
}

void fl_name_drop(struct fl_self *self)
{
    struct fl_name *name = self->cold->name;
    if (name == NULL) return;
    struct fl_node *node = self->shard->node;
    pthread_mutex_lock(&node->names_lock);
    fl_map_remove(&node->names, &name->by_text);
    pthread_mutex_unlock(&node->names_lock);
    free(name);
    self->cold->name = NULL;
}

const char *fl_name_of(const struct fl_self *self)
{
    return self->cold == NULL || self->cold->name == NULL ? NULL : self->cold->name->text;
}

int fl_self_register(struct fl_self *self, const char *name)
{
    if (fl_name_of(self) != NULL) return FL_ESTATE;
    return fl_name_add(self, name, NULL);
}

int fl_self_unregister(struct fl_self *self)
{
    if (fl_name_of(self) == NULL) return FL_ENOTFOUND;
    fl_name_drop(self);
    return 0;
}

int fl_register(struct fl_self *self, struct fl_pid who, const char *name)
{
    struct fl_self *other = fl_proc_find(self->shard, who);
    if (other == NULL) return FL_ENOPROC;
    return fl_self_register(other, name);
}

struct fl_pid fl_whereis(struct fl_node *node, const char *text)
{
    struct fl_pid pid = FL_NO_PID;
    pthread_mutex_lock(&node->names_lock);
    struct fl_name *name = name_find(node, text);
    if (name != NULL) pid = name->pid;
    pthread_mutex_unlock(&node->names_lock);
    return pid;
}

void fl_name_set_parts(struct fl_self *self, uint32_t parts)
{
    struct fl_node *node = self->shard->node;
    FL_ASSERT(fl_name_of(self) != NULL);
    pthread_mutex_lock(&node->names_lock);
    self->cold->name->parts = parts;
    pthread_mutex_unlock(&node->names_lock);
}

uint32_t fl_name_parts(struct fl_node *node, const char *text)
{
    pthread_mutex_lock(&node->names_lock);
    struct fl_name *name = name_find(node, text);
    uint32_t parts = name == NULL ? 0 : name->parts;
    pthread_mutex_unlock(&node->names_lock);
    return parts;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **fl_name_list(struct fl_node *node, const char *glob, size_t *count)
{
    *count = 0;
    pthread_mutex_lock(&node->names_lock);
    char **texts = fl_new_array(char *, node->names.count);
    for (size_t i = 0; node->names.buckets != NULL && i <= node->names.mask; i++) {
        for (struct fl_map_node *at = node->names.buckets[i]; at != NULL; at = at->next) {
            struct fl_name *name = FL_OWNER(at, struct fl_name, by_text);
            if (fl_glob(glob, name->text)) texts[(*count)++] = fl_strdup(name->text);
        }
    }
    pthread_mutex_unlock(&node->names_lock);
    if (*count > 1) qsort(texts, *count, sizeof *texts, compare_texts);
    return texts;
}

char *fl_name_copy(struct fl_node *node, struct fl_pid pid)
{
    char *copy = NULL;
    pthread_mutex_lock(&node->names_lock);
    for (size_t i = 0; node->names.count > 0 && i <= node->names.mask; i++)
        for (struct fl_map_node *at = node->names.buckets[i]; at != NULL; at = at->next) {
            const struct fl_name *name = FL_OWNER(at, struct fl_name, by_text);
            if (copy == NULL && fl_pid_eq(name->pid, pid)) copy = fl_strdup(name->text);
        }
    pthread_mutex_unlock(&node->names_lock);
    return copy;
}
