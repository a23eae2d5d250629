#include "load/request.h"

#include "base/text.h"

#include <stdlib.h>

enum { CHUNK = 16 * 1024 /* content of a chunk; the last may be shorter */ };

/* What Firefox sends for a page, without its cookies. */
static const struct str browser_fields[] = {
    STR_INIT("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    STR_INIT("Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    STR_INIT("Accept-Language: en-US,en;q=0.5"),
    STR_INIT("Accept-Encoding: gzip, deflate, br, zstd"),
    STR_INIT("DNT: 1"),
    STR_INIT("Sec-GPC: 1"),
    STR_INIT("Upgrade-Insecure-Requests: 1"),
    STR_INIT("Sec-Fetch-Dest: document"),
    STR_INIT("Sec-Fetch-Mode: navigate"),
    STR_INIT("Sec-Fetch-Site: none"),
    STR_INIT("Sec-Fetch-User: ?1"),
    STR_INIT("Priority: u=0, i"),
};

static void add_line(struct text *t, struct str line)
{
    text_add(t, line);
    text_add(t, STR("\r\n"));
}

static bool names_host(const struct request_form *form)
{
    for (size_t i = 0; i < form->field_count; i++)
        if (form->fields[i].len > 5 &&
            str_equal_nocase(str_of(form->fields[i].at, 5), STR("Host:")))
            return true;
    return false;
}

static void add_head(struct text *t, const struct request_form *form, struct str target)
{
    text_add(t, form->method);
    text_add(t, STR(" "));
    text_add(t, target);
    add_line(t, STR(" HTTP/1.1"));
    if (!names_host(form)) {
        text_add(t, STR("Host: "));
        add_line(t, form->authority);
    }
    for (size_t i = 0; form->browser && i < sizeof browser_fields / sizeof *browser_fields; i++)
        add_line(t, browser_fields[i]);
    for (size_t i = 0; i < form->field_count; i++)
        add_line(t, form->fields[i]);
    if (form->close)
        add_line(t, STR("Connection: close"));
    if (form->has_body && form->chunked) {
        add_line(t, STR("Transfer-Encoding: chunked"));
    } else if (form->has_body) {
        text_add(t, STR("Content-Length: "));
        text_add_number(t, form->body.len);
        add_line(t, STR(""));
    }
    add_line(t, STR(""));
}

static void add_chunks(struct text *t, struct str body)
{
    for (size_t at = 0; at < body.len; at += CHUNK) {
        size_t len = body.len - at < CHUNK ? body.len - at : CHUNK;

        text_add_hex(t, len);
        add_line(t, STR(""));
        add_line(t, str_of(body.at + at, len));
    }
    text_add(t, STR("0\r\n\r\n"));
}

static void add_request(struct text *t, const struct request_form *form, struct str target)
{
    add_head(t, form, target);
    if (form->has_body && form->chunked)
        add_chunks(t, form->body);
    else if (form->has_body)
        text_add(t, form->body);
}

/* More than a request with this target takes. */
static size_t size_above(const struct request_form *form, struct str target)
{
    size_t size = 256 + form->method.len + target.len + form->authority.len + form->body.len;

    for (size_t i = 0; i < form->field_count; i++)
        size += form->fields[i].len + 2;
    for (size_t i = 0; form->browser && i < sizeof browser_fields / sizeof *browser_fields; i++)
        size += browser_fields[i].len + 2;
    return size + (form->body.len / CHUNK + 1) * 16;
}

static size_t size_of_all(const struct request_form *form, const struct str *targets,
                          unsigned count, unsigned places)
{
    size_t size = 0;

    for (unsigned i = 0; i < places && size <= REQUEST_BYTES_MAX; i++)
        size += size_above(form, targets[i % count]);
    return size;
}

bool requests_build(struct requests *r, const struct request_form *form, const struct str *targets,
                    unsigned count, unsigned run, struct sentence *why)
{
    unsigned places = count + run - 1;
    size_t size = size_of_all(form, targets, count, places);

    *r = (struct requests){ .count = count, .run = run };
    r->to_head = str_equal(form->method, STR("HEAD"));
    if (size > REQUEST_BYTES_MAX) {
        sentence_set(why, "the requests take more than %zu bytes together", REQUEST_BYTES_MAX);
        return false;
    }
    r->bytes = malloc(size);
    r->at = malloc((places + 1) * sizeof *r->at);
    if (!r->bytes || !r->at) {
        requests_free(r);
        sentence_set(why, "no memory for %zu bytes of requests", size);
        return false;
    }
    struct text t = text_in(r->bytes, size);

    for (unsigned i = 0; i < places; i++) {
        r->at[i] = t.len;
        add_request(&t, form, targets[i % count]);
    }
    r->at[places] = t.len;
    return true;
}

void requests_free(struct requests *r)
{
    free(r->bytes);
    free(r->at);
    *r = (struct requests){ 0 };
}
