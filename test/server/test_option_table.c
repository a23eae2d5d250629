#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/option_table.h"

#include <string.h>

static void every_row_is_whole(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_equal(row->word != NULL, row->kind != KIND_FLAG && row->kind != KIND_ACTION);
        assert_true(row->size > 0 || row->kind == KIND_ACTION || row->kind == KIND_ALIAS ||
                    row->kind == KIND_FLAG);
        assert_true(row->at + row->size <= sizeof(struct config));
        assert_int_equal(row->words != NULL, row->kind == KIND_WORD);
        assert_true(row->min <= row->max);
        for (enum option_id other = 0; other < id; other++) {
            assert_string_not_equal(row->name, option_rows[other].name);
            assert_true(row->letter == 0 || row->letter != option_rows[other].letter);
        }
    }
}

static void an_alias_means_the_row_before(void **state)
{
    (void)state;
    assert_int_equal(option_meant(ID_WORKERS), ID_CORES);
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        enum option_id meant = option_meant(id);
        assert_true(option_rows[meant].kind != KIND_ALIAS);
        assert_int_equal(meant == id, option_rows[id].kind != KIND_ALIAS);
    }
}

static void variables(void **state)
{
    char name[OPTION_VARIABLE_MAX];

    (void)state;
    option_write_variable(&option_rows[ID_HEADER_TIMEOUT], name, sizeof name);
    assert_string_equal(name, "RINGLET_HEADER_TIMEOUT");
    option_write_variable(&option_rows[ID_PORT], name, sizeof name);
    assert_string_equal(name, "RINGLET_PORT");
}

static void what_is_allowed(void **state)
{
    static const struct {
        enum option_id id;
        const char *sentence;
    } cases[] = {
        { ID_PORT, "a whole number from 0 to 65535 is allowed" },
        { ID_CORES, "a whole number from 1 to 1024 is allowed" },
        { ID_TIMEOUT, "a time from 1ms to 1440m is allowed, as in 500ms, 30 or 30s, 5m" },
        { ID_MAX_HEAD, "a size from 1k to 64k is allowed, as in 4096, 16k, 2m, 1g" },
        { ID_CACHE_SIZE, "a size from 0g to 1024g is allowed, as in 4096, 16k, 2m, 1g" },
        { ID_DEBUG, "1, true, yes or on, and 0, false, no or off are allowed" },
        { ID_CPUS, "a list of CPUs is allowed, as in 0,2-3" },
        { ID_ENGINE, "auto, io_uring or epoll is allowed" },
        { ID_ETAG, "time, hash or off is allowed" },
        { ID_INDEX, "up to 16 names of files are allowed, without '/' and with commas between "
                    "them, as in index.html,index.htm" },
        { ID_HOST, "a numeric IPv4 or IPv6 address is allowed, as in 127.0.0.1, 0.0.0.0 for all "
                   "of IPv4 or :: for all of both" },
        { ID_ROOT, "name a directory that can be read" },
        { ID_SPA, "name a file by its path from the root, as in /index.html" },
        { ID_HEADER, "give a rule" },
        { ID_MIME_TYPES, "name a file" },
        { ID_LOG, "name a file" },
        { ID_TLS_CERT, "name a file" },
        { ID_HSTS, "a number of seconds from 0 to 315360000 is allowed, as in 31536000 or "
                   "31536000,includeSubDomains" },
        { ID_USER, "name a user, as in www-data or www-data:www-data" },
        { ID_HELP, "" },
        { ID_WORKERS, "" },
    };
    char allowed[OPTION_ALLOWED_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        option_write_allowed(&option_rows[cases[i].id], allowed, sizeof allowed);
        assert_string_equal(allowed, cases[i].sentence);
    }
}

/* No kind that takes a value is without a word for it, and none of them is cut. */
static void something_is_allowed(void **state)
{
    char allowed[OPTION_ALLOWED_MAX];

    (void)state;
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        option_write_allowed(&option_rows[id], allowed, sizeof allowed);
        bool takes_none = option_rows[id].kind == KIND_ACTION || option_rows[id].kind == KIND_ALIAS;
        assert_int_equal(allowed[0] == '\0', takes_none);
        assert_true(strlen(allowed) < sizeof allowed - 1);
    }
}

static void flags(void **state)
{
    static const char *const yes[] = { "1", "true", "YES", "on" };
    static const char *const no[] = { "0", "False", "no", "off" };
    static const char *const neither[] = { "", "2", "y", "truely", " on" };
    bool on;

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(option_flag(yes[i], &on) && on);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_true(option_flag(no[i], &on) && !on);
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++)
        assert_false(option_flag(neither[i], &on));
}

static void amounts(void **state)
{
    const struct option_row *timeout = &option_rows[ID_TIMEOUT], *head = &option_rows[ID_MAX_HEAD],
                            *port = &option_rows[ID_PORT];
    uint64_t amount = 0;

    (void)state;
    assert_true(option_amount(timeout, "250ms", &amount) && amount == 250);
    assert_true(option_amount(timeout, "2", &amount) && amount == 2000);
    assert_true(option_amount(timeout, "1440M", &amount) && amount == 86400000);
    assert_false(option_amount(timeout, "0", &amount));
    assert_false(option_amount(timeout, "1441m", &amount));
    assert_false(option_amount(timeout, "2k", &amount));
    assert_true(option_amount(head, "1k", &amount) && amount == 1024);
    assert_false(option_amount(head, "1023", &amount));
    assert_true(option_amount(port, "65535", &amount) && amount == 65535);
    assert_false(option_amount(port, "65536", &amount));
    assert_false(option_amount(port, "1k", &amount));
    assert_false(option_amount(port, "", &amount));
}

static void words(void **state)
{
    uint32_t number = 99;

    (void)state;
    assert_true(option_word(&option_rows[ID_ENGINE], "epoll", &number));
    assert_int_equal(number, ENGINE_EPOLL);
    assert_true(option_word(&option_rows[ID_ETAG], "time", &number));
    assert_int_equal(number, ENTRY_ETAG_TIME);
    assert_false(option_word(&option_rows[ID_ETAG], "epoll", &number));
    assert_false(option_word(&option_rows[ID_ETAG], "", &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(an_alias_means_the_row_before),
        cmocka_unit_test(variables),
        cmocka_unit_test(what_is_allowed),
        cmocka_unit_test(something_is_allowed),
        cmocka_unit_test(flags),
        cmocka_unit_test(amounts),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
