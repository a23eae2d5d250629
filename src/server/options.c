#include "server/options.h"

#include "base/check.h"
#include "server/option_help.h"
#include "server/option_values.h"
#include "server/sentence.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_ONLY = 256 }; /* getopt's answer for row n, above every letter */

/* The row that a getopt answer or optopt means, or ID_COUNT. */
static enum option_id row_of(int answer)
{
    if (answer >= LONG_ONLY)
        return (enum option_id)(answer - LONG_ONLY);
    for (enum option_id id = 0; id < ID_COUNT; id++)
        if (option_rows[id].letter != 0 && option_rows[id].letter == answer)
            return id;
    return ID_COUNT;
}

/* getopt could not take `word` of the command line. */
static bool refuse_word(const struct option_values *r, int answer, const char *word)
{
    char allowed[OPTION_ALLOWED_MAX];
    enum option_id id = optopt != 0 ? row_of(optopt) : ID_COUNT;

    if (id == ID_COUNT && optopt != 0) {
        fprintf(r->err, "ringlet: -%c: there is no such option; ringlet --help shows all\n",
                optopt);
    } else if (id == ID_COUNT) {
        fprintf(r->err,
                "ringlet: %s: there is no such option, or more than one begins like this; "
                "ringlet --help shows all\n",
                word);
    } else if (answer == ':') {
        option_write_allowed(&option_rows[option_meant(id)], allowed, sizeof allowed);
        fprintf(r->err, "ringlet: --%s: the value is missing; %s\n", option_rows[id].name, allowed);
    } else {
        fprintf(r->err, "ringlet: %s: --%s takes no value; leave it out\n", word,
                option_rows[id].name);
    }
    return false;
}

static void fill_getopt(struct option *longs, char *letters)
{
    *letters++ = ':';
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        bool takes_value = option_rows[id].word != NULL;
        longs[id] =
            (struct option){ option_rows[id].name, takes_value ? required_argument : no_argument,
                             NULL, LONG_ONLY + (int)id };
        if (option_rows[id].letter != 0)
            *letters++ = option_rows[id].letter;
        if (option_rows[id].letter != 0 && takes_value)
            *letters++ = ':';
    }
    longs[ID_COUNT] = (struct option){ 0 };
    *letters = '\0';
}

static enum options_action read_arguments(struct option_values *r, int argc, char **argv)
{
    int count = argc - optind;

    if (count == 0)
        return OPTIONS_RUN;
    if (count > 1) {
        fprintf(r->err, "ringlet: DIR %s: %s is already named, and one directory is served\n",
                argv[optind + 1], argv[optind]);
        return OPTIONS_REFUSED;
    }
    if (r->given[ID_ROOT].origin == ORIGIN_LINE) {
        fprintf(r->err, "ringlet: DIR %s: --root %s is already named; give one of them\n",
                argv[optind], r->given[ID_ROOT].value);
        return OPTIONS_REFUSED;
    }
    option_values_give(r, ID_ROOT, ORIGIN_ARGUMENT, argv[optind]);
    return OPTIONS_RUN;
}

static enum options_action read_line(struct option_values *r, int argc, char **argv)
{
    struct option longs[ID_COUNT + 1];
    char letters[2 * ID_COUNT + 2];
    int answer;

    fill_getopt(longs, letters);
    optind = 0; /* getopt(3): start anew */
    opterr = 0;
    while ((answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (answer == '?' || answer == ':') {
            refuse_word(r, answer, argv[optind - 1]);
            return OPTIONS_REFUSED;
        }
        enum option_id id = row_of(answer);
        CHECK(id < ID_COUNT);
        if (option_rows[id].kind == KIND_ACTION)
            return id == ID_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
        option_values_give(r, id, ORIGIN_LINE, option_rows[id].word ? optarg : "1");
    }
    return read_arguments(r, argc, argv);
}

static const char *find_variable(char **envp, const char *name)
{
    size_t len = strlen(name);

    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    return NULL;
}

/* What the command line has not said. --help and --version have no variable: images carry a
 * RINGLET_VERSION that means something else. */
static void read_environment(struct option_values *r, char **envp)
{
    for (enum option_id id = 0; id < ID_COUNT; id++) {
        char variable[OPTION_VARIABLE_MAX];
        option_write_variable(&option_rows[id], variable, sizeof variable);
        const char *value = find_variable(envp, variable);
        if (value && option_rows[id].kind != KIND_ACTION &&
            r->given[option_meant(id)].origin == ORIGIN_NONE)
            option_values_give(r, id, ORIGIN_ENVIRONMENT, value);
    }
}

static enum options_action read_all(struct option_values *r, int argc, char **argv, char **envp)
{
    memset(r->config, 0, sizeof *r->config);

    enum options_action action = read_line(r, argc, argv);
    if (action != OPTIONS_RUN)
        return action;
    read_environment(r, envp);
    if (!option_values_read(r))
        return OPTIONS_REFUSED;
    return option_values_ask_for_check(r) ? OPTIONS_CHECK : OPTIONS_RUN;
}

/* One line, whatever was given: a value's line ends and escape sequences are not passed on. */
static void tell(FILE *err, char *refusal, size_t len)
{
    if (len == 0)
        return;
    sentence_clean(refusal, len - 1);
    fwrite(refusal, 1, len, err);
}

enum options_action options_read(struct config *config, int argc, char **argv, char **envp,
                                 FILE *err)
{
    char *refusal = NULL;
    size_t len = 0;
    struct option_values r = { .config = config, .err = open_memstream(&refusal, &len) };

    if (!r.err) {
        fputs("ringlet: out of memory\n", err);
        return OPTIONS_REFUSED;
    }
    enum options_action action = read_all(&r, argc, argv, envp);
    fclose(r.err);
    tell(err, refusal, len);
    free(refusal);
    return action;
}

void options_help(FILE *out)
{
    option_help_write(out);
}
