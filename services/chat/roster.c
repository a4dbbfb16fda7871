#include "services/chat/roster.h"

#include "runtime/base/json.h"
#include "runtime/base/rng.h"

struct fl_roster_user {
    struct fl_str name;
    uint64_t hash;
    struct fl_roster_member *first;
    struct fl_roster_user *bucket_next;
    char text[];
};

static void roster_grow_ids(struct fl_roster *roster)
{
    if (roster->members_count < roster->by_id_count) return;
    size_t count = roster->by_id_count == 0 ? 8 : roster->by_id_count * 2;
    free(roster->by_id);
    roster->by_id = fl_new_array(struct fl_roster_member *, count);
    roster->by_id_count = count;
    for (struct fl_roster_member *m = roster->first; m != NULL; m = m->next) {
        struct fl_roster_member **bucket = &roster->by_id[fl_hash64(m->id) & (count - 1)];
        m->bucket_next = *bucket;
        *bucket = m;
    }
}

static void roster_grow_names(struct fl_roster *roster)
{
    if (roster->users_count < roster->by_name_count) return;
    size_t count = roster->by_name_count == 0 ? 8 : roster->by_name_count * 2;
    struct fl_roster_user **fresh = fl_new_array(struct fl_roster_user *, count);
    for (size_t i = 0; i < roster->by_name_count; i++) {
        struct fl_roster_user *next = NULL;
        for (struct fl_roster_user *user = roster->by_name[i]; user != NULL; user = next) {
            next = user->bucket_next;
            user->bucket_next = fresh[user->hash & (count - 1)];
            fresh[user->hash & (count - 1)] = user;
        }
    }
    free(roster->by_name);
    roster->by_name = fresh;
    roster->by_name_count = count;
}

static struct fl_roster_user *roster_user(struct fl_roster *roster, struct fl_str name)
{
    uint64_t hash = fl_hash_bytes(name.at, name.len);
    roster_grow_names(roster);
    struct fl_roster_user **bucket = &roster->by_name[hash & (roster->by_name_count - 1)];
    for (struct fl_roster_user *user = *bucket; user != NULL; user = user->bucket_next)
        if (user->hash == hash && fl_str_eq(user->name, name)) return user;
    struct fl_roster_user *user = fl_alloc(sizeof *user + name.len + 1);
    memcpy(user->text, name.at, name.len);
    user->name = (struct fl_str){user->text, name.len};
    user->hash = hash;
    user->bucket_next = *bucket;
    *bucket = user;
    roster->users_count++;
    return user;
}

static void roster_drop_user(struct fl_roster *roster, struct fl_roster_user *user)
{
    struct fl_roster_user **at = &roster->by_name[user->hash & (roster->by_name_count - 1)];
    while (*at != user)
        at = &(*at)->bucket_next;
    *at = user->bucket_next;
    roster->users_count--;
    free(user);
}

struct fl_roster_member *fl_roster_add(struct fl_roster *roster, uint64_t id, struct fl_str user,
                                       struct fl_str status, const char *ref)
{
    FL_ASSERT(fl_roster_find(roster, id) == NULL);
    roster_grow_ids(roster);
    struct fl_roster_member *member = fl_new(struct fl_roster_member);
    member->id = id;
    member->user = roster_user(roster, user);
    member->status = fl_str_dup(status);
    snprintf(member->ref, sizeof member->ref, "%s", ref);

    member->prev = roster->last;
    if (roster->last != NULL)
        roster->last->next = member;
    else
        roster->first = member;
    roster->last = member;

    member->user_next = member->user->first;
    if (member->user_next != NULL) member->user_next->user_prev = member;
    member->user->first = member;

    struct fl_roster_member **bucket = &roster->by_id[fl_hash64(id) & (roster->by_id_count - 1)];
    member->bucket_next = *bucket;
    *bucket = member;
    roster->members_count++;
    return member;
}

struct fl_roster_member *fl_roster_find(const struct fl_roster *roster, uint64_t id)
{
    if (roster->by_id_count == 0) return NULL;
    struct fl_roster_member *member = roster->by_id[fl_hash64(id) & (roster->by_id_count - 1)];
    while (member != NULL && member->id != id)
        member = member->bucket_next;
    return member;
}

