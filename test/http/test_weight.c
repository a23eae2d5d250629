#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/weight.h"

static void test_rows(void **state)
{
    const struct {
        const char *parameter;
        int weight;
    } rows[] = {
        { "q=1", 1000 },  { "q=1.", 1000 },   { "Q=1.000", 1000 }, { "q=0", 0 },
        { "q=0.", 0 },    { "q=0.5", 500 },   { "q=0.05", 50 },    { "q=0.999", 999 },
        { "q=0.001", 1 }, { "q=1.001", -1 },  { "q=2", -1 },       { "q=", -1 },
        { "q=.5", -1 },   { "q=0.1234", -1 }, { "q=-1", -1 },      { "q=0,5", -1 },
        { "q=0.5x", -1 }, { "q", -1 },        { "", -1 },          { "level=1", -1 },
        { "q =1", -1 },   { "q= 1", -1 },     { "q=1e0", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (http_weight(str_from(rows[i].parameter)) != rows[i].weight)
            fail_msg("\"%s\" gives %d", rows[i].parameter,
                     http_weight(str_from(rows[i].parameter)));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
