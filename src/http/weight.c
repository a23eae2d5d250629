#include "http/weight.h"

/* A qvalue in thousandths; -1 when it is none. */
static int thousandths(struct str q)
{
    int value = 0, unit = HTTP_WEIGHT_ONE;

    if (q.len == 0 || q.len > 5 || (q.len > 1 && q.at[1] != '.'))
        return -1;
    for (size_t i = 0; i < q.len; i++) {
        if (i == 1)
            continue;
        if (q.at[i] < '0' || q.at[i] > '9')
            return -1;
        value += (q.at[i] - '0') * unit;
        unit /= 10;
    }
    return value <= HTTP_WEIGHT_ONE ? value : -1;
}

int http_weight(struct str parameter)
{
    if (parameter.len < 2 || (parameter.at[0] | 0x20) != 'q' || parameter.at[1] != '=')
        return -1;
    return thousandths(str_of(parameter.at + 2, parameter.len - 2));
}
