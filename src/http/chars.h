/* chars.h - what each byte may be part of, by the grammars of RFC 9110 and RFC 3986. Pure. */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>

enum {
    HTTP_CHAR_TOKEN = 0x01,  /* tchar, RFC 9110 5.6.2 */
    HTTP_CHAR_TARGET = 0x02, /* request target as request.h takes it: no control, space or '#' */
    HTTP_CHAR_VALUE = 0x04,  /* field value: visible, space, tab, obs-text; RFC 9110 5.5 */
    HTTP_CHAR_NAME = 0x08,   /* reg-name but for '%': unreserved and sub-delims, RFC 3986 3.2.2 */
    HTTP_CHAR_PATH = 0x10,   /* pchar but for '%', and '/', RFC 3986 3.3 */
    HTTP_CHAR_WORD = 0x20,   /* letter or '-': all that everyday field names hold */
    HTTP_CHAR_TEXT = 0x40,   /* visible ASCII or space: all that everyday field values hold */
    HTTP_CHAR_HOST = 0x80,   /* letter, digit, '-' or '.': all that everyday host names hold */
};

/* By the byte's value, the classes above that it belongs to. */
extern const unsigned char http_chars[256];

/* Does the byte belong to any of the classes? */
static inline bool http_char_is(char c, int classes)
{
    return (http_chars[(unsigned char)c] & classes) != 0;
}

/* The value of a hexadecimal digit; -1 for any other byte. */
int http_hex_digit(char c);

#endif
