#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server/sentence.h"

#include <string.h>

static void formats(void **state)
{
    struct sentence sentence;

    (void)state;
    sentence_set(&sentence, "port %d: %s", 80, "taken");
    assert_string_equal(sentence.text, "port 80: taken");
}

static void cuts_what_does_not_fit(void **state)
{
    struct sentence sentence;
    char much[2 * SENTENCE_MAX];

    (void)state;
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    sentence_set(&sentence, "%s", much);
    assert_int_equal(strlen(sentence.text), SENTENCE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(cuts_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
