#include "http/date.h"

static const char day_names[7][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday" };
static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

enum { DAY_SECONDS = 86400 };

struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
};

/* Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year and a month's first day is a straight line through the months; 400
 * years, an era, have 146097 days. For years from 1 on. */
static int64_t days_of(int year, int month, int day)
{
    int64_t years = month > 2 ? year : year - 1;
    int64_t months = month > 2 ? month - 3 : month + 9;
    int64_t in_year = (153 * months + 2) / 5 + day - 1;

    return years * 365 + years / 4 - years / 100 + years / 400 + in_year - 719468;
}

static void set_date(struct civil *c, int64_t days)
{
    int64_t since = days + 719468; /* 0000-03-01 */
    int64_t era = since / 146097;
    int64_t in_era = since % 146097;
    int64_t years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * years + years / 4 - years / 100);
    int64_t months = (5 * in_year + 2) / 153;

    c->day = (int)(in_year - (153 * months + 2) / 5 + 1);
    c->month = (int)(months < 10 ? months + 3 : months - 9);
    c->year = (int)(era * 400 + years + (c->month <= 2));
}

static int64_t seconds_of(const struct civil *c)
{
    return days_of(c->year, c->month, c->day) * DAY_SECONDS + c->hour * 3600 + c->minute * 60 +
           c->second;
}

static int64_t clamp(int64_t seconds)
{
    const int64_t first = -62135596800; /* 0001-01-01 00:00:00 */
    const int64_t last = 253402300799;  /* 9999-12-31 23:59:59 */

    if (seconds < first)
        return first;
    return seconds > last ? last : seconds;
}

/* From 0 for Sunday. */
static int weekday_of(int64_t days)
{
    return (int)((days % 7 + 7 + 4) % 7);
}

static int64_t split(int64_t seconds, struct civil *c)
{
    int64_t in_day = seconds % DAY_SECONDS;

    if (in_day < 0)
        in_day += DAY_SECONDS;
    int64_t days = (seconds - in_day) / DAY_SECONDS;
    set_date(c, days);
    c->hour = (int)(in_day / 3600);
    c->minute = (int)(in_day / 60 % 60);
    c->second = (int)(in_day % 60);
    return days;
}

static void put_digits(char *at, int count, int number)
{
    for (; count > 0; number /= 10)
        at[--count] = (char)('0' + number % 10);
}

static void put_time(char *at, const struct civil *c)
{
    put_digits(at, 2, c->hour);
    put_digits(at + 3, 2, c->minute);
    put_digits(at + 6, 2, c->second);
}

void http_date_write(char out[HTTP_DATE_LEN], int64_t unix_seconds)
{
    struct civil c;
    int64_t days = split(clamp(unix_seconds), &c);

    memcpy(out, "ddd, dd mmm yyyy hh:mm:ss GMT", HTTP_DATE_LEN);
    memcpy(out, day_names[weekday_of(days)], 3);
    put_digits(out + 5, 2, c.day);
    memcpy(out + 8, month_names[c.month - 1], 3);
    put_digits(out + 12, 4, c.year);
    put_time(out + 17, &c);
}

void http_iso_date_write(char out[HTTP_ISO_DATE_LEN], int64_t unix_seconds)
{
    struct civil c;

    split(clamp(unix_seconds), &c);
    memcpy(out, "yyyy-mm-ddThh:mm:ssZ", HTTP_ISO_DATE_LEN);
    put_digits(out, 4, c.year);
    put_digits(out + 5, 2, c.month);
    put_digits(out + 8, 2, c.day);
    put_time(out + 11, &c);
}

void http_log_date_write(char out[HTTP_LOG_DATE_LEN], int64_t unix_seconds)
{
    struct civil c;

    split(clamp(unix_seconds), &c);
    memcpy(out, "dd/mmm/yyyy:hh:mm:ss +0000", HTTP_LOG_DATE_LEN);
    put_digits(out, 2, c.day);
    memcpy(out + 3, month_names[c.month - 1], 3);
    put_digits(out + 7, 4, c.year);
    put_time(out + 12, &c);
}

/* --- Reading: `form` says what must stand where --- */

/* How `text` matches `form`: 'd' is a digit, 'm' and 'w' a letter of a month's or a day's name,
 * '_' a digit or a space, and anything else itself. */
