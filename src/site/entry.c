#include "site/entry.h"

#include "base/check.h"
#include "base/text.h"
#include "http/date.h"

#include <stdlib.h>

enum { FIELDS_MAX = 512 }; /* the longest media type, and four short fields */

static void add_time(struct text *t, struct statx_timestamp time)
{
    text_add_hex(t, (unsigned long long)time.tv_sec);
    if (time.tv_nsec != 0) {
        text_add(t, STR("."));
        text_add_hex(t, time.tv_nsec);
    }
}

/* Made of what a copy of the file has, too: its time and its size, not its inode. */
static void add_etag(struct text *t, const struct statx *facts)
{
    text_add(t, STR("ETag: \""));
    add_time(t, facts->stx_mtime);
    text_add(t, STR("-"));
    text_add_hex(t, facts->stx_size);
    text_add(t, STR("\"\r\n"));
}

static void add_fields(struct text *t, const struct statx *facts, struct str type, int64_t now_unix)
{
    int64_t modified = facts->stx_mtime.tv_sec;
    char date[HTTP_DATE_LEN];

    text_add(t, STR("Content-Type: "));
    text_add(t, type);
    text_add(t, STR("\r\nContent-Length: "));
    text_add_number(t, facts->stx_size);
    text_add(t, STR("\r\nLast-Modified: "));
    http_date_write(date, modified < now_unix ? modified : now_unix);
    text_add(t, str_of(date, sizeof date));
    text_add(t, STR("\r\n"));
    add_etag(t, facts);
    text_add(t, STR("\r\n"));
}

/* index.html is what answers for a directory, so its type is what a directory's path has. */
static struct str type_of(struct str path, const struct http_mime *mime)
{
    return http_mime_of(mime, str_ends(path, STR("/")) ? STR("/index.html") : path);
}

static void remember(struct site_entry *entry, const struct statx *facts)
{
    entry->size = facts->stx_size;
    entry->inode = facts->stx_ino;
    entry->modified = facts->stx_mtime;
    entry->changed = facts->stx_ctime;
    entry->device_major = facts->stx_dev_major;
    entry->device_minor = facts->stx_dev_minor;
}

struct site_entry *entry_make(struct str path, const struct statx *facts, bool whole,
                              const struct http_mime *mime, int64_t now_unix)
{
    char space[FIELDS_MAX];
    struct text fields = text_in(space, sizeof space);

    add_fields(&fields, facts, type_of(path, mime), now_unix);
    if (fields.cut) { /* a type from the operator's own table may be too long to be true */
        fields = text_in(space, sizeof space);
        add_fields(&fields, facts, STR("application/octet-stream"), now_unix);
    }
    CHECK(!fields.cut);

    size_t held = sizeof(struct site_entry) + path.len + fields.len + (whole ? facts->stx_size : 0);
    struct site_entry *entry = malloc(held);
    if (!entry)
        return NULL;

    memset(entry, 0, sizeof *entry);
    list_init(&entry->age);
    entry->pins = 1;
    entry->status = 200;
    entry->fd = -1;
    entry->held = held;
    remember(entry, facts);

    struct text text = text_in(entry->memory, held - sizeof *entry);
    text_add(&text, path);
    text_add(&text, text_str(&fields));
    entry->path = str_of(entry->memory, path.len);
    entry->literal = memchr(path.at, '%', path.len) == NULL;
    entry->fields = str_of(entry->memory + path.len, fields.len);
    entry->bytes = whole ? entry->memory + text.len : NULL;
    return entry;
}

struct site_entry *entry_make_negative(struct str path, int status)
{
    size_t held = sizeof(struct site_entry) + path.len;
    struct site_entry *entry = malloc(held);

    CHECK(status != 200);
    if (!entry)
        return NULL;
    memset(entry, 0, sizeof *entry);
    list_init(&entry->age);
    entry->pins = 1;
    entry->status = status;
    entry->fd = -1;
    entry->held = held;
    memcpy(entry->memory, path.at, path.len);
    entry->path = str_of(entry->memory, path.len);
    return entry;
}

char *entry_room(struct site_entry *entry)
{
    CHECK(entry->bytes);
    return entry->memory + entry->path.len + entry->fields.len;
}

static bool same_time(struct statx_timestamp a, struct statx_timestamp b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool entry_matches(const struct site_entry *entry, const struct statx *facts)
{
    return entry->status == 200 && entry->inode == facts->stx_ino &&
           entry->size == facts->stx_size && entry->device_major == facts->stx_dev_major &&
           entry->device_minor == facts->stx_dev_minor &&
           same_time(entry->modified, facts->stx_mtime) &&
           same_time(entry->changed, facts->stx_ctime);
}

void entry_free(struct site_entry *entry)
{
    CHECK(!entry->cached && entry->pins == 0 && entry->fd < 0);
    free(entry);
}
