#include "app/demo_items.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: up to here a double has every whole number */

/* Texts are the parsed file's. */
struct item {
    double id, price, quantity, score, ratings;
    const char *name, *category;
    const char *tags[DEMO_ITEMS_TAGS_MAX];
    unsigned tag_count;
    bool active;
};

struct demo_items {
    cJSON *parsed;
    size_t count;
    struct item list[];
};

/* --- reading --- */

static bool take_number(const cJSON *from, const char *name, double *number)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(from, name);

    *number = cJSON_IsNumber(found) ? found->valuedouble : 0;
    return cJSON_IsNumber(found) && fabs(*number) <= DEMO_ITEMS_NUMBER_MAX;
}

static bool take_text(const cJSON *from, const char *name, const char **text)
{
    *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, name));
    return *text;
}

static bool take_tags(const cJSON *from, struct item *item)
{
    const cJSON *tags = cJSON_GetObjectItemCaseSensitive(from, "tags");
    const cJSON *tag;

    if (!cJSON_IsArray(tags) || cJSON_GetArraySize(tags) > DEMO_ITEMS_TAGS_MAX)
        return false;
    cJSON_ArrayForEach(tag, tags)
    {
        if (!cJSON_IsString(tag))
            return false;
        item->tags[item->tag_count++] = tag->valuestring;
    }
    return true;
}

static bool take_item(const cJSON *from, struct item *item)
{
    const cJSON *active = cJSON_GetObjectItemCaseSensitive(from, "active");
    const cJSON *rating = cJSON_GetObjectItemCaseSensitive(from, "rating");

    item->active = cJSON_IsTrue(active);
    return cJSON_IsBool(active) && take_number(from, "id", &item->id) &&
           take_number(from, "price", &item->price) &&
           take_number(from, "quantity", &item->quantity) &&
           take_number(rating, "score", &item->score) &&
           take_number(rating, "count", &item->ratings) && take_text(from, "name", &item->name) &&
           take_text(from, "category", &item->category) && take_tags(from, item);
}

/* Takes `parsed` over. */
static struct demo_items *take_items(cJSON *parsed, char *why, size_t why_cap)
{
    size_t count = cJSON_IsArray(parsed) ? (size_t)cJSON_GetArraySize(parsed) : 0;
    struct demo_items *items = calloc(1, sizeof *items + count * sizeof items->list[0]);
    const cJSON *one;

    if (count == 0 || !items) {
        snprintf(why, why_cap, "that is no JSON array of items, or not all of it is");
        cJSON_Delete(parsed);
        free(items);
        return NULL;
    }
    items->parsed = parsed;
    cJSON_ArrayForEach(one, parsed)
    {
        if (!take_item(one, &items->list[items->count++])) {
            snprintf(why, why_cap,
                     "item %zu lacks one of id, name, category, price, quantity, active, tags (16 "
                     "at most) and rating with score and count, or has a number beyond 1e100",
                     items->count);
            demo_items_free(items);
            return NULL;
        }
    }
    return items;
}

/* To be freed; NULL with errno. */
static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    char *bytes = file ? malloc(DEMO_ITEMS_FILE_MAX + 1) : NULL;

    if (bytes) {
        *len = fread(bytes, 1, DEMO_ITEMS_FILE_MAX + 1, file);
        bool failed = ferror(file);
        if (failed || *len > DEMO_ITEMS_FILE_MAX) {
            free(bytes);
            bytes = NULL;
            errno = failed ? EIO : EFBIG;
        }
    }
    if (file) {
        int error = errno;
        fclose(file);
        errno = error;
    }
    return bytes;
}

/* To be deleted; NULL when it is no JSON text, or more than one. */
static cJSON *parse(const char *bytes, size_t len)
{
    const char *end = NULL;
    cJSON *parsed = cJSON_ParseWithLengthOpts(bytes, len, &end, false);

    while (parsed && end < bytes + len && strchr(" \t\r\n", *end) && *end != '\0')
        end++;
    if (parsed && end < bytes + len) {
        cJSON_Delete(parsed);
        return NULL;
    }
    return parsed;
}

struct demo_items *demo_items_read(const char *path, char *why, size_t why_cap)
{
    size_t len;
    char *bytes = read_file(path, &len);

    if (!bytes) {
        snprintf(why, why_cap, "%s", strerror(errno));
        return NULL;
    }
    cJSON *parsed = parse(bytes, len);
    free(bytes);
    return take_items(parsed, why, why_cap);
}

void demo_items_free(struct demo_items *items)
{
    if (items)
        cJSON_Delete(items->parsed);
    free(items);
}

/* --- writing --- */

/* Grows; after a failure it stays as it was. */
struct writer {
    char *at;
    size_t len, cap;
    bool failed;
};

static void put(struct writer *w, const char *bytes, size_t len)
{
    if (w->cap - w->len < len) {
        size_t cap = (w->cap + len) * 2;
        char *more = realloc(w->at, cap);
        if (!more) {
            w->failed = true;
            return;
        }
        w->at = more;
        w->cap = cap;
    }
    memcpy(w->at + w->len, bytes, len);
    w->len += len;
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* RFC 8259 7. */
static void put_string(struct writer *w, const char *text)
{
    put(w, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        put(w, text, plain);
        text += plain;
        if (*text) {
            char escape[8];
            bool quoted = *text == '"' || *text == '\\';
            int len = snprintf(escape, sizeof escape, quoted ? "\\%c" : "\\u%04x", *text++);
            put(w, escape, (size_t)len);
        }
    }
    put(w, "\"", 1);
}

static void put_whole(struct writer *w, double value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = (uint64_t)fabs(value);

    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        digits[--at] = '-';
    put(w, digits + at, sizeof digits - at);
}

static void put_number(struct writer *w, double value)
{
    char digits[32];

    if (fabs(value) < WHOLE_MAX && trunc(value) == value)
        put_whole(w, value);
    else
        put(w, digits, (size_t)snprintf(digits, sizeof digits, "%.15g", value));
}

static void put_tags(struct writer *w, const struct item *item)
{
    for (unsigned i = 0; i < item->tag_count; i++) {
        if (i > 0)
            put(w, ",", 1);
        put_string(w, item->tags[i]);
    }
}

static void put_item(struct writer *w, const struct item *item, double m)
{
    put_text(w, "{\"id\":");
    put_number(w, item->id);
    put_text(w, ",\"name\":");
    put_string(w, item->name);
    put_text(w, ",\"category\":");
    put_string(w, item->category);
    put_text(w, ",\"price\":");
    put_number(w, item->price);
    put_text(w, ",\"quantity\":");
    put_number(w, item->quantity);
    put_text(w, item->active ? ",\"active\":true,\"tags\":[" : ",\"active\":false,\"tags\":[");
    put_tags(w, item);
    put_text(w, "],\"rating\":{\"score\":");
    put_number(w, item->score);
    put_text(w, ",\"count\":");
    put_number(w, item->ratings);
    put_text(w, "},\"total\":");
    put_number(w, round(item->price * item->quantity * m * 100) / 100);
    put_text(w, "}");
}

char *demo_items_write(const struct demo_items *items, size_t count, int64_t m, size_t *len)
{
    struct writer w = { .cap = 0 };

    if (count > items->count)
        count = items->count;
    put_text(&w, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(&w, ",", 1);
        put_item(&w, &items->list[i], (double)m);
    }
    put_text(&w, "],\"count\":");
    put_number(&w, (double)count);
    put_text(&w, "}");
    if (w.failed) {
        free(w.at);
        return NULL;
    }
    *len = w.len;
    return w.at;
}
