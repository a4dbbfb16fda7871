/* page_client.c */
#include "tests/support/page_client.h"

#include <stdlib.h>
#include <string.h>

static cJSON *page_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void page_set(cJSON *object, const char *key, cJSON *value)
{
    if (page_get(object, key) != NULL) {
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
    } else {
        cJSON_AddItemToObject(object, key, value);
    }
}

/* Every "s" that is a number becomes what the message's "p" says. */
static void page_resolve(struct page_client *page, cJSON *node, const cJSON *shared)
{
    cJSON *statics = page_get(node, "s");
    if (cJSON_IsNumber(statics)) {
        char number[16];
        snprintf(number, sizeof(number), "%d", statics->valueint);
        cJSON *text = page_get(shared, number);
        if (text == NULL) {
            page->broken = "statics that are not in p";
            return;
        }
        page_set(node, "s", cJSON_Duplicate(text, true));
    }
    for (cJSON *child = node->child; child != NULL; child = child->next)
        if (cJSON_IsObject(child) || cJSON_IsArray(child)) page_resolve(page, child, shared);
}

static void page_merge(struct page_client *page, cJSON *target, cJSON *source);

static void page_merge_list(struct page_client *page, cJSON *target, cJSON *source)
{
    cJSON *entries = page_get(source, "k"), *now = page_get(target, "k");
    const cJSON *count = page_get(entries, "kc"), *had = page_get(now, "kc");
    if (now == NULL || !cJSON_IsNumber(count)) {
        page->broken = "a list without kc, or where there was none";
        return;
    }
    cJSON *before = cJSON_IsTrue(page_get(entries, "km")) ? cJSON_Duplicate(now, true) : NULL;
    char key[16];
    for (cJSON *entry = entries->child; entry != NULL; entry = entry->next) {
        if (strcmp(entry->string, "kc") == 0 || strcmp(entry->string, "km") == 0) continue;
        if (cJSON_IsObject(entry)) {
            cJSON *there = page_get(now, entry->string);
            if (there == NULL) page_set(now, entry->string, there = cJSON_CreateObject());
            page_merge(page, there, entry);
            continue;
        }
        const cJSON *from = cJSON_IsArray(entry) ? entry->child : entry;
        snprintf(key, sizeof(key), "%d", from->valueint);
        cJSON *moved = before != NULL ? cJSON_DetachItemFromObjectCaseSensitive(before, key) : NULL;
        if (moved == NULL) {
            page->broken = "a move of what is not there, or was moved, or without km";
            break;
        }
        if (cJSON_IsArray(entry)) page_merge(page, moved, from->next);
        page_set(now, entry->string, moved);
    }
    for (int i = count->valueint; i < had->valueint; i++) {
        snprintf(key, sizeof(key), "%d", i);
        cJSON_DeleteItemFromObjectCaseSensitive(now, key);
    }
    page_set(now, "kc", cJSON_CreateNumber(count->valueint));
    cJSON_Delete(before);
}

static void page_merge(struct page_client *page, cJSON *target, cJSON *source)
{
    if (page_get(source, "k") != NULL) {
        page_merge_list(page, target, source);
        return;
    }
    cJSON *next;
    for (cJSON *value = source->child; value != NULL; value = next) {
        next = value->next;
        char *key = strdup(value->string);
        cJSON *there = page_get(target, key);
        if (cJSON_IsObject(value) && page_get(value, "s") == NULL && cJSON_IsObject(there)) {
            page_merge(page, there, value);
        } else {
            page_set(target, key, cJSON_Duplicate(value, true));
        }
        free(key);
    }
}

void page_client_tell(struct page_client *page, struct fl_str members)
{
    struct fl_buf text = {0};
    fl_buf_printf(&text, "{%.*s}", FL_ARG(members));
    cJSON *message = cJSON_ParseWithLengthOpts(text.at, text.len + 1, NULL, true);
    fl_buf_fini(&text);
    if (message == NULL) {
        page->broken = "no JSON";
        return;
    }
    cJSON *shared = cJSON_DetachItemFromObjectCaseSensitive(message, "p");
    if (page_get(message, "r") != NULL) page->broken = "r at the top is a reply";
    page_resolve(page, message, shared);
    if (page_get(message, "s") != NULL) {
        cJSON_Delete(page->tree);
        page->tree = message;
        message = NULL;
    } else if (page->tree == NULL) {
        page->broken = "a diff before the tree";
    } else {
        page_merge(page, page->tree, message);
    }
    cJSON_Delete(message);
    cJSON_Delete(shared);
}

static void page_put(struct page_client *page, const cJSON *node, const cJSON *statics,
                     struct fl_buf *out);

static void page_put_value(struct page_client *page, const cJSON *value, struct fl_buf *out)
{
    if (cJSON_IsString(value)) {
        fl_buf_puts(out, value->valuestring);
    } else if (cJSON_IsObject(value)) {
        page_put(page, value, page_get(value, "s"), out);
    } else {
        page->broken = "neither text nor a node";
    }
}

/* Is this exactly one element, as far as a look at its ends can tell? */
static bool page_is_element(const char *html, size_t len)
{
    struct fl_str text = fl_str_trim((struct fl_str){html, len});
    if (text.len < 3 || text.at[0] != '<' || text.at[text.len - 1] != '>') return false;
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != '<') continue;
        if (text.at[i + 1] == '/') {
            if (--depth == 0) return i + strcspn(text.at + i, ">") + 1 == text.len;
        } else if (strncmp(text.at + i, "<hr>", 4) != 0) {
            depth++;
        }
    }
    return false;
}

static void page_put(struct page_client *page, const cJSON *node, const cJSON *statics,
                     struct fl_buf *out)
{
    const cJSON *entries = page_get(node, "k");
    if (!cJSON_IsArray(statics)) page->broken = "a node without statics";
    if (page->broken != NULL) return;
    if (entries != NULL) {
        for (int i = 0; i < page_get(entries, "kc")->valueint; i++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", i);
            const cJSON *entry = page_get(entries, key);
            if (entry == NULL) {
                page->broken = "a list with a hole";
                return;
            }
            page_put(page, entry, statics, out);
        }
        return;
    }
    size_t from = out->len;
    int i = 0;
    for (const cJSON *text = statics->child; text != NULL; text = text->next) {
        fl_buf_puts(out, text->valuestring);
        if (text->next == NULL) break;
        char key[16];
        snprintf(key, sizeof(key), "%d", i++);
        page_put_value(page, page_get(node, key), out);
    }
    if (page_get(node, "r") != NULL && !page_is_element(out->at + from, out->len - from))
        page->broken = "r of what is not one element";
}

void page_client_html(struct page_client *page, struct fl_buf *out)
{
    fl_buf_puts(out, "");
    if (page->tree == NULL) {
        page->broken = "nothing was told";
    } else {
        page_put(page, page->tree, page_get(page->tree, "s"), out);
    }
}

void page_client_fini(struct page_client *page)
{
    cJSON_Delete(page->tree);
    *page = (struct page_client){0};
}
