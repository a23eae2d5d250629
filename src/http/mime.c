#include "http/mime.h"

#include "http/chars.h"

#include <stdlib.h>

enum { EXTENSION_MAX = 16 }; /* the letters of the longest extension that is known, and a NUL */

struct known {
    char extension[EXTENSION_MAX]; /* in lower case */
    struct str type;
};

/* Sorted by extension. */
static const struct known built_in[] = {
    { "3g2", STR_INIT("video/3gpp2") },
    { "3gp", STR_INIT("video/3gpp") },
    { "7z", STR_INIT("application/x-7z-compressed") },
    { "aac", STR_INIT("audio/aac") },
    { "ai", STR_INIT("application/postscript") },
    { "aif", STR_INIT("audio/aiff") },
    { "aiff", STR_INIT("audio/aiff") },
    { "apk", STR_INIT("application/vnd.android.package-archive") },
    { "apng", STR_INIT("image/apng") },
    { "appcache", STR_INIT("text/cache-manifest; charset=utf-8") },
    { "asc", STR_INIT("application/pgp-signature") },
    { "atom", STR_INIT("application/atom+xml") },
    { "avi", STR_INIT("video/x-msvideo") },
    { "avif", STR_INIT("image/avif") },
    { "avifs", STR_INIT("image/avif") },
    { "azw", STR_INIT("application/vnd.amazon.ebook") },
    { "bin", STR_INIT("application/octet-stream") },
    { "bmp", STR_INIT("image/bmp") },
    { "br", STR_INIT("application/octet-stream") },
    { "bz2", STR_INIT("application/x-bzip2") },
    { "c", STR_INIT("text/x-c; charset=utf-8") },
    { "cc", STR_INIT("text/x-c; charset=utf-8") },
    { "cer", STR_INIT("application/pkix-cert") },
    { "cjs", STR_INIT("text/javascript; charset=utf-8") },
    { "conf", STR_INIT("text/plain; charset=utf-8") },
    { "cpp", STR_INIT("text/x-c; charset=utf-8") },
    { "crl", STR_INIT("application/pkix-crl") },
    { "crt", STR_INIT("application/x-x509-ca-cert") },
    { "crx", STR_INIT("application/x-chrome-extension") },
    { "css", STR_INIT("text/css; charset=utf-8") },
    { "csv", STR_INIT("text/csv; charset=utf-8") },
    { "cur", STR_INIT("image/vnd.microsoft.icon") },
    { "dat", STR_INIT("application/octet-stream") },
    { "deb", STR_INIT("application/vnd.debian.binary-package") },
    { "der", STR_INIT("application/x-x509-ca-cert") },
    { "diff", STR_INIT("text/x-diff; charset=utf-8") },
    { "djvu", STR_INIT("image/vnd.djvu") },
    { "dll", STR_INIT("application/vnd.microsoft.portable-executable") },
    { "dmg", STR_INIT("application/x-apple-diskimage") },
    { "doc", STR_INIT("application/msword") },
    { "docx", STR_INIT("application/vnd.openxmlformats-officedocument.wordprocessingml.document") },
    { "dot", STR_INIT("application/msword") },
    { "dtd", STR_INIT("application/xml-dtd") },
    { "ear", STR_INIT("application/java-archive") },
    { "eot", STR_INIT("application/vnd.ms-fontobject") },
    { "eps", STR_INIT("application/postscript") },
    { "epub", STR_INIT("application/epub+zip") },
    { "exe", STR_INIT("application/vnd.microsoft.portable-executable") },
    { "flac", STR_INIT("audio/flac") },
    { "flv", STR_INIT("video/x-flv") },
    { "geojson", STR_INIT("application/geo+json") },
    { "gif", STR_INIT("image/gif") },
    { "glb", STR_INIT("model/gltf-binary") },
    { "gltf", STR_INIT("model/gltf+json") },
    { "go", STR_INIT("text/x-go; charset=utf-8") },
    { "gpx", STR_INIT("application/gpx+xml") },
    { "gz", STR_INIT("application/gzip") },
    { "h", STR_INIT("text/x-c; charset=utf-8") },
    { "har", STR_INIT("application/json") },
    { "heic", STR_INIT("image/heic") },
    { "heif", STR_INIT("image/heif") },
    { "hpp", STR_INIT("text/x-c; charset=utf-8") },
    { "htc", STR_INIT("text/x-component; charset=utf-8") },
    { "htm", STR_INIT("text/html; charset=utf-8") },
    { "html", STR_INIT("text/html; charset=utf-8") },
    { "ico", STR_INIT("image/vnd.microsoft.icon") },
    { "ics", STR_INIT("text/calendar; charset=utf-8") },
    { "ifb", STR_INIT("text/calendar; charset=utf-8") },
    { "img", STR_INIT("application/octet-stream") },
    { "ini", STR_INIT("text/plain; charset=utf-8") },
    { "ipa", STR_INIT("application/octet-stream") },
    { "ipynb", STR_INIT("application/x-ipynb+json") },
    { "iso", STR_INIT("application/x-iso9660-image") },
    { "jar", STR_INIT("application/java-archive") },
    { "jfif", STR_INIT("image/jpeg") },
    { "jp2", STR_INIT("image/jp2") },
    { "jpe", STR_INIT("image/jpeg") },
    { "jpeg", STR_INIT("image/jpeg") },
    { "jpg", STR_INIT("image/jpeg") },
    { "js", STR_INIT("text/javascript; charset=utf-8") },
    { "jsm", STR_INIT("text/javascript; charset=utf-8") },
    { "json", STR_INIT("application/json") },
    { "json5", STR_INIT("application/json5") },
    { "jsonld", STR_INIT("application/ld+json") },
    { "jxl", STR_INIT("image/jxl") },
    { "kar", STR_INIT("audio/midi") },
    { "kml", STR_INIT("application/vnd.google-earth.kml+xml") },
    { "kmz", STR_INIT("application/vnd.google-earth.kmz") },
    { "log", STR_INIT("text/plain; charset=utf-8") },
    { "lz4", STR_INIT("application/x-lz4") },
    { "m2ts", STR_INIT("video/mp2t") },
    { "m3u", STR_INIT("audio/mpegurl") },
    { "m3u8", STR_INIT("application/vnd.apple.mpegurl") },
    { "m4a", STR_INIT("audio/mp4") },
    { "m4s", STR_INIT("video/iso.segment") },
    { "m4v", STR_INIT("video/mp4") },
    { "map", STR_INIT("application/json") },
    { "markdown", STR_INIT("text/markdown; charset=utf-8") },
    { "mathml", STR_INIT("application/mathml+xml") },
    { "md", STR_INIT("text/markdown; charset=utf-8") },
    { "mid", STR_INIT("audio/midi") },
    { "midi", STR_INIT("audio/midi") },
    { "mjs", STR_INIT("text/javascript; charset=utf-8") },
    { "mka", STR_INIT("audio/matroska") },
    { "mkv", STR_INIT("video/matroska") },
    { "mml", STR_INIT("application/mathml+xml") },
    { "mobi", STR_INIT("application/x-mobipocket-ebook") },
    { "mov", STR_INIT("video/quicktime") },
    { "mp3", STR_INIT("audio/mpeg") },
    { "mp4", STR_INIT("video/mp4") },
    { "mpd", STR_INIT("application/dash+xml") },
    { "mpeg", STR_INIT("video/mpeg") },
    { "mpg", STR_INIT("video/mpeg") },
    { "mpg4", STR_INIT("video/mp4") },
    { "msi", STR_INIT("application/x-msi") },
    { "n3", STR_INIT("text/n3; charset=utf-8") },
    { "ndjson", STR_INIT("application/x-ndjson") },
    { "obj", STR_INIT("model/obj") },
    { "odg", STR_INIT("application/vnd.oasis.opendocument.graphics") },
    { "odp", STR_INIT("application/vnd.oasis.opendocument.presentation") },
    { "ods", STR_INIT("application/vnd.oasis.opendocument.spreadsheet") },
    { "odt", STR_INIT("application/vnd.oasis.opendocument.text") },
    { "oga", STR_INIT("audio/ogg") },
    { "ogg", STR_INIT("audio/ogg") },
    { "ogv", STR_INIT("video/ogg") },
    { "ogx", STR_INIT("application/ogg") },
    { "opus", STR_INIT("audio/ogg") },
    { "otf", STR_INIT("font/otf") },
    { "p12", STR_INIT("application/x-pkcs12") },
    { "parquet", STR_INIT("application/vnd.apache.parquet") },
    { "patch", STR_INIT("text/x-diff; charset=utf-8") },
    { "pbf", STR_INIT("application/x-protobuf") },
    { "pdf", STR_INIT("application/pdf") },
    { "pem", STR_INIT("application/x-pem-file") },
    { "pfx", STR_INIT("application/x-pkcs12") },
    { "pkg", STR_INIT("application/octet-stream") },
    { "png", STR_INIT("image/png") },
    { "ppt", STR_INIT("application/vnd.ms-powerpoint") },
    { "pptx",
      STR_INIT("application/vnd.openxmlformats-officedocument.presentationml.presentation") },
    { "ps", STR_INIT("application/postscript") },
    { "psd", STR_INIT("image/vnd.adobe.photoshop") },
    { "py", STR_INIT("text/x-python; charset=utf-8") },
    { "qt", STR_INIT("video/quicktime") },
    { "rar", STR_INIT("application/vnd.rar") },
    { "rdf", STR_INIT("application/rdf+xml") },
    { "rng", STR_INIT("application/xml") },
    { "rpm", STR_INIT("application/x-rpm") },
    { "rs", STR_INIT("text/x-rust; charset=utf-8") },
    { "rss", STR_INIT("application/rss+xml") },
    { "rst", STR_INIT("text/x-rst; charset=utf-8") },
    { "rtf", STR_INIT("application/rtf") },
    { "sh", STR_INIT("application/x-sh") },
    { "shtml", STR_INIT("text/html; charset=utf-8") },
    { "sig", STR_INIT("application/pgp-signature") },
    { "spx", STR_INIT("audio/ogg") },
    { "sql", STR_INIT("application/sql") },
    { "sqlite", STR_INIT("application/vnd.sqlite3") },
    { "srt", STR_INIT("application/x-subrip") },
    { "stl", STR_INIT("model/stl") },
    { "svg", STR_INIT("image/svg+xml") },
    { "svgz", STR_INIT("image/svg+xml") },
    { "swf", STR_INIT("application/x-shockwave-flash") },
    { "tar", STR_INIT("application/x-tar") },
    { "tex", STR_INIT("text/x-tex; charset=utf-8") },
    { "text", STR_INIT("text/plain; charset=utf-8") },
    { "tgz", STR_INIT("application/gzip") },
    { "tif", STR_INIT("image/tiff") },
    { "tiff", STR_INIT("image/tiff") },
    { "toml", STR_INIT("application/toml") },
    { "topojson", STR_INIT("application/json") },
    { "torrent", STR_INIT("application/x-bittorrent") },
    { "ts", STR_INIT("video/mp2t") },
    { "tsv", STR_INIT("text/tab-separated-values; charset=utf-8") },
    { "ttc", STR_INIT("font/collection") },
    { "ttf", STR_INIT("font/ttf") },
    { "ttl", STR_INIT("text/turtle; charset=utf-8") },
    { "txt", STR_INIT("text/plain; charset=utf-8") },
    { "usdz", STR_INIT("model/vnd.usdz+zip") },
    { "vcard", STR_INIT("text/vcard; charset=utf-8") },
    { "vcf", STR_INIT("text/vcard; charset=utf-8") },
    { "vsd", STR_INIT("application/vnd.visio") },
    { "vtt", STR_INIT("text/vtt; charset=utf-8") },
    { "war", STR_INIT("application/java-archive") },
    { "wasm", STR_INIT("application/wasm") },
    { "wav", STR_INIT("audio/wav") },
    { "weba", STR_INIT("audio/webm") },
    { "webm", STR_INIT("video/webm") },
    { "webmanifest", STR_INIT("application/manifest+json") },
    { "webp", STR_INIT("image/webp") },
    { "wma", STR_INIT("audio/x-ms-wma") },
    { "wmv", STR_INIT("video/x-ms-wmv") },
    { "woff", STR_INIT("font/woff") },
    { "woff2", STR_INIT("font/woff2") },
    { "wsdl", STR_INIT("application/wsdl+xml") },
    { "xht", STR_INIT("application/xhtml+xml") },
    { "xhtml", STR_INIT("application/xhtml+xml") },
    { "xls", STR_INIT("application/vnd.ms-excel") },
    { "xlsx", STR_INIT("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") },
    { "xml", STR_INIT("application/xml") },
    { "xpi", STR_INIT("application/x-xpinstall") },
    { "xsd", STR_INIT("application/xml") },
    { "xsl", STR_INIT("application/xslt+xml") },
    { "xslt", STR_INIT("application/xslt+xml") },
    { "xz", STR_INIT("application/x-xz") },
    { "yaml", STR_INIT("application/yaml") },
    { "yml", STR_INIT("application/yaml") },
    { "zip", STR_INIT("application/zip") },
    { "zst", STR_INIT("application/zstd") },
};

