/* Whatever the file says, what is added to a response is whole field lines of the grammar. */
#include "app/path_fields.h"
#include "base/check.h"
#include "http/chars.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str line)
{
    const char *colon = memchr(line.at, ':', line.len);

    CHECK(colon && colon > line.at);
    struct str name = str_of(line.at, (size_t)(colon - line.at));
    struct str value = str_trim(str_of(colon + 1, line.len - name.len - 1));
    CHECK(!field_rule_check(name, value));
}

static void check_lines(struct str lines)
{
    while (lines.len > 0) {
        const char *end = memchr(lines.at, '\n', lines.len);
        CHECK(end && end > lines.at && end[-1] == '\r');
        check_line(str_of(lines.at, (size_t)(end - 1 - lines.at)));
        size_t used = (size_t)(end + 1 - lines.at);
        lines = str_of(lines.at + used, lines.len - used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "/", "/a", "/a/b", "/a/b.html" };
    struct field_rules rules;
    struct rule_error error = { 0, NULL };
    const struct field_sources sources = { .file = &rules };
    char *copy = malloc(size > 0 ? size : 1);

    CHECK(copy);
    memcpy(copy, data, size);
    if (field_rules_parse(&rules, str_of(copy, size), &error)) {
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            struct path_fields fields;
            path_fields_collect(&fields, &sources, str_from(paths[i]));
            check_lines(text_str(&fields.lines));
            check_lines(text_str(&fields.cache));
            CHECK(!field_rule_check(STR("Content-Type"), fields.type) || fields.type.len == 0);
        }
        field_rules_release(&rules);
    } else {
        CHECK(error.why && error.line > 0);
    }
    free(copy);
    return 0;
}
