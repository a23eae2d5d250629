#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/mime.h"

#include <stdlib.h>

struct mime_case {
    const char *path;
    const char *type;
};

#define UNKNOWN "application/octet-stream"

static const struct mime_case cases[] = {
    { "/index.html", "text/html; charset=utf-8" },
    { "/a.htm", "text/html; charset=utf-8" },
    { "/a.css", "text/css; charset=utf-8" },
    { "/a.js", "text/javascript; charset=utf-8" },
    { "/a.mjs", "text/javascript; charset=utf-8" },
    { "/a.txt", "text/plain; charset=utf-8" },
    { "/a.md", "text/markdown; charset=utf-8" },
    { "/a.json", "application/json" },
    { "/a.webmanifest", "application/manifest+json" },
    { "/a.xml", "application/xml" },
    { "/a.svg", "image/svg+xml" },
    { "/a.png", "image/png" },
    { "/a.jpg", "image/jpeg" },
    { "/a.webp", "image/webp" },
    { "/a.avif", "image/avif" },
    { "/a.ico", "image/vnd.microsoft.icon" },
    { "/a.wasm", "application/wasm" },
    { "/a.woff2", "font/woff2" },
    { "/a.pdf", "application/pdf" },
    { "/a.mp4", "video/mp4" },
    { "/a.tar.gz", "application/gzip" },
    { "/a.zst", "application/zstd" },
    { "/a.7z", "application/x-7z-compressed" },
    { "/a.3gp", "video/3gpp" },
    { "/a.zip", "application/zip" },
    { "/A.HTML", "text/html; charset=utf-8" },
    { "/a.Js", "text/javascript; charset=utf-8" },
    { ".html", "text/html; charset=utf-8" },
    { "a.html", "text/html; charset=utf-8" },
    { "/b.d/a.css", "text/css; charset=utf-8" },
    { "/b.html/a", UNKNOWN },
    { "/b.html/", UNKNOWN },
    { "/", UNKNOWN },
    { "", UNKNOWN },
    { "/README", UNKNOWN },
    { "/a.", UNKNOWN },
    { "/a.html.", UNKNOWN },
    { "/a.htmlx", UNKNOWN },
    { "/a.htm l", UNKNOWN },
    { "/a.nosuchthing", UNKNOWN },
    { "/a.averyveryverylongextension", UNKNOWN },
};

static void check_type(const struct http_mime *mime, const char *path, const char *wanted)
{
    struct str got = http_mime_of(mime, str_from(path));

    if (!str_equal(got, str_from(wanted)))
        fail_msg("%s: got %.*s", path, (int)got.len, got.at);
}

static void test_built_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_type(NULL, cases[i].path, cases[i].type);
}

/* A table that is not sorted hides some of its entries: what every site has must be found. */
static void test_everyday_extensions(void **state)
{
    (void)state;
    struct str all = STR(
        "html htm css js mjs cjs map json jsonld geojson webmanifest xml xsl svg svgz txt md csv "
        "tsv ics vcf pdf ps rtf epub wasm png apng jpg jpeg gif webp avif heic ico bmp tif tiff "
        "jxl mp4 m4v webm mkv mov avi mpg mpeg ogv ts m3u8 mpd mp3 m4a aac ogg oga opus wav flac "
        "weba mid woff woff2 ttf otf eot ttc zip gz bz2 xz zst 7z tar rar jar apk deb rpm iso dmg "
        "exe msi doc docx xls xlsx ppt pptx odt ods odp yaml yml toml log atom rss vtt py c h sql "
        "3gp aif ai azw cer conf crl crt diff djvu dtd ear eps gltf glb gpx har ini jp2 kar kml "
        "m2ts mka mobi n3 obj odg ogx p12 pem psd rdf rst sh sig sqlite srt stl swf tex tgz "
        "torrent ttl usdz vcard war wma wmv xhtml xpi xsd");
    struct str extension;
    size_t count = 0;

    while (str_next(&all, ' ', &extension)) {
        char path[32] = "/a.";
        memcpy(path + 3, extension.at, extension.len);
        struct str type = http_mime_of(NULL, str_of(path, 3 + extension.len));
        if (str_equal(type, STR(UNKNOWN)))
            fail_msg("%s is not known", path);
        count++;
    }
    assert_true(count > 140);
}

