#include "server/option_values.h"

#include "base/str.h"
#include "base/text.h"
#include "server/cpus.h"
#include "server/listener.h"
#include "server/option_needs.h"
#include "server/privileges.h"
#include "server/rule_book.h"
#include "server/sentence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool option_values_refuse(const struct option_values *r, enum option_id id, const char *format, ...)
{
    const struct option_given *given = &r->given[id];
    char variable[OPTION_VARIABLE_MAX];
    va_list args;

    option_write_variable(given->spelled, variable, sizeof variable);
    if (given->origin == ORIGIN_ENVIRONMENT)
        fprintf(r->err, "ringlet: %s=%s: ", variable, given->value);
    else if (given->origin == ORIGIN_ARGUMENT)
        fprintf(r->err, "ringlet: DIR %s: ", given->value);
    else if (!given->spelled->word)
        fprintf(r->err, "ringlet: --%s: ", given->spelled->name);
    else
        fprintf(r->err, "ringlet: --%s %s: ", given->spelled->name,
                given->value[0] ? given->value : "''");
    va_start(args, format);
    vfprintf(r->err, format, args);
    va_end(args);
    fputc('\n', r->err);
    return false;
}

static bool refuse_value(const struct option_values *r, enum option_id id)
{
    char allowed[OPTION_ALLOWED_MAX];

    option_write_allowed(&option_rows[id], allowed, sizeof allowed);
    if (id == ID_PORT && r->given[id].origin == ORIGIN_ENVIRONMENT &&
        str_starts(str_from(r->given[id].value), STR("tcp://")))
        return option_values_refuse(r, id,
                                    "%s; Kubernetes sets this for a Service named ringlet: set "
                                    "enableServiceLinks: false in the pod",
                                    allowed);
    return option_values_refuse(r, id, "%s", allowed);
}

bool option_values_has(const struct option_values *r, enum option_id id)
{
    return r->given[id].origin > ORIGIN_DEFAULT;
}

static void *member(const struct option_values *r, enum option_id id)
{
    return (char *)r->config + option_rows[id].at;
}

static bool read_flag(struct option_values *r, enum option_id id)
{
    bool on;

    if (!option_flag(r->given[id].value, &on))
        return refuse_value(r, id);
    if (option_rows[id].size > 0)
        *(bool *)member(r, id) = on;
    return true;
}

static bool read_amount(struct option_values *r, enum option_id id)
{
    uint64_t amount;

    if (!option_amount(&option_rows[id], r->given[id].value, &amount))
        return refuse_value(r, id);

    uint16_t narrow = (uint16_t)amount;
    uint32_t middle = (uint32_t)amount;
    const void *from = option_rows[id].size == sizeof narrow   ? (const void *)&narrow
                       : option_rows[id].size == sizeof middle ? (const void *)&middle
                                                               : (const void *)&amount;
    memcpy(member(r, id), from, option_rows[id].size);
    return true;
}

static bool read_word(struct option_values *r, enum option_id id)
{
    uint32_t number;

    if (!option_word(&option_rows[id], r->given[id].value, &number))
        return refuse_value(r, id);
    memcpy(member(r, id), &number, sizeof number);
    return true;
}

static bool check_directory(const struct option_values *r, enum option_id id)
{
    int fd = open(r->given[id].value, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        close(fd);
        return true;
    }
    if (errno == ENOTDIR)
        return option_values_refuse(r, id, "that is not a directory; name the directory to serve");
    return option_values_refuse(r, id, "%s; name a directory that can be read", strerror(errno));
}

