#include "server/rule_book.h"

#include "http/path.h"

#include <stdlib.h>

enum { ENCODED_MAX = 3 * HTTP_PATH_MAX };

static bool wrong(struct sentence *why, const char *reason)
{
    sentence_set(why, "%s", reason);
    return false;
}

/* Is it safe to be one line of a file? */
static bool is_line(struct str item)
{
    for (size_t i = 0; i < item.len; i++)
        if (item.at[i] == '\n' || item.at[i] == '\r')
            return false;
    return str_starts(item, STR("/"));
}

static size_t length_of(const struct config_list *list)
{
    size_t len = 1;

    for (unsigned i = 0; i < list->count; i++)
        len += list->items[i].len + sizeof "\n  \n";
    return len;
}

/* Items are put into the words of a file, and read as one. */
struct composed {
    struct text text; /* on the heap */
    unsigned bad;     /* the item that was looked at last */
};

static bool compose(struct composed *composed, const struct config_list *list,
                    bool (*add)(struct text *, struct str, struct sentence *), struct sentence *why)
{
    size_t room = length_of(list);
    char *memory = malloc(room);

    composed->bad = 0;
    composed->text = text_in(memory, memory ? room : 0);
    if (!memory)
        return wrong(why, "out of memory");
    for (unsigned i = 0; i < list->count; i++) {
        composed->bad = i;
        if (add(&composed->text, list->items[i], why))
            continue;
        free(memory);
        return false;
    }
    return true;
}

/* Where the pattern ends: a ':' that opens a placeholder is not followed by a space. */
static bool split_header(struct str item, struct str *pattern, struct str *field)
{
    for (size_t i = 0; i + 1 < item.len; i++)
        if (item.at[i] == ':' && (item.at[i + 1] == ' ' || item.at[i + 1] == '\t')) {
            *pattern = str_of(item.at, i);
            *field = str_trim(str_of(item.at + i + 1, item.len - i - 1));
            return true;
        }
    return false;
}

static bool add_header(struct text *text, struct str item, struct sentence *why)
{
    struct str pattern, field;

    if (!is_line(item) || !split_header(item, &pattern, &field) || field.len == 0)
        return wrong(why, "'PATTERN: Name: value' is allowed, as in '/*: X-Frame-Options: DENY'");
    if (field.at[0] == '#')
        return wrong(why, "a field's name is letters, digits and '-', followed by ':' at once");
    text_add(text, pattern);
    text_add(text, STR("\n "));
    text_add(text, field);
    text_add(text, STR("\n"));
    return true;
}

bool rule_book_read_headers(struct rule_book *book, const struct config_list *list, unsigned *bad,
                            struct sentence *why)
{
    struct composed composed;
    struct rule_error error;
    bool fine = compose(&composed, list, add_header, why);

    *bad = composed.bad;
    if (!fine)
        return false;
    fine = field_rules_parse(&book->headers, text_str(&composed.text), &error);
    free(composed.text.at);
    if (fine)
        return true;
    *bad = error.line > 0 ? (error.line - 1) / 2 : 0;
    return wrong(why, error.why);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Cut ":STATUS" or ":STATUS!" off the end: ':' and three digits, so that no port is taken for it
 * but one of three digits without a '/' behind it. */
static struct str cut_status(struct str *to)
{
    size_t forced = str_ends(*to, STR("!")) ? 1 : 0;
    size_t len = 3 + forced;

