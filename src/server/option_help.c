#include "server/option_help.h"

#include "base/check.h"
#include "server/option_table.h"

#include <string.h>

enum {
    HELP_COLUMNS = 80,
    HELP_TEXT_AT = 26, /* column where the right-hand side begins */
};

/* Words from column HELP_TEXT_AT on, the first line having come as far as `column`. */
static void help_wrapped(FILE *out, size_t column, const char *words)
{
    if (column >= HELP_TEXT_AT) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", (int)(HELP_TEXT_AT - column), "");
    column = HELP_TEXT_AT;
    for (size_t len; *words; words += len) {
        words += strspn(words, " ");
        len = strcspn(words, " ");
        if (column > HELP_TEXT_AT && column + 1 + len > HELP_COLUMNS) {
            fprintf(out, "\n%*s", HELP_TEXT_AT, "");
            column = HELP_TEXT_AT;
        }
        const char *gap = column > HELP_TEXT_AT ? " " : "";
        fprintf(out, "%s%.*s", gap, (int)len, words);
        column += strlen(gap) + len;
    }
    fputc('\n', out);
}

static void help_row(FILE *out, const struct option_row *row)
{
    char left[64], right[256];
    int len = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->letter ? '-' : ' ',
                       row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
                       row->word ? " " : "", row->word ? row->word : "");

    CHECK(len > 0 && (size_t)len < sizeof left);
    fputs(left, out);
    snprintf(right, sizeof right, "%s%s%s%s", row->help, row->standard ? " (default " : "",
             row->standard ? row->standard : "", row->standard ? ")" : "");
    help_wrapped(out, (size_t)len, right);
}

void option_help_write(FILE *out)
{
    fputs("Usage: ringlet [OPTIONS] [DIR]\n"
          "Serve the files below DIR (default: the current directory) over HTTP and HTTPS.\n\n",
          out);
    for (enum option_id id = 0; id < ID_COUNT; id++)
        help_row(out, &option_rows[id]);
    fputs("\nTIME is in seconds, or with a unit: 500ms, 30s, 5m.\n"
          "SIZE is in bytes, or with a unit: 16k, 2m, 1g.\n"
          "Every option but --help and --version can also be given in the environment:\n"
          "RINGLET_PORT=80, RINGLET_HEADER_TIMEOUT=5s, RINGLET_QUIET=yes (or no). The\n"
          "command line goes before the environment.\n"
          "Signals: TERM, INT and QUIT drain, a second one forces; USR1 and HUP reopen the\n"
          "log, and HUP reads certificates again. Exit status: 0 clean stop, 1 failure,\n"
          "2 usage, 78 a wrong file of rules or certificates.\n",
          out);
}
