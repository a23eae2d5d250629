#include "site/entry.h"

#include "base/check.h"
#include "base/text.h"
#include "http/date.h"

#include <stdlib.h>

/* Where things stand in the fields, as they are written. */
struct places {
    size_t type, type_end, shared, page_end, etag, etag_end; /* no etag: both are 0 */
};

static void add_time(struct text *t, struct statx_timestamp time)
{
    text_add_hex(t, (unsigned long long)time.tv_sec);
    if (time.tv_nsec != 0) {
        text_add(t, STR("."));
        text_add_hex(t, time.tv_nsec);
    }
}

/* Variants made at one time may be of one size, too, and are told apart by their codings. */
static void add_opaque_tag(struct text *t, const struct statx *facts, enum entry_etag etag)
{
    if (etag == ENTRY_ETAG_HASH) {
        text_add(t, STR("................................")); /* until the digest is known */
        return;
    }
    add_time(t, facts->stx_mtime);
    text_add(t, STR("-"));
    text_add_hex(t, facts->stx_size);
}

static void add_etag(struct text *t, const struct statx *facts, enum entry_etag etag,
                     enum http_coding coding, struct places *places)
{
    places->etag = places->etag_end = 0;
    if (etag == ENTRY_ETAG_OFF)
        return;
    text_add(t, STR("ETag: "));
    places->etag = t->len;
    text_add(t, STR("\""));
    add_opaque_tag(t, facts, etag);
    if (coding != HTTP_IDENTITY) {
        text_add(t, STR("-"));
        text_add(t, http_coding_name(coding));
    }
    text_add(t, STR("\""));
    places->etag_end = t->len;
    text_add(t, STR("\r\n"));
}

/* Each part of an answer with several says how it is coded: what is around them is not. */
static void add_type(struct text *t, struct str type, enum http_coding coding,
                     struct places *places)
{
    text_add(t, STR("Content-Type: "));
    places->type = t->len;
    text_add(t, type);
    if (coding != HTTP_IDENTITY) {
        text_add(t, STR("\r\nContent-Encoding: "));
        text_add(t, http_coding_name(coding));
    }
    places->type_end = t->len;
    text_add(t, STR("\r\n"));
}

static void add_fields(struct text *t, const struct statx *facts, struct str type,
                       enum http_coding coding, int64_t modified, const struct entry_form *form,
                       struct places *places)
{
    char date[HTTP_DATE_LEN];

    text_add(t, STR("Content-Length: "));
    text_add_number(t, facts->stx_size);
    text_add(t, STR("\r\n"));
    add_type(t, type, coding, places);
    places->shared = t->len;
    text_add(t, form->rules.lines);
    places->page_end = t->len;
    text_add(t, form->rules.cache);
    text_add(t, form->lines);
    if ((form->codings | form->unmade) != 0 || coding != HTTP_IDENTITY)
        text_add(t, STR("Vary: Accept-Encoding\r\n"));
    text_add(t, STR("Accept-Ranges: bytes\r\n"));
    if (!form->undated) {
        http_date_write(date, modified);
        text_add(t, STR("Last-Modified: "));
        text_add(t, str_of(date, sizeof date));
        text_add(t, STR("\r\n"));
    }
    add_etag(t, facts, form->etag, coding, places);
    text_add(t, STR("\r\n"));
}

static struct str type_of(struct str path, const struct entry_form *form)
{
    if (form->rules.type.len > 0)
        return form->rules.type;
    return form->type.len > 0 ? form->type : http_mime_of(form->mime, path);
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

static struct str between(struct str s, size_t from, size_t to)
{
    return str_of(s.at + from, to - from);
}

/* Find the parts of the fields where they lie now. */
static void set_fields(struct site_entry *entry, struct str fields, const struct places *places)
{
    const size_t name_len = strlen("Content-Type: ");

    entry->fields = fields;
    entry->typed = between(fields, places->type - name_len, fields.len);
    entry->shared = between(fields, places->shared, fields.len);
    entry->page = between(fields, 0, places->page_end);
    entry->type = between(fields, places->type, places->type_end);
    if (places->etag > 0)
        entry->validators.etag = between(fields, places->etag, places->etag_end);
}

struct site_entry *entry_make(struct str path, const struct statx *facts, bool whole,
                              struct entry_form form, int64_t now_unix)
{
    char space[ENTRY_FIELDS_MAX + ENTRY_RULES_MAX];
    size_t most = ENTRY_FIELDS_MAX + form.rules.lines.len + form.rules.cache.len;
    struct text fields = text_in(space, most);
    struct places places;
    struct variant variant = variant_of_key(path);
    bool future = facts->stx_mtime.tv_sec > now_unix;
    int64_t modified = future ? now_unix : facts->stx_mtime.tv_sec;