    if (to->len < len + 1 || to->at[to->len - len - 1] != ':')
        return STR("");
    struct str status = str_of(to->at + to->len - len, len);
    for (size_t i = 0; i < 3; i++)
        if (!is_digit(status.at[i]))
            return STR("");
    to->len -= len + 1;
    return status;
}

static bool add_redirect(struct text *text, struct str item, struct sentence *why)
{
    const char *equals = memchr(item.at, '=', item.len);

    if (!is_line(item) || !equals)
        return wrong(why, "FROM=TO or FROM=TO:STATUS is allowed, as in /old=/new:301");
    for (size_t i = 0; i < item.len; i++)
        if (item.at[i] == ' ' || item.at[i] == '\t')
            return wrong(why, "a space is written as %20");
    struct str from = str_of(item.at, (size_t)(equals - item.at));
    struct str to = str_of(equals + 1, item.len - from.len - 1);
    struct str status = cut_status(&to);
    if (to.len == 0 || to.at[0] == '#')
        return wrong(why, "TO is missing; FROM=TO or FROM=TO:STATUS is allowed");
    text_add(text, from);
    text_add(text, STR(" "));
    text_add(text, to);
    text_add(text, STR(" "));
    text_add(text, status);
    text_add(text, STR("\n"));
    return true;
}

bool rule_book_read_redirects(struct rule_book *book, const struct config_list *list, unsigned *bad,
                              struct sentence *why)
{
    struct composed composed;
    struct rule_error error;
    bool fine = compose(&composed, list, add_redirect, why);

    *bad = composed.bad;
    if (!fine)
        return false;
    fine = redirects_parse(&book->redirects, text_str(&composed.text), &error);
    free(composed.text.at);
    if (fine)
        return true;
    *bad = error.line > 0 ? error.line - 1 : 0;
    return wrong(why, error.why);
}

bool rule_book_is_path(struct str path)
{
    char encoded[ENCODED_MAX], normal[HTTP_PATH_MAX];
    struct text text = text_in(encoded, sizeof encoded);

    if (path.len >= HTTP_PATH_MAX || !str_starts(path, STR("/")) || str_ends(path, STR("/")) ||
        str_starts(path, STR("//")))
        return false;
    http_path_encode(&text, path);
    ssize_t len = http_path_normalise(text_str(&text), normal);
    return len > 0 && str_equal(str_of(normal, (size_t)len), path);
}

/* Statuses that an answer about a path can have. */
static const int page_statuses[] = { 403, 404, 500, 503 };

static bool read_page(struct error_page *page, struct str item)
{
    const char *equals = memchr(item.at, '=', item.len);
    unsigned long long status;

    if (!equals || !str_number(str_of(item.at, (size_t)(equals - item.at)), 999, &status))
        return false;
    page->status = 0;
    page->path = str_of(equals + 1, item.len - (size_t)(equals + 1 - item.at));
    for (size_t i = 0; i < sizeof page_statuses / sizeof page_statuses[0]; i++)
        if (page_statuses[i] == (int)status)
            page->status = page_statuses[i];
    return page->status > 0 && rule_book_is_path(page->path);
}

bool rule_book_read_pages(struct rule_book *book, const struct config_list *list, unsigned *bad,
                          struct sentence *why)
{
    book->page_count = 0;
    for (unsigned i = 0; i < list->count; i++) {
        struct error_page *page = &book->pages[book->page_count];
        *bad = i;
        if (!read_page(page, list->items[i]))
            return wrong(why, "STATUS=PATH is allowed, with a status of 403, 404, 500 or 503 and "
                              "a file below the root, as in 404=/404.html");
        if (rule_book_page(book, page->status).len > 0)
            return wrong(why, "this status has its page already; name one");
        book->page_count++;
    }
    return true;
}

bool rule_book_make(struct rule_book *book, const struct config *config)
{
    struct sentence why;
    unsigned bad;

    *book = (struct rule_book){ .page_count = 0 };
    if (rule_book_read_headers(book, &config->headers, &bad, &why) &&
        rule_book_read_redirects(book, &config->redirects, &bad, &why) &&
        rule_book_read_pages(book, &config->error_pages, &bad, &why))
        return true;
    rule_book_release(book);
    return false;
}

void rule_book_release(struct rule_book *book)
{
    field_rules_release(&book->headers);
    redirects_release(&book->redirects);
}

struct str rule_book_page(const struct rule_book *book, int status)
{
    for (unsigned i = 0; i < book->page_count; i++)
        if (book->pages[i].status == status)
            return book->pages[i].path;
    return STR("");
}
