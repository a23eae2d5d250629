#include "site/listing_page.h"

#include "base/utf8.h"
#include "http/date.h"
#include "http/path.h"

static const struct str style = STR_INIT(
    ":root{color-scheme:light dark;--ink:#1c2024;--soft:#667078;--line:#e3e6e9;--link:#0b57b0;"
    "--paper:#fff;--hover:#f4f6f8;--folder:#e0a92e}"
    "@media(prefers-color-scheme:dark){:root{--ink:#dfe3e6;--soft:#939ca4;--line:#2c3238;"
    "--link:#7db4f5;--paper:#15181b;--hover:#1e2327;--folder:#c99a35}}"
    "body{margin:0 auto;padding:1.5rem 1rem;max-width:60rem;background:var(--paper);"
    "color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "h1{margin:0 0 1rem;font-size:1.25rem;overflow-wrap:anywhere}"
    "a{color:var(--link);text-decoration:none}a:hover,a:focus{text-decoration:underline}"
    "table{width:100%;border-collapse:collapse}"
    "th,td{padding:.35rem .5rem;border-bottom:1px solid var(--line);text-align:left;"
    "vertical-align:baseline}"
    "th{font-size:.875rem;white-space:nowrap}th a{color:var(--soft)}"
    "tbody tr:hover{background:var(--hover)}"
    "td:first-child{padding-left:2.1rem;text-indent:-1.6rem;overflow-wrap:anywhere}"
    "th+th,td+td{width:1%;text-align:right;white-space:nowrap;color:var(--soft);"
    "font-variant-numeric:tabular-nums}"
    "[aria-sort=ascending] a::after{content:' \\2191'}"
    "[aria-sort=descending] a::after{content:' \\2193'}"
    "td a::before{content:'';display:inline-block;box-sizing:border-box;width:.7rem;"
    "height:.85rem;margin:0 .75rem 0 .15rem;border:1.5px solid var(--soft);"
    "border-radius:2px;vertical-align:-.05rem}"
    "td a[href$='/']::before{width:1rem;height:.75rem;margin:0 .6rem 0 0;border:0;"
    "border-radius:1px 4px 2px 2px;background:var(--folder)}"
    "p{color:var(--soft);font-size:.875rem}"
    "@media(max-width:34rem){body{padding:1rem .25rem}h1,p{padding:0 .5rem}"
    "time span,th span{display:none}th,td{padding:.5rem .35rem}}");

enum {
    FRAME_MAX = 4096, /* bytes around the rows, but for the style and what the path becomes */
    ROW_MAX = 256,    /* bytes of a row beside its name */
    TEXT_FACTOR = 6,  /* the longest that a byte becomes as text: &quot; */
    HREF_FACTOR = 5,  /* and in a href: &amp; */
};

/* The path is in the title and, name by name, in the heading. */
size_t listing_page_max(const struct listing *listing, struct str path)
{
    return FRAME_MAX + style.len + 2 * TEXT_FACTOR * path.len + listing->count * (size_t)ROW_MAX +
           (TEXT_FACTOR + HREF_FACTOR) * listing->names_len;
}

/* What a character must be written as, or an empty string: as it is. Controls are shown by their
 * pictures (U+2400 on), or not at all. */
static struct str escape_of(uint32_t point, char picture[3])
{
    switch (point) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        break;
    }
    if (point >= 0x80 && point < 0xa0)
        return STR("\xef\xbf\xbd");
    if (point >= 0x20 && point != 0x7f)
        return STR("");
    memcpy(picture, "\xe2\x90\x80", 3);
    picture[2] = (char)(0x80 + (point < 0x20 ? point : 0x21));
    return str_of(picture, 3);
}

static void add_text(struct text *out, struct str s)
{
    char picture[3];
    bool valid;

    while (s.len > 0) {
        const char *at = s.at;
        uint32_t point = utf8_next(&s, &valid);
        struct str escape = valid ? escape_of(point, picture) : STR("\xef\xbf\xbd");
        text_add(out, escape.len > 0 ? escape : str_of(at, (size_t)(s.at - at)));
    }
}

/* Of what percent-encoding leaves, '&' has a meaning in an attribute. */
static void add_href(struct text *out, struct str name)
{
    while (name.len > 0) {
        const char *amp = memchr(name.at, '&', name.len);
        size_t len = amp ? (size_t)(amp - name.at) : name.len;
        http_path_encode_part(out, str_of(name.at, len));
        if (amp)
            text_add(out, STR("&amp;"));
        len += amp != NULL;
        name = str_of(name.at + len, name.len - len);
    }
}

/* --- the heading --- */

static unsigned depth_of(struct str path)
{
    unsigned depth = 0;

    for (size_t i = 1; i < path.len; i++)
        depth += path.at[i] == '/';
    return depth;
}

static void add_crumb(struct text *out, struct str name, unsigned up)
{
    if (up > LISTING_CRUMBS_MAX) {
        add_text(out, name);
        text_add(out, STR("/"));
        return;
    }
    text_add(out, STR("<a href=\""));
    text_add(out, up == 0 ? STR("./") : STR(""));
    for (unsigned i = 0; i < up; i++)
        text_add(out, STR("../"));
    text_add(out, STR("\">"));
    add_text(out, name);
    text_add(out, STR("/</a>"));
}

