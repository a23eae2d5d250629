#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/option_help.h"
#include "server/option_table.h"

#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMNS = 80 };

static void help_fits_and_shows_all(void **state)
{
    static const char *const shown[] = {
        "Usage: ringlet [OPTIONS] [DIR]\n",
        "-c, --cores N",
        "-w, --workers N",
        "--cpus LIST",
        "-r, --root DIR",
        "-a, --host ADDRESS",
        "-p, --port N",
        "-t, --timeout TIME",
        "-l, --log FILE",
        "-d, --debug",
        "--engine NAME",
        "--drain-timeout TIME",
        "--header-timeout TIME",
        "--body-timeout TIME",
        "--write-timeout TIME",
        "--cache-size SIZE",
        "--max-head SIZE",
        "--max-body SIZE",
        "--max-conns N",
        "--user USER[:GROUP]",
        "--index NAMES",
        "--listing",
        "--dotfiles",
        "--mime-types FILE",
        "--demo",
        "--dataset FILE",
        "--check",
        "-q, --quiet",
        "-h, --help",
        "-V, --version",
        "(default 8080)",
        "(default 60s)",
        "(default 16k)",
        "RINGLET_PORT=80",
    };
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    option_help_write(out);
    fclose(out);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        if (!strstr(text, shown[i]))
            fail_msg("--help does not show \"%s\"", shown[i]);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        if (end - line > HELP_COLUMNS)
            fail_msg("%.*s: wider than %d columns", (int)(end - line), line, HELP_COLUMNS);
    free(text);
}

/* Whatever is in the table is shown, in its order. */
static void every_row(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    option_help_write(out);
    fclose(out);
    const char *at = text;
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        char name[64];
        snprintf(name, sizeof name, " --%s%s", option_rows[id].name,
                 option_rows[id].word ? " " : "");
        at = strstr(at, name);
        if (!at)
            fail_msg("--help does not show --%s after the one before", option_rows[id].name);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_fits_and_shows_all),
        cmocka_unit_test(every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
