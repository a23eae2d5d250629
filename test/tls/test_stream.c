#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/stream.h"

#include <openssl/bio.h>

struct end {
    BIO_METHOD *method;
    BIO *bio;
    struct stream stream;
};

static void begin(struct end *end)
{
    *end = (struct end){ .method = stream_method() };
    end->bio = stream_bio(end->method, &end->stream);
    assert_non_null(end->bio);
}

static void finish(struct end *end)
{
    BIO_free(end->bio);
    BIO_meth_free(end->method);
    stream_release(&end->stream);
}

static void input_is_read_where_it_lies(void **state)
{
    struct end end;
    char got[8];

    (void)state;
    begin(&end);
    end.stream.in = STR("hello");
    assert_int_equal(BIO_read(end.bio, got, 3), 3);
    assert_memory_equal(got, "hel", 3);
    assert_int_equal(end.stream.in.len, 2);
    assert_int_equal(BIO_read(end.bio, got, 8), 2);
    assert_true(BIO_read(end.bio, got, 8) <= 0);
    assert_true(BIO_should_read(end.bio));
    finish(&end);
}

static void what_does_not_fit_comes_first_later(void **state)
{
    struct end end;
    char first[4], second[3], third[8];
    struct text out = text_in(first, sizeof first);

    (void)state;
    begin(&end);
    end.stream.out = &out;
    assert_int_equal(BIO_write(end.bio, "abcdef", 6), 6);
    assert_int_equal(BIO_write(end.bio, "gh", 2), 2);
    assert_true(str_equal(text_str(&out), STR("abcd")));
    assert_true(stream_has_overflow(&end.stream));
    out = text_in(second, sizeof second);
    stream_flush(&end.stream, &out);
    assert_true(str_equal(text_str(&out), STR("efg")));
    out = text_in(third, sizeof third);
    stream_flush(&end.stream, &out);
    assert_true(str_equal(text_str(&out), STR("h")));
    assert_false(stream_has_overflow(&end.stream));
    assert_null(end.stream.overflow);
    assert_int_equal(BIO_write(end.bio, "ij", 2), 2);
    assert_true(str_equal(text_str(&out), STR("hij")));
    finish(&end);
}

static void the_overflow_is_bounded(void **state)
{
    static const char block[4000];
    struct end end;
    size_t taken = 0;

    (void)state;
    begin(&end);
    while (taken <= STREAM_OVERFLOW_MAX && BIO_write(end.bio, block, sizeof block) > 0)
        taken += sizeof block;
    assert_true(taken <= STREAM_OVERFLOW_MAX);
    assert_true(taken > STREAM_OVERFLOW_MAX - 2 * sizeof block);
    assert_false(BIO_should_retry(end.bio));
    finish(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_is_read_where_it_lies),
        cmocka_unit_test(what_does_not_fit_comes_first_later),
        cmocka_unit_test(the_overflow_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