static void add_heading(struct text *out, struct str path)
{
    unsigned up = depth_of(path);
    struct str name;

    text_add(out, STR("<h1>"));
    add_crumb(out, STR(""), up);
    path = str_of(path.at + 1, path.len - 1);
    while (path.len > 0) {
        const char *slash = memchr(path.at, '/', path.len);
        size_t len = slash ? (size_t)(slash - path.at) : path.len;
        name = str_of(path.at, len);
        add_crumb(out, name, --up);
        len += slash != NULL;
        path = str_of(path.at + len, path.len - len);
    }
    text_add(out, STR("</h1>\n"));
}

static void add_column(struct text *out, struct listing_form form, enum listing_order order,
                       struct str title)
{
    bool own = form.order == order;
    bool descending = own ? !form.descending : order != LISTING_BY_NAME;

    text_add(out, STR("<th"));
    if (own)
        text_add(out, form.descending ? STR(" aria-sort=\"descending\"")
                                      : STR(" aria-sort=\"ascending\""));
    text_add(out, STR("><a href=\"?sort="));
    text_add(out, listing_order_name(order));
    text_add(out, descending ? STR("&amp;order=desc\">") : STR("&amp;order=asc\">"));
    text_add(out, title);
    text_add(out, STR("</a>"));
}

static void add_head(struct text *out, struct str path, struct listing_form form)
{
    text_add(out, STR("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                      "<title>Index of "));
    add_text(out, path);
    text_add(out, STR("</title>\n<style>"));
    text_add(out, style);
    text_add(out, STR("</style>\n</head>\n<body>\n"));
    add_heading(out, path);
    text_add(out, STR("<table>\n<thead>\n<tr>"));
    add_column(out, form, LISTING_BY_NAME, STR("Name"));
    add_column(out, form, LISTING_BY_SIZE, STR("Size"));
    add_column(out, form, LISTING_BY_TIME, STR("Modified<span> (UTC)</span>"));
    text_add(out, STR("\n</thead>\n<tbody>\n"));
    if (path.len > 1)
        text_add(out, STR("<tr><td><a href=\"../\">../</a><td><td>\n"));
}

/* --- the rows --- */

/* "1.5 KiB": no more than there are. */
static void add_size(struct text *out, uint64_t size)
{
    const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    uint64_t rest = 0;

    for (; size >= 1024; size >>= 10, unit++)
        rest = size & 1023;
    text_add_number(out, size);
    if (unit > 0 && size < 10) {
        text_add(out, STR("."));
        text_add_number(out, rest * 10 / 1024);
    }
    text_add(out, STR(" "));
    text_add(out, str_from(units[unit]));
}

static void add_time(struct text *out, int64_t modified)
{
    char date[HTTP_ISO_DATE_LEN];

    http_iso_date_write(date, modified);
    text_add(out, STR("<td><time datetime=\""));
    text_add(out, str_of(date, sizeof date));
    text_add(out, STR("\">"));
    text_add(out, str_of(date, 10));
    text_add(out, STR("<span> "));
    text_add(out, str_of(date + 11, 5));
    text_add(out, STR("</span></time>\n"));
}

/* A name may be written from right to left, or say so of what follows it. */
static void add_row(struct text *out, const struct listing_entry *entry, struct str name)
{
    text_add(out, STR("<tr><td><a href=\"./"));
    add_href(out, name);
    text_add(out, entry->directory ? STR("/\"><bdi>") : STR("\"><bdi>"));
    add_text(out, name);
    text_add(out, entry->directory ? STR("/</bdi></a><td>") : STR("</bdi></a><td title=\""));
    if (!entry->directory) {
        text_add_number(out, entry->size);
        text_add(out, entry->size == 1 ? STR(" byte\">") : STR(" bytes\">"));
        add_size(out, entry->size);
    }
    add_time(out, entry->modified);
}

static void add_count(struct text *out, unsigned count, struct str one, struct str many)
{
    text_add_number(out, count);
    text_add(out, count == 1 ? one : many);
}

static void add_foot(struct text *out, const struct listing *listing)
{
    unsigned directories = 0;
    uint64_t bytes = 0;

    for (unsigned i = 0; i < listing->count; i++) {
        directories += listing->entries[i].directory;
        bytes += listing->entries[i].directory ? 0 : listing->entries[i].size;
    }
    text_add(out, STR("</tbody>\n</table>\n<p>"));
    if (listing->cut) {
        text_add(out,
                 STR("There is more in this directory than is shown here, which is the first "));
        text_add_number(out, listing->count);
        text_add(out, STR(" names that were found: "));
    }
    add_count(out, directories, STR(" directory, "), STR(" directories, "));
    add_count(out, listing->count - directories, STR(" file"), STR(" files"));
    text_add(out, STR(", "));
    add_size(out, bytes);
    text_add(out, STR("</p>\n</body>\n</html>\n"));
}

void listing_page_write(struct text *out, const struct listing *listing, struct str path,
                        struct listing_form form)
{
    add_head(out, path, form);
    for (unsigned i = 0; i < listing->count; i++)
        add_row(out, &listing->entries[i], listing_name(listing, &listing->entries[i]));
    add_foot(out, listing);
}