    add_fields(&fields, facts, type_of(variant.path, &form), variant.coding, modified, &form,
               &places);
    if (fields.cut) { /* a type from the operator's own table may be too long to be true */
        fields = text_in(space, most);
        add_fields(&fields, facts, STR("application/octet-stream"), variant.coding, modified, &form,
                   &places);
    }
    CHECK(!fields.cut);

    size_t held = sizeof(struct site_entry) + path.len + form.index.len + fields.len +
                  (whole ? facts->stx_size : 0);
    struct site_entry *entry = malloc(held);
    if (!entry)
        return NULL;

    memset(entry, 0, sizeof *entry);
    list_init(&entry->age);
    list_init(&entry->on_route);
    entry->pins = 1;
    entry->status = 200;
    entry->fd = -1;
    entry->held = held;
    remember(entry, facts);
    entry->validators.modified = modified;
    entry->validators.modified_strong = !future && !form.undated;
    entry->validators.undated = form.undated;

    struct text text = text_in(entry->memory, held - sizeof *entry);
    text_add(&text, path);
    text_add(&text, form.index);
    entry->path = str_of(entry->memory, path.len);
    entry->index = str_of(entry->memory + path.len, form.index.len);
    entry->literal = !form.rules.indirect && memchr(path.at, '%', path.len) == NULL;
    entry->edition = form.edition;
    entry->beside = (uint8_t)form.codings;
    entry->unmade = (uint8_t)form.unmade;
    entry->codings = entry->beside | entry->unmade;
    size_t fields_at = text.len;
    text_add(&text, text_str(&fields));
    set_fields(entry, str_of(entry->memory + fields_at, fields.len), &places);
    entry->bytes = whole ? entry->memory + text.len : NULL;
    if (whole && entry->literal && fields.len + facts->stx_size <= ENTRY_AT_ONCE_MAX)
        entry->at_once = (uint16_t)(fields.len + facts->stx_size);
    return entry;
}

void entry_set_digest(struct site_entry *entry, const char text[DIGEST_LEN])
{
    size_t quote = (size_t)(entry->validators.etag.at - entry->memory);

    CHECK(entry->validators.etag.len >= DIGEST_LEN + 2);
    memcpy(entry->memory + quote + 1, text, DIGEST_LEN);
}

struct site_entry *entry_make_variant(const struct site_entry *of, struct str bytes,
                                      enum http_coding coding, struct entry_form form,
                                      int64_t now_unix)
{
    char space[VARIANT_KEY_MAX];
    struct str key = variant_key(of->path, of->index, coding, space);
    const struct statx facts = {
        .stx_size = bytes.len,
        .stx_ino = of->inode,
        .stx_mtime = of->modified,
        .stx_ctime = of->changed,
        .stx_dev_major = of->device_major,
        .stx_dev_minor = of->device_minor,
    };

    form.type = of->type;
    form.codings = form.unmade = 0;
    struct site_entry *entry = entry_make(key, &facts, true, form, now_unix);
    if (!entry)
        return NULL;
    memcpy(entry_room(entry), bytes.at, bytes.len);
    if (form.etag == ENTRY_ETAG_HASH)
        entry_set_digest(entry, of->validators.etag.at + 1);
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
    list_init(&entry->on_route);
    entry->pins = 1;
    entry->status = status;
    entry->fd = -1;
    entry->held = held;
    memcpy(entry->memory, path.at, path.len);
    entry->path = str_of(entry->memory, path.len);
    return entry;
}

struct http_byteranges entry_byteranges(const struct site_entry *entry, struct str boundary)
{
    return (struct http_byteranges){ boundary, entry->type, entry->size };
}

char *entry_room(struct site_entry *entry)
{
    CHECK(entry->bytes);
    return entry->memory + entry->path.len + entry->index.len + entry->fields.len;
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