static bool check_file(const struct option_values *r, enum option_id id)
{
    struct stat status;
    int fd = open(r->given[id].value, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return option_values_refuse(r, id, "%s; name a file that can be read", strerror(errno));

    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    close(fd);
    return regular || option_values_refuse(r, id, "that is not a regular file; name one");
}

static bool check_address(const struct option_values *r, enum option_id id)
{
    struct sockaddr_storage address;
    socklen_t len;

    return listener_address(r->given[id].value, 0, &address, &len) || refuse_value(r, id);
}

static bool check_user(const struct option_values *r, enum option_id id)
{
    struct privileges found;
    struct sentence why;

    return privileges_find(r->given[id].value, &found, &why) ||
           option_values_refuse(r, id, "%s", why.text);
}

static bool read_text(struct option_values *r, enum option_id id)
{
    *(const char **)member(r, id) = r->given[id].value;
    return true;
}

static bool check_path(const struct option_values *r, enum option_id id)
{
    return rule_book_is_path(str_from(r->given[id].value)) || refuse_value(r, id);
}

static bool add_item(const struct option_values *r, enum option_id id, struct str item)
{
    struct config_list *list = member(r, id);

    if (list->count == option_rows[id].max)
        return false;
    list->items[list->count++] = item;
    return true;
}

/* In the environment a value holds an item a line. Those of the command line have been added when
 * they were met. */
static bool read_list(struct option_values *r, enum option_id id)
{
    struct str lines = str_from(r->given[id].value), item;
    bool more = r->too_many[id];

    while (r->given[id].origin == ORIGIN_ENVIRONMENT && str_next(&lines, '\n', &item))
        if (item.len > 0)
            more = !add_item(r, id, item) || more;
    return !more || option_values_refuse(r, id, "no more than %" PRIu64 " are allowed%s",
                                         option_rows[id].max,
                                         option_rows[id].kind == KIND_LIST ? "; use a file" : "");
}

static bool is_file_name(struct str name)
{
    return name.len > 0 && name.len <= NAME_MAX && !memchr(name.at, '/', name.len) &&
           !str_equal(name, STR(".")) && !str_equal(name, STR(".."));
}

/* A name in the environment ends with a line, not with a NUL. */
static bool check_one_file(struct option_values *r, enum option_id id, struct str name)
{
    char path[PATH_MAX];
    const char *all = r->given[id].value;

    if (name.len >= sizeof path)
        return option_values_refuse(r, id, "%s; name a file that can be read",
                                    strerror(ENAMETOOLONG));
    memcpy(path, name.at, name.len);
    path[name.len] = '\0';
    r->given[id].value = path;
    bool fine = name.len > 0 ? check_file(r, id) : refuse_value(r, id);
    r->given[id].value = all;
    return fine;
}

static bool read_files(struct option_values *r, enum option_id id)
{
    const struct config_list *list = member(r, id);
    bool fine = read_list(r, id);

    for (unsigned i = 0; fine && i < list->count; i++)
        fine = check_one_file(r, id, list->items[i]);
    return fine;
}

/* "31536000,includeSubDomains" is "max-age=31536000; includeSubDomains" (RFC 6797 6.1). */
static bool read_hsts(struct option_values *r, enum option_id id)
{
    struct str words = str_from(r->given[id].value), word;
    struct text field = text_in(r->config->hsts, sizeof r->config->hsts - 1);
    unsigned long long seconds;
    bool subdomains = false, preload = false;

    if (str_ends(words, STR(",")) || !str_next(&words, ',', &word) ||
        !str_number(word, option_rows[id].max, &seconds))
        return refuse_value(r, id);
    while (str_next(&words, ',', &word)) {
        bool *which = str_equal_nocase(word, STR("includeSubDomains")) ? &subdomains
                      : str_equal_nocase(word, STR("preload"))         ? &preload
                                                                       : NULL;
        if (!which || *which)
            return refuse_value(r, id);
        *which = true;
    }
    text_add(&field, STR("max-age="));
    text_add_number(&field, seconds);
    text_add(&field, subdomains ? STR("; includeSubDomains") : STR(""));
    text_add(&field, preload ? STR("; preload") : STR(""));
    field.at[field.len] = '\0';
    return true;
}

static bool check_index(const struct option_values *r, enum option_id id)
{
    struct str names = str_from(r->given[id].value), name;
    unsigned count = 0;

    if (str_ends(names, STR(",")))
        return refuse_value(r, id);
    while (str_next(&names, ',', &name))
        if (!is_file_name(name) || ++count > CONFIG_INDEX_MAX)
            return refuse_value(r, id);
    return true;
}

static bool read_directory(struct option_values *r, enum option_id id)
{
    return check_directory(r, id) && read_text(r, id);
}

static bool read_file(struct option_values *r, enum option_id id)
{
    return check_file(r, id) && read_text(r, id);
}

static bool read_path(struct option_values *r, enum option_id id)
{
    return check_path(r, id) && read_text(r, id);
}

static bool read_index(struct option_values *r, enum option_id id)
{
    return check_index(r, id) && read_text(r, id);
}

static bool read_address(struct option_values *r, enum option_id id)
{
    return check_address(r, id) && read_text(r, id);
}

static bool read_user(struct option_values *r, enum option_id id)
{
    return check_user(r, id) && read_text(r, id);
}

typedef bool reader(struct option_values *r, enum option_id id);

/* Cores and CPUs need each other: read_cores reads both. */
static reader *const readers[KIND_COUNT] = {
    [KIND_FLAG] = read_flag,       [KIND_NUMBER] = read_amount,       [KIND_TIME] = read_amount,
    [KIND_SIZE] = read_amount,     [KIND_WORD] = read_word,           [KIND_INDEX] = read_index,
    [KIND_TEXT] = read_text,       [KIND_DIRECTORY] = read_directory, [KIND_FILE] = read_file,
    [KIND_ADDRESS] = read_address, [KIND_USER] = read_user,           [KIND_LIST] = read_list,
    [KIND_FILES] = read_files,     [KIND_HSTS] = read_hsts,           [KIND_PATH] = read_path,
};

static bool read_one(struct option_values *r, enum option_id id)
{
    reader *read_it = readers[option_rows[id].kind];

    if (r->given[id].origin == ORIGIN_NONE)
        return true;
    if (r->given[id].value[0] == '\0' && option_rows[id].kind != KIND_INDEX)
        return refuse_value(r, id);
    return !read_it || read_it(r, id);
}

static bool refuse_cores(const struct option_values *r, unsigned count, const int *cpus)
{
    char list[256];
    struct text text = text_in(list, sizeof list);

    if (option_values_has(r, ID_CPUS))
        return option_values_refuse(r, ID_CORES,
                                    "--cpus %s names %u CPU%s; ask for 1 to %u, or name more",
                                    r->given[ID_CPUS].value, count, count == 1 ? "" : "s", count);
    cpus_write(&text, cpus, count);
    return option_values_refuse(
        r, ID_CORES,
        "this process may use %u CPU%s (%.*s%s); ask for 1 to %u, or allow more with "
        "taskset or the container's cpuset",
        count, count == 1 ? "" : "s", (int)text.len, list, text.cut ? ",..." : "", count);
}

static bool read_cores(const struct option_values *r)
{
    struct config *config = r->config;
    int allowed[CORES_MAX];
    unsigned count = cpus_allowed(allowed);
    struct sentence why;
    uint64_t cores;

    if (count == 0) {
        fprintf(r->err, "ringlet: the kernel does not say which CPUs this process may use: %s\n",
                strerror(errno));
        return false;
    }
    if (option_values_has(r, ID_CPUS)) {
        struct str list = str_from(r->given[ID_CPUS].value);
        count = cpus_parse(list, allowed, count, config->cpus, &why);
        if (count == 0)
            return option_values_refuse(r, ID_CPUS, "%s", why.text);
    } else {
        memcpy(config->cpus, allowed, sizeof allowed[0] * count);
    }

    if (option_values_has(r, ID_CORES)) {
        if (!option_amount(&option_rows[ID_CORES], r->given[ID_CORES].value, &cores) ||
            cores > count)
            return refuse_cores(r, count, config->cpus);
        config->cores = (unsigned)cores;
        return true;
    }
    config->cores = option_values_has(r, ID_CPUS) ? count : cpus_default(count, cpus_quota(""));
    return true;
}

typedef bool read_rules_of(struct rule_book *book, const struct config_list *list, unsigned *bad,
                           struct sentence *why);

/* The item at fault is told, not the one that was given last. */
static bool read_rules_by(struct option_values *r, enum option_id id, struct rule_book *book,
                          read_rules_of *read_them)
{
    const struct config_list *list = member(r, id);
    struct sentence why;
    unsigned bad;

    if (read_them(book, list, &bad, &why))
        return true;
    if (r->given[id].origin == ORIGIN_LINE) /* a C string then */
        r->given[id].value = list->items[bad].at;
    return option_values_refuse(r, id, "%s", why.text);
}

static bool read_rules(struct option_values *r)
{
    struct rule_book book = { .page_count = 0 };
    bool fine = read_rules_by(r, ID_HEADER, &book, rule_book_read_headers) &&
                read_rules_by(r, ID_REDIRECT, &book, rule_book_read_redirects) &&
                read_rules_by(r, ID_ERROR_PAGE, &book, rule_book_read_pages);

    rule_book_release(&book);
    return fine;
}

void option_values_give(struct option_values *r, enum option_id id, enum option_origin origin,
                        const char *value)
{
    const struct option_row *spelled = &option_rows[id];

    id = option_meant(id);
    bool list = option_rows[id].kind == KIND_LIST || option_rows[id].kind == KIND_FILES;
    if (list && origin == ORIGIN_LINE)
        r->too_many[id] = !add_item(r, id, str_from(value)) || r->too_many[id];
    r->given[id] = (struct option_given){ origin, spelled, value };
}

bool option_values_read(struct option_values *r)
{
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        if (r->given[id].origin == ORIGIN_NONE && option_rows[id].standard)
            option_values_give(r, id, ORIGIN_DEFAULT, option_rows[id].standard);
        if (!read_one(r, id))
            return false;
    }
    r->config->has_max_age = option_values_has(r, ID_MAX_AGE);
    r->config->tls = option_values_has(r, ID_TLS_PORT);
    return option_needs_check(r) && read_cores(r) && read_rules(r);
}

bool option_values_ask_for_check(const struct option_values *r)
{
    bool on;

    return option_values_has(r, ID_CHECK) && option_flag(r->given[ID_CHECK].value, &on) && on;
}
