#include "site/news.h"

#include "site/route.h"

static void add(struct news *news, int watch, uint64_t hash)
{
    uint64_t at = news->count++ & (NEWS_MAX - 1);

    news->last[at].watch = watch;
    news->last[at].hash = hash;
}

void news_add(struct news *news, int watch, struct str name)
{
    add(news, watch, name.len > 0 ? route_step_hash(watch, name) : 0);
}

void news_add_anything(struct news *news)
{
    add(news, -1, 0);
}

static bool concerns(const struct survey *survey, int watch, uint64_t hash)
{
    if (watch < 0 || (watch == survey->end && hash == 0))
        return true;
    for (unsigned i = 0; i < survey->step_count; i++)
        if (survey->steps[i].watch == watch &&
            (hash == 0 || hash == route_step_hash(watch, survey_name(survey, i))))
            return true;
    return false;
}

bool news_concern(const struct news *news, uint64_t since, const struct survey *survey)
{
    if (news->count - since > NEWS_MAX)
        return true;
    for (uint64_t at = since; at < news->count; at++) {
        size_t i = at & (NEWS_MAX - 1);
        if (concerns(survey, news->last[i].watch, news->last[i].hash))
            return true;
    }
    return false;
}
