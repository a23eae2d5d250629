/* option_table.h - every option there is: its name, what it takes, where the value goes.
 *
 * An option is an id and a row; reading, RINGLET_* variables, --help and the refusals are made from
 * those. Values are read and refused in the order of the ids; an alias comes right after the option
 * that it is another name for. Used by the other files of options alone. */
#ifndef SERVER_OPTION_TABLE_H
#define SERVER_OPTION_TABLE_H

#include "server/config.h"

enum option_kind {
    KIND_ACTION, /* ends the reading: --help, --version */
    KIND_ALIAS,  /* another name for the row before it */
    KIND_FLAG,
    KIND_NUMBER,
    KIND_TIME,
    KIND_SIZE,
    KIND_CORES,
    KIND_CPUS,
    KIND_WORD,  /* one of the row's words */
    KIND_INDEX, /* may be empty */
    KIND_TEXT,  /* checked by nobody here but for being empty */
    KIND_DIRECTORY,
    KIND_FILE,
    KIND_ADDRESS,
    KIND_USER,
    KIND_LIST,  /* may be given again and again, max times; rules of the rule book */
    KIND_FILES, /* likewise, names of files */
    KIND_HSTS,
    KIND_PATH, /* of a file, below the root */
    KIND_COUNT,
};

enum option_id {
    ID_ROOT,
    ID_HOST,
    ID_PORT,
    ID_TLS_PORT,
    ID_TLS_CERT,
    ID_TLS_KEY,
    ID_TLS_SELF_SIGNED,
    ID_HTTPS_REDIRECT,
    ID_HSTS,
    ID_CORES,
    ID_WORKERS,
    ID_CPUS,
    ID_ENGINE,
    ID_SPIN,
    ID_LOG,
    ID_TIMEOUT,
    ID_HEADER_TIMEOUT,
    ID_BODY_TIMEOUT,
    ID_WRITE_TIMEOUT,
    ID_DRAIN_TIMEOUT,
    ID_CACHE_SIZE,
    ID_ETAG,
    ID_MAX_HEAD,
    ID_MAX_BODY,
    ID_MAX_CONNS,
    ID_USER,
    ID_INDEX,
    ID_LISTING,
    ID_DOTFILES,
    ID_MIME_TYPES,
    ID_HEADER,
    ID_REDIRECT,
    ID_ERROR_PAGE,
    ID_SPA,
    ID_MAX_AGE,
    ID_COMPRESS,
    ID_CORS,
    ID_DEMO,
    ID_DATASET,
    ID_CHECK,
    ID_DEBUG,
    ID_QUIET,
    ID_HELP,
    ID_VERSION,
    ID_COUNT,
};

struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    enum option_kind kind;
    const char *word;     /* for the value, in --help; NULL: takes none */
    const char *standard; /* the default, read like a value; NULL: none */
    uint64_t min, max;
    size_t at, size;          /* of the member of struct config; size 0: none */
    const char *const *words; /* of KIND_WORD, by the number that each stands for; ends with NULL */
    const char *help;
};

extern const struct option_row option_rows[ID_COUNT];

enum {
    OPTION_VARIABLE_MAX = 64, /* bytes of a variable's name, with its NUL */
    OPTION_ALLOWED_MAX = 256, /* bytes of what option_write_allowed writes, likewise */
};

/* The option that is meant: the one before it when it is an alias. */
enum option_id option_meant(enum option_id id);

/* "RINGLET_HEADER_TIMEOUT" for "header-timeout". */
void option_write_variable(const struct option_row *row, char *out, size_t cap);

/* What a row takes, as the end of a sentence. */
void option_write_allowed(const struct option_row *row, char *out, size_t cap);

/* What a value means to a row of its kind. False when it is none that is allowed. */
bool option_flag(const char *value, bool *on);
bool option_amount(const struct option_row *row, const char *value, uint64_t *amount);
bool option_word(const struct option_row *row, const char *value, uint32_t *number);

#endif