struct http_mime {
    size_t count;
    struct known *entries; /* sorted by extension; on the heap, as is what type.at points at */
    char *types;
};

static const struct str charset = STR_INIT("; charset=utf-8");
static const struct str default_type = STR_INIT("application/octet-stream");

/* --- Looking up --- */

static int compare(const void *a, const void *b)
{
    const struct known *left = a;
    const struct known *right = b;

    return memcmp(left->extension, right->extension, EXTENSION_MAX);
}

/* Write `name` in lower case and padded with NULs to `key`. False when it is empty or too long. */
static bool make_key(struct str name, char key[EXTENSION_MAX])
{
    if (name.len == 0 || name.len >= EXTENSION_MAX)
        return false;
    memset(key, 0, EXTENSION_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        key[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return true;
}

static const struct known *find(const struct known *entries, size_t count, const struct known *key)
{
    return count > 0 ? bsearch(key, entries, count, sizeof *entries, compare) : NULL;
}

/* What follows the last '.' of the last segment; empty when there is none. */
static struct str extension_of(struct str path)
{
    for (size_t i = path.len; i > 0 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.')
            return str_of(path.at + i, path.len - i);
    return STR("");
}

struct str http_mime_of(const struct http_mime *mime, struct str path)
{
    struct known key;
    const struct known *found = NULL;

    if (!make_key(extension_of(path), key.extension))
        return default_type;
    if (mime)
        found = find(mime->entries, mime->count, &key);
    if (!found)
        found = find(built_in, sizeof built_in / sizeof built_in[0], &key);
    return found ? found->type : default_type;
}

static const struct str texts[] = {
    STR_INIT("application/javascript"),
    STR_INIT("application/json"),
    STR_INIT("application/json5"),
    STR_INIT("application/rtf"),
    STR_INIT("application/sql"),
    STR_INIT("application/toml"),
    STR_INIT("application/vnd.ms-fontobject"),
    STR_INIT("application/wasm"),
    STR_INIT("application/x-ndjson"),
    STR_INIT("application/x-sh"),
    STR_INIT("application/xml"),
    STR_INIT("application/xml-dtd"),
    STR_INIT("application/yaml"),
    STR_INIT("font/otf"),
    STR_INIT("font/ttf"),
    STR_INIT("image/bmp"),
    STR_INIT("image/vnd.microsoft.icon"),
    STR_INIT("model/obj"),
};

bool http_mime_is_text(struct str type)
{
    struct str name = { 0 };

    if (!str_next(&type, ';', &name))
        return false;
    if (str_starts(name, STR("text/")) || str_ends(name, STR("+json")) ||
        str_ends(name, STR("+xml")))
        return true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (str_equal_nocase(name, texts[i]))
            return true;
    return false;
}

/* --- Reading a file like /etc/mime.types --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_type(struct str word)
{
    size_t slashes = 0;

    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] == '/' && i > 0 && i + 1 < word.len)
            slashes++;
        else if (!http_char_is(word.at[i], HTTP_CHAR_TOKEN))
            return false;
    }
    return slashes == 1;
}

/* Copy the type, and the charset of a text type, to *end, and move that on. */
static struct str put_type(char **end, struct str type)
{
    struct str written = str_of(*end, type.len);

    memcpy(*end, type.at, type.len);
    if (str_starts(type, STR("text/"))) {
        memcpy(*end + type.len, charset.at, charset.len);
        written.len += charset.len;
    }
    *end += written.len;
    return written;
}

/* Take in one line. */
static void take_line(struct http_mime *mime, char **end, struct str line)
{
    const char *comment = line.len > 0 ? memchr(line.at, '#', line.len) : NULL;
    struct str rest = comment ? str_of(line.at, (size_t)(comment - line.at)) : line;
    struct str type = str_next_word(&rest);
    struct str extension = str_next_word(&rest);

    if (!is_type(type) || extension.len == 0)
        return;
    struct str stored = put_type(end, type);
    for (; extension.len > 0; extension = str_next_word(&rest)) {
        struct known *entry = &mime->entries[mime->count];
        entry->type = stored;
        if (make_key(extension, entry->extension))
            mime->count++;
    }
}

/* Of lines that name the same extension the first comes first: types are stored in the order of
 * lines. */
static int compare_lines(const void *a, const void *b)
{
    const struct known *left = a;
    const struct known *right = b;
    int order = compare(a, b);

    if (order != 0)
        return order;
    return (left->type.at > right->type.at) - (left->type.at < right->type.at);
}

static void sort(struct http_mime *mime)
{
    size_t kept = 0;

    if (mime->count == 0)
        return;
    qsort(mime->entries, mime->count, sizeof *mime->entries, compare_lines);
    for (size_t i = 1; i < mime->count; i++)
        if (compare(&mime->entries[kept], &mime->entries[i]) != 0)
            mime->entries[++kept] = mime->entries[i];
    mime->count = kept + 1;
}

/* Memory for as many extensions as the text has words, and for its types with their charsets. */
static struct http_mime *make(struct str text)
{
    struct http_mime *mime = malloc(sizeof *mime);
    size_t words = 1;
    size_t lines = 1;

    if (!mime)
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        words += is_blank(text.at[i]) || text.at[i] == '\n';
        lines += text.at[i] == '\n';
    }
    mime->count = 0;
    mime->entries = calloc(words, sizeof *mime->entries);
    mime->types = malloc(text.len + lines * charset.len);
    if (mime->entries && mime->types)
        return mime;
    http_mime_free(mime);
    return NULL;
}

struct http_mime *http_mime_parse(struct str text)
{
    struct http_mime *mime = make(text);
    struct str line;

    if (!mime)
        return NULL;
    char *end = mime->types;
    while (str_next(&text, '\n', &line))
        take_line(mime, &end, line);
    sort(mime);
    return mime;
}

void http_mime_free(struct http_mime *mime)
{
    if (!mime)
        return;
    free(mime->entries);
    free(mime->types);
    free(mime);
}
