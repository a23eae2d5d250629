/* A date that is read is one that can be written, and is then read as itself. */
#include "base/check.h"
#include "http/date.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_date(int64_t date, int64_t now)
{
    char text[HTTP_DATE_LEN];
    int64_t again = 0;

    http_date_write(text, date);
    CHECK(http_date_read(str_of(text, sizeof text), now, &again));
    /* a leap second before the year 10000 has no date of its own to be written as */
    CHECK(again == date || date == 253402300800);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t nows[] = { 0, 784111777, 4102444800, INT64_MAX, INT64_MIN };
    char *copy = malloc(size > 0 ? size : 1);
    unsigned taken = 0;

    CHECK(copy);
    memcpy(copy, data, size);
    for (size_t i = 0; i < sizeof nows / sizeof nows[0]; i++) {
        int64_t date = -1;
        if (http_date_read(str_of(copy, size), nows[i], &date)) {
            check_date(date, nows[i]);
            taken++;
        } else {
            CHECK(date == -1);
        }
    }
    /* Only the century depends on now, and with it whether there is a 29 February. */
    CHECK(taken == 0 || taken == sizeof nows / sizeof nows[0] || size > HTTP_DATE_LEN ||
          memchr(copy, '-', size));
    free(copy);
    return 0;
}
