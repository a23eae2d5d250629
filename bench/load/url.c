#include "load/url.h"

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 0x7f)
            return false;
    return true;
}

bool url_target_is_good(struct str target)
{
    return target.len > 0 && target.at[0] == '/' && is_plain(target);
}

/* Up to the first of `ends`, or all of it. */
static struct str cut_before(struct str s, const char *ends)
{
    size_t len = 0;

    while (len < s.len && !strchr(ends, s.at[len]))
        len++;
    return str_of(s.at, len);
}

static bool cut_scheme(struct str *rest, struct url *url)
{
    static const struct str plain = STR_INIT("http://"), tls = STR_INIT("https://");
    struct str scheme = str_of(rest->at, rest->len < tls.len ? rest->len : tls.len);

    url->tls = str_equal_nocase(scheme, tls);
    if (!url->tls && scheme.len > plain.len)
        scheme.len = plain.len;
    if (!url->tls && !str_equal_nocase(scheme, plain))
        return false;
    *rest = str_of(rest->at + scheme.len, rest->len - scheme.len);
    return true;
}

/* "host", "host:port", "[v6]" or "[v6]:port". */
static bool cut_authority(struct url *url)
{
    struct str a = url->authority;
    bool bracketed = a.len > 0 && a.at[0] == '[';
    struct str host = cut_before(a, bracketed ? "]" : ":");
    size_t used = host.len + bracketed;
    unsigned long long port;

    if (used > a.len)
        return false;
    url->host = bracketed ? str_of(host.at + 1, host.len - 1) : host;
    url->port = url->tls ? STR("443") : STR("80");
    if (used < a.len) {
        if (a.at[used] != ':')
            return false;
        url->port = str_of(a.at + used + 1, a.len - used - 1);
    }
    return url->host.len > 0 && str_number(url->port, 65535, &port) && port > 0;
}

bool url_parse(struct str text, struct url *url, struct sentence *why)
{
    struct str rest = cut_before(text, "#");

    *url = (struct url){ 0 };
    if (!cut_scheme(&rest, url)) {
        sentence_set(why, "%.*s: not an http:// or https:// URL", (int)text.len, text.at);
        return false;
    }
    url->authority = cut_before(rest, "/?");
    url->target = str_of(rest.at + url->authority.len, rest.len - url->authority.len);
    if (url->target.len == 0)
        url->target = STR("/");
    if (cut_before(url->authority, "@").len != url->authority.len) {
        sentence_set(why, "%.*s: a user name in a URL is not sent", (int)text.len, text.at);
        return false;
    }
    if (!is_plain(url->authority) || !cut_authority(url)) {
        sentence_set(why, "%.*s: not a host and port", (int)text.len, text.at);
        return false;
    }
    if (!url_target_is_good(url->target)) {
        sentence_set(why, "%.*s: the path must begin with / and hold no white space", (int)text.len,
                     text.at);
        return false;
    }
    return true;
}
