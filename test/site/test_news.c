/* What was told while a survey was under way: whether it concerns the survey's way. */
#include "site/news.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Through "a" in watch 1 to the directory of watch 2. */
static struct survey *make_survey(void)
{
    struct survey *survey = survey_make(3, 4, STR(""));

    assert_non_null(survey);
    survey->steps[0] = (struct survey_step){ 1, 0, 1 };
    survey->names[0] = 'a';
    survey->names_len = survey->step_count = 1;
    survey->end = 2;
    return survey;
}

static void what_concerns_a_way(void **state)
{
    static const struct {
        int watch;
        const char *name;
        bool concerns;
    } cases[] = {
        { 1, "a", true },  { 1, "b", false }, { 1, "", true },
        { 2, "", true },   { 2, "a", false }, /* a file in it: nothing has been opened yet */
        { 3, "a", false }, { 3, "", false },
    };
    struct survey *survey = make_survey();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct news news = { 0 };
        news_add(&news, 1, STR("a")); /* before it began */
        uint64_t since = news.count;
        assert_false(news_concern(&news, since, survey));
        news_add(&news, cases[i].watch, str_from(cases[i].name));
        assert_int_equal(news_concern(&news, since, survey), cases[i].concerns);
    }
    survey_free(survey);
}

static void too_much_or_anything_concerns_all(void **state)
{
    struct news news = { 0 };
    struct survey *survey = make_survey();

    (void)state;
    for (int i = 0; i < NEWS_MAX; i++)
        news_add(&news, 9, STR("x"));
    assert_false(news_concern(&news, 0, survey));
    news_add(&news, 9, STR("x"));
    assert_true(news_concern(&news, 0, survey));
    assert_false(news_concern(&news, 1, survey));
    news_add_anything(&news);
    assert_true(news_concern(&news, news.count - 1, survey));
    survey_free(survey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_concerns_a_way),
        cmocka_unit_test(too_much_or_anything_concerns_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
