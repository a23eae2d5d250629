#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reading.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Copies of the words and variables of the last reading, which the texts of the config point into.
 */
static char texts[2 * WORDS_MAX + 1][128];

static char *copy(size_t place, const char *text)
{
    assert_true(strlen(text) < sizeof texts[0]);
    memcpy(texts[place], text, strlen(text) + 1);
    return texts[place];
}

/* What was written on the error stream; the caller frees it. */
static char *read_options(struct config *config, enum options_action *action,
                          const char *const *words, const char *const *variables)
{
    char *argv[WORDS_MAX + 2] = { copy(0, "ringlet") };
    char *envp[WORDS_MAX + 1] = { NULL };
    char *text = NULL;
    size_t len;
    size_t argc = 1;

    for (; argc <= WORDS_MAX && words && words[argc - 1]; argc++)
        argv[argc] = copy(argc, words[argc - 1]);
    for (size_t i = 0; i < WORDS_MAX && variables && variables[i]; i++)
        envp[i] = copy(WORDS_MAX + 1 + i, variables[i]);

    FILE *err = open_memstream(&text, &len);
    assert_non_null(err);
    *action = options_read(config, (int)argc, argv, envp, err);
    fclose(err);
    return text;
}

void assert_read(struct config *config, const char *const *words, const char *const *variables,
                 enum options_action wanted)
{
    enum options_action action;
    char *text = read_options(config, &action, words, variables);

    if (action != wanted)
        fail_msg("action %d, not %d: %s", (int)action, (int)wanted, text);
    assert_string_equal(text, "");
    free(text);
}

void assert_refused(const char *const *words, const char *const *variables, const char *sentence)
{
    enum options_action action;
    struct config config;
    char *text = read_options(&config, &action, words, variables);

    assert_int_equal(action, OPTIONS_REFUSED);
    if (strncmp(text, sentence, strlen(sentence)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", text, sentence);
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    assert_string_equal(end, "\n"); /* one line, and that one ended */
    free(text);
}

int reading_pin(void **state)
{
    static int cpu;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return -1;
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    *state = &cpu;
    return sched_setaffinity(0, sizeof set, &set);
}
