#include "http/precondition.h"

#include "http/date.h"
#include "http/entity_tag.h"
#include "http/field.h"

/* How many fields of this name there are; the value of the last of them goes into *value. */
static unsigned find(const struct http_request *request, struct str name, struct str *value)
{
    unsigned count = 0, at = 0;

    while (http_field_next(request, name, &at, value))
        count++;
    return count;
}

typedef bool same_tag(struct http_entity_tag a, struct http_entity_tag b);

/* Does one line of a list name the representation? Reading stops where it breaks the grammar. */
static bool line_names(struct str line, const struct http_validators *has, same_tag *same)
{
    struct http_entity_tag own, tag;

    if (str_equal(line, STR("*")))
        return true;
    if (!has->etag.at || !http_entity_tag_read(has->etag, &own))
        return false;
    while (http_entity_tag_next(&line, &tag))
        if (same(own, tag))
            return true;
    return false;
}

/* Are there lines of this name, and does any of them name the representation? */
static bool find_tag(const struct http_request *request, struct str name,
                     const struct http_validators *has, same_tag *same, bool *named)
{
    struct str value;
    bool found = false;
    unsigned at = 0;

    *named = false;
    while (http_field_next(request, name, &at, &value)) {
        found = true;
        *named = *named || line_names(value, has, same);
    }
    return found;
}

static bool find_date(const struct http_request *request, struct str name, int64_t now,
                      int64_t *date)
{
    struct str value;

    return find(request, name, &value) == 1 && http_date_read(value, now, date);
}

int http_precondition(const struct http_request *request, const struct http_validators *has,
                      int64_t now)
{
    int64_t date;
    bool named;

    if (find_tag(request, STR("If-Match"), has, http_entity_tag_same_strong, &named)) {
        if (!named)
            return 412;
    } else if (!has->undated && find_date(request, STR("If-Unmodified-Since"), now, &date)) {
        if (has->modified > date)
            return 412;
    }
    if (find_tag(request, STR("If-None-Match"), has, http_entity_tag_same_weak, &named))
        return named ? 304 : 200;
    if (!has->undated && find_date(request, STR("If-Modified-Since"), now, &date))
        return has->modified <= date ? 304 : 200;
    return 200;
}

/* A date tells one state of the file from another only when the second it names was over: before
 * that, the file may have changed again without a new date (RFC 9110 8.8.2.2). */
static bool same_date(struct str value, const struct http_validators *has, int64_t now)
{
    int64_t date;

    return http_date_read(value, now, &date) && date == has->modified && has->modified_strong &&
           has->modified < now;
}

/* RFC 9110 13.1.5. */
static bool if_range_holds(const struct http_request *request, const struct http_validators *has,
                           int64_t now)
{
    struct http_entity_tag own, tag;
    struct str value;
    unsigned count = find(request, STR("If-Range"), &value);

    if (count != 1)
        return count == 0;
    if (!http_entity_tag_read(value, &tag))
        return same_date(value, has, now);
    return has->etag.at && http_entity_tag_read(has->etag, &own) &&
           http_entity_tag_same_strong(own, tag);
}

/* Of the methods, only GET has parts (RFC 9110 14.2). */
bool http_precondition_range(const struct http_request *request, const struct http_validators *has,
                             int64_t now, struct str *value)
{
    return request->method == HTTP_GET && find(request, STR("Range"), value) == 1 &&
           if_range_holds(request, has, now);
}
