/* date.h - HTTP dates (RFC 9110 5.6.7), those of access logs and of listings. Pure: the time is
 * passed in. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "base/str.h"

#include <stdint.h>

enum { HTTP_DATE_LEN = 29, HTTP_LOG_DATE_LEN = 26, HTTP_ISO_DATE_LEN = 20 };

/* "Sun, 06 Nov 1994 08:49:37 GMT"; no NUL. Years 1 to 9999, others are clamped to them. */
void http_date_write(char out[HTTP_DATE_LEN], int64_t unix_seconds);

/* "06/Nov/1994:08:49:37 +0000"; no NUL. */
void http_log_date_write(char out[HTTP_LOG_DATE_LEN], int64_t unix_seconds);

/* "1994-11-06T08:49:37Z" (RFC 3339); no NUL. Years as above. */
void http_iso_date_write(char out[HTTP_ISO_DATE_LEN], int64_t unix_seconds);

/* Read any of the three forms that RFC 9110 asks recipients to accept (IMF-fixdate, RFC 850,
 * asctime), to the letter, case-sensitive, with a date that exists. The weekday must be one, but
 * need not be that of the date: it adds nothing, and clients err. `now` settles the century of
 * the two-digit form. False, and *unix_seconds untouched, for anything else. */
bool http_date_read(struct str text, int64_t now, int64_t *unix_seconds);

#endif
