/* Whatever the file says, a rule that fits leads to a path of this site or to the host it names. */
#include "app/redirects.h"
#include "base/check.h"
#include "http/path.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(struct str target, const struct redirect *rule)
{
    for (size_t i = 0; i < target.len; i++)
        CHECK((unsigned char)target.at[i] > ' ' && target.at[i] != 0x7f);
    if (rule->to.at[0] == '/') {
        CHECK(target.at[0] == '/');
        CHECK(target.len == 1 || (target.at[1] != '/' && target.at[1] != '\\'));
    } else {
        size_t len = strlen("http://");
        CHECK(str_starts(target, STR("http://")) || str_starts(target, STR("https://")));
        while (len < rule->to.len && len < target.len && !strchr("/?#", rule->to.at[len]))
            len++;
        CHECK(target.len >= len && memcmp(target.at, rule->to.at, len) == 0);
        CHECK(target.len == len || len == rule->to.len || strchr("/?#", target.at[len]));
    }
}

static void follow(const struct redirects *redirects, struct str path)
{
    struct pattern_match match;
    char space[4 * HTTP_PATH_MAX];
    struct text target = text_in(space, sizeof space);
    const struct redirect *rule = redirects_find(redirects, path, false, &match);

    if (!rule)
        return;
    redirect_write(&target, rule, &match);
    if (!target.cut)
        check_target(text_str(&target), rule);
}

/* The last line of the input is the path that is asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char normal[HTTP_PATH_MAX];
    struct redirects redirects;
    struct rule_error error = { 0, NULL };
    char *copy = malloc(size > 0 ? size : 1);
    size_t rules = size;

    CHECK(copy);
    memcpy(copy, data, size);
    while (rules > 0 && copy[rules - 1] != '\n')
        rules--;
    ssize_t len = http_path_normalise(str_of(copy + rules, size - rules), normal);
    if (redirects_parse(&redirects, str_of(copy, rules), &error)) {
        if (len > 0)
            follow(&redirects, str_of(normal, (size_t)len));
        redirects_release(&redirects);
    } else {
        CHECK(error.why && error.line > 0);
    }
    free(copy);
    return 0;
}