void fl_roster_remove(struct fl_roster *roster, struct fl_roster_member *member)
{
    struct fl_roster_member **at = &roster
                                        ->by_id[fl_hash64(member->id) & (roster->by_id_count - 1)];
    while (*at != member)
        at = &(*at)->bucket_next;
    *at = member->bucket_next;

    if (member->prev != NULL)
        member->prev->next = member->next;
    else
        roster->first = member->next;
    if (member->next != NULL)
        member->next->prev = member->prev;
    else
        roster->last = member->prev;

    if (member->user_prev != NULL)
        member->user_prev->user_next = member->user_next;
    else
        member->user->first = member->user_next;
    if (member->user_next != NULL) member->user_next->user_prev = member->user_prev;

    if (member->user->first == NULL) roster_drop_user(roster, member->user);
    roster->members_count--;
    free(member->status);
    free(member);
}

void fl_roster_fini(struct fl_roster *roster)
{
    while (roster->first != NULL)
        fl_roster_remove(roster, roster->first);
    free(roster->by_id);
    free(roster->by_name);
    memset(roster, 0, sizeof *roster);
}

struct fl_str fl_roster_name(const struct fl_roster_member *member)
{
    return member->user->name;
}

static void roster_put_meta(const struct fl_roster_member *member, struct fl_buf *out)
{
    fl_buf_printf(out, "{\"phx_ref\":\"%s\"", member->ref);
    if (member->ref_prev[0] != '\0')
        fl_buf_printf(out, ",\"phx_ref_prev\":\"%s\"", member->ref_prev);
    fl_buf_puts(out, ",\"status\":");
    fl_buf_puts(out, member->status);
    fl_buf_putc(out, '}');
}

/* `"ana":{"metas":[ … ]}` with this member's meta alone */
static void roster_put_one(const struct fl_roster_member *member, struct fl_buf *out)
{
    fl_json_put_str(out, member->user->name);
    fl_buf_puts(out, ":{\"metas\":[");
    roster_put_meta(member, out);
    fl_buf_puts(out, "]}");
}

void fl_roster_put_state(const struct fl_roster *roster, struct fl_buf *out)
{
    fl_buf_putc(out, '{');
    bool more = false;
    for (const struct fl_roster_member *m = roster->first; m != NULL; m = m->next) {
        if (m->user->first != m) continue; /* each user once, at one of its members */
        if (more) fl_buf_putc(out, ',');
        more = true;
        fl_json_put_str(out, m->user->name);
        fl_buf_puts(out, ":{\"metas\":[");
        for (const struct fl_roster_member *one = m; one != NULL; one = one->user_next) {
            if (one != m) fl_buf_putc(out, ',');
            roster_put_meta(one, out);
        }
        fl_buf_puts(out, "]}");
    }
    fl_buf_putc(out, '}');
}

void fl_roster_put_join(const struct fl_roster_member *member, struct fl_buf *out)
{
    fl_buf_puts(out, "{\"joins\":{");
    roster_put_one(member, out);
    fl_buf_puts(out, "},\"leaves\":{}}");
}

void fl_roster_put_leave(const struct fl_roster_member *member, struct fl_buf *out)
{
    fl_buf_puts(out, "{\"joins\":{},\"leaves\":{");
    roster_put_one(member, out);
    fl_buf_puts(out, "}}");
}

/* One diff with both halves: clients apply joins first, so the user never vanishes in between. */
void fl_roster_update(struct fl_roster_member *member, struct fl_str status, const char *ref,
                      struct fl_buf *out)
{
    struct fl_buf leave = {0};
    roster_put_one(member, &leave);
    snprintf(member->ref_prev, sizeof member->ref_prev, "%s", member->ref);
    snprintf(member->ref, sizeof member->ref, "%s", ref);
    free(member->status);
    member->status = fl_str_dup(status);
    fl_buf_puts(out, "{\"joins\":{");
    roster_put_one(member, out);
    fl_buf_puts(out, "},\"leaves\":{");
    fl_buf_add(out, leave.at, leave.len);
    fl_buf_puts(out, "}}");
    fl_buf_fini(&leave);
}
