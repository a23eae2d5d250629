#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/content_hash.h"

static void test_hashes(void **state)
{
    static const char *const names[] = {
        "/app.3f2a9c1b.js",
        "/static/js/main.8a3f2b1c.chunk.js",
        "/static/js/main.8a3f2b1c.chunk.js.map",
        "/_next/static/chunks/main-0f3a9c1b2d3e4f5a.js",
        "/assets/index-BkX3a9Qz.js",
        "/assets/index-C_x-3aQz.js",
        "/assets/a-b-c-DiwrgTda.0f1e2d3c.css",
        "/_app/immutable/chunks/index.BkX3a9Qz.js",
        "/chunk-7QHXKJ2M.js",
        "/logo-aB3dE5fG.png",
        "/styles.5d41402abc4b2a76b9719d911017c592.css",
        "/f-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.woff2",
        "/x-0000000a.gz",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!content_hash_in(str_from(names[i])))
            fail_msg("%s has no hash", names[i]);
}

static void test_others(void **state)
{
    static const char *const names[] = {
        "",
        "/",
        "/jquery-3.7.1.min.js",
        "/2024-report.pdf",
        "/my-document.pdf",
        "/my-Version2.js",
        "/my-MacBook2.jpg",
        "/case-iPhone12.jpg",
        "/IMG-20240315.jpg",
        "/photo.20240315.jpg",
        "/bootstrap-5.3.0-alpha1.min.js",
        "/a-deadbeef.js",
        "/a-decade.js",
        "/a.abcdefab.css",
        "/20240315.js",
        "/BkX3a9Qz.js",
        "/3f2a9c1b.js",
        "/report-550e8400-e29b-41d4-a716-44665544000a.pdf",
        "/index-BkX3a9Qz",
        "/app.3f2a9c1b",
        "/app.3f2a9c1b.js/index.html",
        "/app-3f2a9c1.js",
        "/app-3F2A9C1.pdf",
        "/x-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0.js",
        "/my-useState.js",
        "/x-a b3D5e7.js",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (content_hash_in(str_from(names[i])))
            fail_msg("%s has a hash", names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