static bool has_form(struct str text, struct str form)
{
    if (text.len != form.len)
        return false;
    for (size_t i = 0; i < form.len; i++) {
        char c = text.at[i];
        bool digit = c >= '0' && c <= '9';
        bool fits = form.at[i] == c;
        if (form.at[i] == 'd')
            fits = digit;
        if (form.at[i] == '_')
            fits = digit || c == ' ';
        if (form.at[i] == 'm' || form.at[i] == 'w')
            fits = true;
        if (!fits)
            return false;
    }
    return true;
}

static int get_digits(const char *at, int count)
{
    int number = 0;

    for (int i = 0; i < count; i++)
        number = number * 10 + (at[i] == ' ' ? 0 : at[i] - '0');
    return number;
}

static bool get_month(const char *at, struct civil *c)
{
    for (int i = 0; i < 12; i++) {
        if (memcmp(at, month_names[i], 3) == 0) {
            c->month = i + 1;
            return true;
        }
    }
    return false;
}

static bool is_day_name(struct str name, bool whole)
{
    for (int i = 0; i < 7; i++)
        if (str_equal(name, str_of(day_names[i], whole ? strlen(day_names[i]) : 3)))
            return true;
    return false;
}

static void get_time(const char *at, struct civil *c)
{
    c->hour = get_digits(at, 2);
    c->minute = get_digits(at + 3, 2);
    c->second = get_digits(at + 6, 2);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_fixdate(struct str text, struct civil *c)
{
    if (!has_form(text, STR("www, dd mmm dddd dd:dd:dd GMT")))
        return false;
    c->day = get_digits(text.at + 5, 2);
    c->year = get_digits(text.at + 12, 4);
    get_time(text.at + 17, c);
    return is_day_name(str_of(text.at, 3), false) && get_month(text.at + 8, c);
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(struct str text, struct civil *c)
{
    if (!has_form(text, STR("www mmm _d dd:dd:dd dddd")))
        return false;
    c->day = get_digits(text.at + 8, 2);
    c->year = get_digits(text.at + 20, 4);
    get_time(text.at + 11, c);
    return is_day_name(str_of(text.at, 3), false) && get_month(text.at + 4, c);
}

/* A two-digit year is one of this century, unless that is more than 50 years ahead (RFC 9110
 * 5.6.7). */
static int full_year(struct civil c, int64_t now)
{
    struct civil limit;

    split(clamp(now), &limit);
    c.year += limit.year - limit.year % 100;
    limit.year += 50;
    return seconds_of(&c) > seconds_of(&limit) ? c.year - 100 : c.year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool read_rfc850(struct str text, int64_t now, struct civil *c)
{
    const char *comma = text.len > 0 ? memchr(text.at, ',', text.len) : NULL;

    if (!comma)
        return false;
    struct str name = str_of(text.at, (size_t)(comma - text.at));
    struct str rest = str_of(comma, text.len - name.len);
    if (!has_form(rest, STR(", dd-mmm-dd dd:dd:dd GMT")))
        return false;
    c->day = get_digits(comma + 2, 2);
    c->year = get_digits(comma + 9, 2);
    get_time(comma + 12, c);
    if (!is_day_name(name, true) || !get_month(comma + 5, c))
        return false;
    c->year = full_year(*c, now);
    return true;
}

/* Is there such a day and time? The day is one if the calendar gives it back. A leap second is
 * the first second of the next day, as the kernel's clock has it. */
static bool exists(const struct civil *c)
{
    struct civil again;

    if (c->year < 1 || c->day < 1 || c->day > 31 || c->hour > 23 || c->minute > 59)
        return false;
    set_date(&again, days_of(c->year, c->month, c->day));
    if (again.day != c->day)
        return false;
    return c->second <= 59 || (c->second == 60 && c->hour == 23 && c->minute == 59);
}

bool http_date_read(struct str text, int64_t now, int64_t *unix_seconds)
{
    struct civil c = { 0 };

    if (!read_fixdate(text, &c) && !read_rfc850(text, now, &c) && !read_asctime(text, &c))
        return false;
    if (!exists(&c))
        return false;
    *unix_seconds = seconds_of(&c);
    return true;
}