static void test_file(void **state)
{
    (void)state;
    struct http_mime *mime = http_mime_parse(STR("# a comment\n"
                                                 "\n"
                                                 "text/x-new\tnew  NEWER # and a comment\n"
                                                 "application/x-html html\r\n"
                                                 "application/x-first twice\n"
                                                 "application/x-second twice\n"
                                                 "  image/x-indented\t ind\n"
                                                 "no-slash a1\n"
                                                 "/empty a2\n"
                                                 "empty/ a3\n"
                                                 "two/slashes/here a4\n"
                                                 "bad\x01/type a5\n"
                                                 "bad/ty;pe a6\n"
                                                 "#text/plain a7\n"
                                                 "text/alone\n"
                                                 "a/b averyveryverylongextension short\n"
                                                 "last/line last"));

    assert_non_null(mime);
    check_type(mime, "/a.new", "text/x-new; charset=utf-8");
    check_type(mime, "/a.newer", "text/x-new; charset=utf-8");
    check_type(mime, "/a.NEW", "text/x-new; charset=utf-8");
    check_type(mime, "/a.html", "application/x-html");
    check_type(mime, "/a.htm", "text/html; charset=utf-8");
    check_type(mime, "/a.twice", "application/x-first");
    check_type(mime, "/a.ind", "image/x-indented");
    check_type(mime, "/a.short", "a/b");
    check_type(mime, "/a.last", "last/line");
    for (char digit = '1'; digit <= '7'; digit++) {
        char path[] = "/x.a?";
        path[4] = digit;
        check_type(mime, path, UNKNOWN);
    }
    check_type(mime, "/a.and", UNKNOWN);
    http_mime_free(mime);
}

static void test_empty_files(void **state)
{
    (void)state;
    const struct str texts[] = { { NULL, 0 }, STR(""), STR("\n"), STR("#"), STR(" "), STR("a/b") };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_mime *mime = http_mime_parse(texts[i]);
        assert_non_null(mime);
        check_type(mime, "/a.html", "text/html; charset=utf-8");
        check_type(mime, "/a.b", UNKNOWN);
        http_mime_free(mime);
    }
    http_mime_free(NULL);
}

/* As many text types as fit: each grows by its charset. */
static void test_many_lines(void **state)
{
    (void)state;
    enum { LINES = 3000, LINE = 12 };
    char *bytes = malloc(LINES * LINE);

    assert_non_null(bytes);
    for (int i = 0; i < LINES; i++) {
        memcpy(bytes + i * LINE, "text/x aaaa\n", LINE);
        for (int place = 0, rest = i; place < 4; place++, rest /= 26)
            bytes[i * LINE + 10 - place] = (char)('a' + rest % 26);
    }
    struct http_mime *mime = http_mime_parse(str_of(bytes, LINES * LINE));
    assert_non_null(mime);
    for (int i = 0; i < LINES; i++) {
        char path[] = "/q.aaaa";
        memcpy(path + 3, bytes + i * LINE + 7, 4);
        check_type(mime, path, "text/x; charset=utf-8");
    }
    http_mime_free(mime);
    free(bytes);
}

static void test_texts(void **state)
{
    static const struct {
        const char *type;
        bool is_text;
    } rows[] = {
        { "text/html; charset=utf-8", true },
        { "text/css", true },
        { "image/svg+xml", true },
        { "application/manifest+json", true },
        { "application/json", true },
        { "Application/JSON; a=b", true },
        { "application/wasm", true },
        { "image/png", false },
        { "application/zip", false },
        { "application/octet-stream", false },
        { "video/mp4", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(http_mime_is_text(str_from(rows[i].type)), rows[i].is_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_everyday_extensions),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_empty_files),
        cmocka_unit_test(test_many_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
