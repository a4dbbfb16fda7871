#include "loadgen/replica.h"

void fl_replica_fini(struct fl_replica *replica)
{
    fl_buf_fini(&replica->text);
    *replica = (struct fl_replica){0};
}

void fl_replica_load(struct fl_replica *replica, int64_t rev, const char *text)
{
    replica->text.len = 0;
    fl_buf_puts(&replica->text, text);
    replica->rev = rev;
    replica->is_known = true;
}

/* One part of an operation does to the rest of the text what it says; false: it cannot. */
static bool apply_part(const cJSON *part, struct fl_str *rest, struct fl_buf *out)
{
    if (cJSON_IsString(part)) {
        fl_buf_puts(out, part->valuestring);
        return true;
    }
    if (!cJSON_IsNumber(part)) return false;
    bool stays = part->valuedouble > 0;
    double count = stays ? part->valuedouble : -part->valuedouble;
    if (count < 1 || count > (double)rest->len) return false;
    if (stays) fl_buf_add(out, rest->at, (size_t)count);
    rest->at += (size_t)count;
    rest->len -= (size_t)count;
    return true;
}

int fl_replica_apply(struct fl_replica *replica, const cJSON *op)
{
    struct fl_buf next = {0};
    struct fl_str rest = {replica->text.at, replica->text.len};
    fl_buf_reserve(&next, replica->text.len + 32);
    bool ok = replica->is_known && cJSON_IsArray(op);
    const cJSON *part;
    cJSON_ArrayForEach(part, op)
    {
        ok = ok && apply_part(part, &rest, &next);
    }
    if (!ok || rest.len > 0) { /* it was meant for another text */
        fl_buf_fini(&next);
        return FL_EBADMSG;
    }
    fl_buf_fini(&replica->text);
    replica->text = next;
    replica->rev++;
    return 0;
}

static size_t put_token(char out[24], uint64_t key)
{
    return (size_t)snprintf(out, 24, "%llx ", (unsigned long long)key);
}

bool fl_replica_find(const struct fl_replica *replica, uint64_t key, size_t *at, size_t *len)
{
    char token[24];
    *len = put_token(token, key);
    for (size_t from = 0; from + *len <= replica->text.len;) {
        const char *found = memmem(replica->text.at + from, replica->text.len - from, token, *len);
        if (found == NULL) return false;
        *at = (size_t)(found - replica->text.at);
        if (*at == 0 || found[-1] == ' ') return true;
        from = *at + 1; /* the end of a longer one */
    }
    return false;
}

/* A place between two tokens. */
static size_t draw_place(const struct fl_replica *replica, struct fl_rng *rng)
{
    size_t at = (size_t)fl_rng_between(rng, 0, (int64_t)replica->text.len);
    while (at > 0 && at < replica->text.len && replica->text.at[at - 1] != ' ')
        at++;
    return at;
}

/* Parts are joined with commas; a count of 0 is no part. */
static void put_count(struct fl_buf *out, const char *sign, size_t count)
{
    if (count == 0) return;
    if (out->at[out->len - 1] != '[') fl_buf_putc(out, ',');
    fl_buf_printf(out, "%s%zu", sign, count);
}

void fl_replica_put_edit(const struct fl_replica *replica, struct fl_rng *rng, uint64_t key,
                         uint64_t out_key, struct fl_buf *out)
{
    char token[24];
    size_t place = draw_place(replica, rng), gone_at = place, gone = 0;
    put_token(token, key);
    if (out_key != 0) {
        bool found = fl_replica_find(replica, out_key, &gone_at, &gone);
        FL_ASSERT(found);
        if (place == gone_at + gone) place = gone_at; /* in at a place comes before out there */
    }
    size_t end = gone_at + gone, first = place < gone_at ? place : gone_at;
    fl_buf_putc(out, '[');
    put_count(out, "", first);
    if (place > gone_at) {
        put_count(out, "-", gone);
        put_count(out, "", place - end);
    }
    fl_buf_printf(out, "%s\"%s\"", out->at[out->len - 1] == '[' ? "" : ",", token);
    if (place <= gone_at) {
        put_count(out, "", gone_at - place);
        put_count(out, "-", gone);
    }
    put_count(out, "", replica->text.len - (place > gone_at ? place : end));
    fl_buf_putc(out, ']');
}

uint64_t fl_replica_hash(const struct fl_replica *replica)
{
    uint64_t hash = fl_hash_bytes(replica->text.at, replica->text.len);
    hash = fl_hash64(hash ^ (uint64_t)replica->rev);
    return hash != 0 ? hash : 1;
}

bool fl_token_take(struct fl_str *rest, uint64_t *key)
{
    if (rest->len == 0) return false;
    bool ends = memchr(rest->at, ' ', rest->len) != NULL;
    struct fl_str word = fl_str_cut(rest, ' ');
    *key = 0;
    bool is_token = ends && word.len >= 1 && word.len <= 16;
    for (size_t i = 0; i < word.len && is_token; i++) {
        char c = word.at[i];
        is_token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        *key = *key << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (!is_token) *key = 0;
    return true;
}
