#include "site/listing_json.h"

#include "base/utf8.h"
#include "http/date.h"
#include "http/path.h"

enum {
    FRAME_MAX = 128, /* bytes around the entries */
    ENTRY_MAX = 128, /* bytes of an entry beside its name */
    NAME_FACTOR = 6, /* the longest that a byte of a name becomes: \u0001 */
    HREF_FACTOR = 3, /* and in a href: %01 */
};

size_t listing_json_max(const struct listing *listing, struct str path)
{
    return FRAME_MAX + NAME_FACTOR * path.len + listing->count * (size_t)ENTRY_MAX +
           (NAME_FACTOR + HREF_FACTOR) * listing->names_len;
}

static void add_control(struct text *out, uint32_t point)
{
    char escape[] = "\\u0000";

    escape[4] = "0123456789abcdef"[point >> 4 & 15];
    escape[5] = "0123456789abcdef"[point & 15];
    text_add(out, str_of(escape, sizeof escape - 1));
}

/* RFC 8259 7. */
static void add_string(struct text *out, struct str s)
{
    bool valid;

    text_add(out, STR("\""));
    while (s.len > 0) {
        const char *at = s.at;
        uint32_t point = utf8_next(&s, &valid);
        if (!valid)
            text_add(out, STR("\xef\xbf\xbd"));
        else if (point < 0x20 || point == 0x7f)
            add_control(out, point);
        else if (point == '"' || point == '\\')
            text_add(out, point == '"' ? STR("\\\"") : STR("\\\\"));
        else
            text_add(out, str_of(at, (size_t)(s.at - at)));
    }
    text_add(out, STR("\""));
}

/* What is left of percent-encoding needs no escape in a string. */
static void add_href(struct text *out, struct str name, bool directory)
{
    text_add(out, STR(",\"href\":\"./"));
    http_path_encode_part(out, name);
    text_add(out, directory ? STR("/\"") : STR("\""));
}

static void add_entry(struct text *out, const struct listing_entry *entry, struct str name)
{
    char date[HTTP_ISO_DATE_LEN];

    text_add(out, STR("{\"name\":"));
    add_string(out, name);
    add_href(out, name, entry->directory);
    if (entry->directory) {
        text_add(out, STR(",\"type\":\"directory\""));
    } else {
        text_add(out, STR(",\"type\":\"file\",\"size\":"));
        text_add_number(out, entry->size);
    }
    http_iso_date_write(date, entry->modified);
    text_add(out, STR(",\"modified\":\""));
    text_add(out, str_of(date, sizeof date));
    text_add(out, STR("\"}"));
}

void listing_json_write(struct text *out, const struct listing *listing, struct str path)
{
    text_add(out, STR("{\"path\":"));
    add_string(out, path);
    text_add(out, STR(",\"entries\":["));
    for (unsigned i = 0; i < listing->count; i++) {
        text_add(out, i > 0 ? STR(",\n") : STR("\n"));
        add_entry(out, &listing->entries[i], listing_name(listing, &listing->entries[i]));
    }
    text_add(out, STR("\n],\"truncated\":"));
    text_add(out, listing->cut ? STR("true}\n") : STR("false}\n"));
}
