#include "http/authority.h"

#include "http/chars.h"

#include <arpa/inet.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of the reg-name that `s` begins with. */
static size_t name_len(struct str s)
{
    size_t i = 0;

    while (i < s.len) {
        if (http_char_is(s.at[i], HTTP_CHAR_NAME))
            i++;
        else if (s.at[i] == '%' && s.len - i >= 3 && http_hex_digit(s.at[i + 1]) >= 0 &&
                 http_hex_digit(s.at[i + 2]) >= 0)
            i += 3;
        else
            break;
    }
    return i;
}

static bool is_future_address(struct str s)
{
    size_t i = 1;

    if (s.len == 0 || (s.at[0] | 0x20) != 'v')
        return false;
    while (i < s.len && http_hex_digit(s.at[i]) >= 0)
        i++;
    if (i == 1 || i + 1 >= s.len || s.at[i] != '.')
        return false;
    for (i++; i < s.len; i++)
        if (s.at[i] != ':' && !http_char_is(s.at[i], HTTP_CHAR_NAME))
            return false;
    return true;
}

static bool is_v6_address(struct str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* The length of the address in brackets that `s` begins with; 0 when there is none. */
static size_t literal_len(struct str s)
{
    const char *close = memchr(s.at, ']', s.len);

    if (!close)
        return 0;
    struct str inside = str_of(s.at + 1, (size_t)(close - s.at) - 1);
    return is_v6_address(inside) || is_future_address(inside) ? inside.len + 2 : 0;
}

bool http_authority_split(struct str s, struct str *host, struct str *port)
{
    size_t len = s.len > 0 && s.at[0] == '[' ? literal_len(s) : name_len(s);

    if (s.len > 0 && s.at[0] == '[' && len == 0)
        return false;
    *host = str_of(s.at, len);
    *port = str_of(s.at + len, s.len - len);
    if (port->len == 0)
        return true;
    if (port->at[0] != ':')
        return false;
    *port = str_of(port->at + 1, port->len - 1);
    for (size_t i = 0; i < port->len; i++)
        if (!is_digit(port->at[i]))
            return false;
    return true;
}
