#include "site/site.h"

#include "base/check.h"
#include "base/text.h"
#include "site/listing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>

/* No more entries of `each` bytes than an unsigned counts. */
static unsigned count_in(uint64_t bytes, uint64_t each)
{
    uint64_t count = bytes / each;

    return count < INT32_MAX ? (unsigned)count : INT32_MAX;
}

void site_share_out(struct cache_limits limits[CACHE_SHELVES], uint64_t bytes, unsigned descriptors)
{
    uint64_t part = bytes / SITE_NEGATIVE_PART;
    uint64_t negative = part < SITE_NEGATIVE_BYTES ? part : SITE_NEGATIVE_BYTES;

    limits[CACHE_WHOLE] =
        (struct cache_limits){ bytes - negative, count_in(bytes - negative, SITE_ENTRY_BYTES) };
    limits[CACHE_NEGATIVE] =
        (struct cache_limits){ negative, count_in(negative, sizeof(struct site_entry)) };
    limits[CACHE_OPEN] = (struct cache_limits){ bytes, bytes > 0 ? descriptors : 0 };
}

/* What could not be held is not read whole either: each answer would hold a copy of its own, for as
 * long as its client takes. The path and the fields go with the bytes. */
static uint64_t whole_max(const struct cache_limits *limits, uint64_t wanted)
{
    const uint64_t beside =
        sizeof(struct site_entry) + ENTRY_FIELDS_MAX + ENTRY_RULES_MAX + HTTP_PATH_MAX;
    uint64_t part = limits->bytes / SITE_HELD_PART;
    uint64_t most = part > beside ? part - beside : 0;

    if (most < SITE_WHOLE_MIN)
        return SITE_WHOLE_MIN;
    return most < wanted ? most : wanted;
}

int site_init(struct site *site, const struct site_config *config)
{
    *site = (struct site){ .config = *config };
    site->config.form.whole_max = whole_max(&config->limits[CACHE_WHOLE], SITE_WHOLE_MAX);
    site->config.form.text_max = whole_max(&config->limits[CACHE_WHOLE], SITE_TEXT_MAX);
    for (size_t i = 0; i < SITE_FILL_BUCKETS; i++)
        list_init(&site->fills[i]);
    routes_init(&site->routes);
    if (root_init(&site->root, config->root, config->root_path, config->root_device,
                  config->root_inode) < 0)
        return -ENOMEM;
    int error = cache_init(&site->cache, config->limits, config->seed);
    if (error)
        root_release(&site->root);
    return error;
}

/* A descriptor that finds no place in the list stays open: losing it is better than waiting. */
static void bury(struct site *site, int fd)
{
    if (fd < 0)
        return;
    if (site->dead_count == site->dead_cap) {
        unsigned cap = site->dead_cap ? site->dead_cap * 2 : 16;
        int *more = realloc(site->dead, cap * sizeof *more);
        if (!more)
            return;
        site->dead = more;
        site->dead_cap = cap;
    }
    site->dead[site->dead_count++] = fd;
}

int site_dead_fd(struct site *site)
{
    return site->dead_count > 0 ? site->dead[--site->dead_count] : -1;
}

static void let_go_if_unused(struct site *site, struct site_entry *entry)
{
    if (entry->cached || entry->pins > 0)
        return;
    bury(site, entry->fd);
    entry->fd = -1;
    entry_free(entry);
}

/* What was made of it goes with it. */
static void drop_made(struct site *site, struct site_entry *entry)
{
    for (int i = 0; i < HTTP_CODINGS; i++) {
        struct site_entry *made = entry->made[i];
        entry->made[i] = NULL;
        if (made)
            site_unpin(site, made);
    }
    entry->codings = entry->beside;
    entry->unmade = 0;
}

static void remove_entry(struct site *site, struct site_entry *entry)
{
    cache_remove(&site->cache, entry);
    list_remove(&entry->on_route);
    drop_made(site, entry);
    let_go_if_unused(site, entry);
}

static void clear_shelf(struct site *site, struct cache_shelf *shelf)
{
    struct list *node;

    while ((node = list_first(&shelf->ages)))
        remove_entry(site, CONTAINER_OF(node, struct site_entry, age));
}

void site_empty(struct site *site)
{
    CHECK(site->fill_count == 0);
    for (int i = 0; i < CACHE_SHELVES; i++)
        clear_shelf(site, &site->cache.shelves[i]);
    bury(site, root_release(&site->root));
    routes_release(&site->routes);
}

void site_shed_descriptors(struct site *site)
{
    clear_shelf(site, &site->cache.shelves[CACHE_OPEN]);
}

void site_release(struct site *site)
{
    cache_release(&site->cache);
    free(site->dead);
}

void site_unpin(struct site *site, struct site_entry *entry)
{
    CHECK(entry->pins > 0);
    entry->pins--;
    let_go_if_unused(site, entry);
}

static inline struct site_entry *find_fresh(struct site *site, struct str path, uint64_t now_ms)
{
    struct site_entry *entry = cache_find(&site->cache, path, cache_hash(&site->cache, path));

    if (!entry || now_ms > entry->until_ms || entry->epoch != site->epoch)
        return NULL;
    entry->used = true;
    return entry;
}

struct site_entry *site_find(struct site *site, struct str path, uint64_t now_ms)
{
    return find_fresh(site, path, now_ms);
}

struct site_entry *site_find_literal(struct site *site, struct str path, uint64_t now_ms)
{
    struct site_entry *entry = find_fresh(site, path, now_ms);

    return entry && entry->literal ? entry : NULL;
}

static struct list *fills_of(struct site *site, uint64_t hash)
{
    return &site->fills[hash & (SITE_FILL_BUCKETS - 1)];
}

/* Is what it finds still true, as far as is known? */
static bool is_sound(const struct site *site, const struct site_fill *fill)
{
    return !fill->stale && fill->epoch == site->epoch && !(fill->route && fill->route->dead);
}

static struct site_fill *next_under_way(struct site *site, struct str path, uint64_t hash,
                                        struct list *after)
{
    struct list *fills = fills_of(site, hash);

    for (struct list *node = after->next; node != fills; node = node->next) {
        struct site_fill *fill = CONTAINER_OF(node, struct site_fill, link);
        if (fill->hash == hash && str_equal(fill->path, path))
            return fill;
    }
    return NULL;
}

/* One that is worth waiting for. */
static struct site_fill *fill_under_way(struct site *site, struct str path, uint64_t hash)
{
    struct site_fill *fill = next_under_way(site, path, hash, fills_of(site, hash));

    while (fill && !is_sound(site, fill))
        fill = next_under_way(site, path, hash, &fill->link);
    return fill;
}

static struct site_fill *start_fill(struct site *site, struct str path, uint64_t hash)
{
    struct site_fill *fill = fill_make(path, hash, site->config.index);

    if (!fill)
        return NULL;
    fill->dotfiles = site->config.dotfiles;
    fill->old = cache_find(&site->cache, path, hash);
    if (fill->old)
        site_pin(fill->old);
    fill->root = root_use(&site->root);
    fill->epoch = site->epoch;
    list_append(fills_of(site, hash), &fill->link);
    site->fill_count++;
    return fill;
}

struct site_fill *site_fill(struct site *site, struct str path, bool *started)
{
    uint64_t hash = cache_hash(&site->cache, path);
    struct site_fill *fill = fill_under_way(site, path, hash);

    *started = !fill;
    return fill ? fill : start_fill(site, path, hash);
}

bool site_is_filling(struct site *site, struct str path)
{
    return fill_under_way(site, path, cache_hash(&site->cache, path));
}

/* --- the way to a file --- */

/* What its route goes by: the directory that the file lies in, or the file itself. Without the
 * slash at its beginning it is the beginning of fill->file. Written to `space`. */
static struct str way_of(const struct site_fill *fill, char space[FILL_FILE_MAX], bool itself)
{
    struct text path = text_in(space, FILL_FILE_MAX);
    struct str file = str_from(fill->file);

    while (!itself && file.len > 0 && file.at[file.len - 1] != '/')
        file.len--;
    text_add(&path, STR("/"));
    text_add(&path, file);
    CHECK(!path.cut);
    return text_str(&path);
}

static void take_route(struct site *site, struct site_fill *fill, struct site_route *route)
{
    if (fill->route)
        routes_unpin(fill->route);
    fill->route = route;
    if (route)
        routes_pin(&site->routes, route);
}

static bool begin_survey(struct site *site, struct site_fill *fill, struct str path)
{
    fill->survey =
        survey_make(site->config.inotify, fill->root->fd, str_of(fill->file, path.len - 1));
    if (!fill->survey)
        return false;
    fill->surveys++;
    fill->news = site->news.count;
    fill->ask = (struct site_ask){ .kind = SITE_ASK_SURVEY, .survey = fill->survey };
    site->surveys++;
    return true;
}

/* Is there a route of this path that is good? */
static struct site_route *known_route(struct site *site, struct str path, uint64_t now_ms)
{
    struct site_route *route = routes_find(&site->routes, path, cache_hash(&site->cache, path));

    return route && now_ms <= route->until_ms ? route : NULL;
}

/* Find the way before anything is opened. True: it has to be surveyed first. */
static bool find_way(struct site *site, struct site_fill *fill, uint64_t now_ms)
{
    char space[FILL_FILE_MAX];
    bool linked = fill->state == FILL_LINKED;
    struct str path = way_of(fill, space, true);
    struct site_route *own = known_route(site, path, now_ms);

    if (own || linked) {
        take_route(site, fill, own);
        fill->follow = true;
        return !own && begin_survey(site, fill, path);
    }
    path = way_of(fill, space, false);
    struct site_route *route = known_route(site, path, now_ms);
    take_route(site, fill, route);
    fill->follow = false;
    return !route && begin_survey(site, fill, path);
}

/* A way that changed under the walk (EAGAIN) is surveyed again soon: nobody need be told. */
static void complain(struct site *site, const struct survey *survey)
{
    if (survey->error == EAGAIN)
        return;
    site->complaint.due = true;
    site->complaint.error = survey->error;
    site->complaint.fs = survey->fs;
}

/* True: too much happened meanwhile, and the same way is surveyed again. */
static bool surveyed(struct site *site, struct site_fill *fill, uint64_t now_ms)
{
    struct survey *survey = fill->survey;
    bool disturbed = news_concern(&site->news, fill->news, survey);
    char space[FILL_FILE_MAX];
    struct str path = way_of(fill, space, fill->follow);

    fill->survey = NULL;
    site->surveys--;
    if (disturbed || fill->epoch != site->epoch) {
        routes_waste(&site->routes, survey);
        survey_free(survey);
        return disturbed && fill->surveys < SITE_SURVEYS_MAX && begin_survey(site, fill, path);
    }
    struct site_route *route =
        routes_add(&site->routes, path, cache_hash(&site->cache, path), survey);
    if (route)
        route->until_ms = survey->watched ? UINT64_MAX : now_ms + SITE_CHECK_MS;
    if (!survey->watched)
        complain(site, survey);
    take_route(site, fill, route);
    survey_free(survey);
    return false;
}

/* --- the end of a fill --- */

static void admit(struct site *site, struct site_entry *entry)
{
    enum cache_shelf_name name = cache_shelf_of(entry);
    const struct cache_limits *limits = &site->cache.shelves[name].limits;
    struct site_entry *excess;

    if (limits->entries == 0 || entry->held > limits->bytes / SITE_HELD_PART)
        return;
    excess = cache_find(&site->cache, entry->path, entry->hash);
    if (excess) /* of another fill */
        remove_entry(site, excess);
    while ((excess = cache_excess(&site->cache, name, entry->held)))
        remove_entry(site, excess);
    cache_add(&site->cache, entry);
}

/* A link has a way of its own, and the names before it that are not there, or lead nowhere, have
 * another: the route of the outcome does not tell of both. */
static bool hangs_on_two_ways(const struct site_fill *fill)
{
    return fill->passed_over && (fill->passed_link || fill->follow);
}

/* Until when it may be served without a look at the disk. A file with more than one name may be
 * written to through another one. */
static void set_until(const struct site *site, const struct site_fill *fill,
                      struct site_entry *entry, uint64_t now_ms)
{
    bool one_name = entry->status != 200 || fill->lists || fill->facts.stx_nlink <= 1;
    bool told = fill->route && fill->route->watched && root_is_watched(&site->root) && one_name &&
                !hangs_on_two_ways(fill);

    entry->until_ms = now_ms + (told ? SITE_WATCHED_MS : SITE_CHECK_MS);
    entry->epoch = site->epoch;
    list_remove(&entry->on_route);
    if (fill->route && entry->cached)
        list_append(&fill->route->entries, &entry->on_route);
}

/* What says so lastingly: nothing is known after a failure. */
static bool is_negative(int status)
{
    return status == 301 || status == 403 || status == 404;
}

static void admit_negative(struct site *site, struct site_fill *fill, uint64_t now_ms)
{
    struct site_entry *entry = entry_make_negative(fill->path, fill->found.status);

    if (!entry)
        return;
    entry->hash = fill->hash;
    admit(site, entry);
    set_until(site, fill, entry, now_ms);
    site_unpin(site, entry);
}

static void hold(struct site *site, struct site_fill *fill, uint64_t now_ms)
{
    struct site_entry *entry = fill->found.entry;

    if (is_negative(fill->found.status))
        admit_negative(site, fill, now_ms);
    if (!entry)
        return;
    if (!entry->cached && fill->steady)
        admit(site, entry);
    set_until(site, fill, entry, now_ms);
}

/* What was held for this path is no longer what stands on disk; after a 503 nobody knows. */
static void drop_old(struct site *site, struct site_fill *fill, bool sound)
{
    struct site_entry *old = fill->old;

    if (!old || !old->cached || fill->found.status == 503)
        return;
    if (old != fill->found.entry || !sound)
        remove_entry(site, old);
}

/* The name was not there: the way by which that was seen must have been good. */
static void pass_over(struct site_fill *fill)
{
    if (fill->route && fill->route->dead)
        fill->stale = true;
    fill->passed_over = true;
    fill->passed_link |= fill->follow;
}

bool site_fill_step(struct site *site, struct site_fill *fill, int64_t result, uint64_t now_ms,
                    int64_t now_unix)
{
    bool watches = site->config.inotify >= 0 && site->cache.shelves[CACHE_WHOLE].limits.entries > 0;

    if (fill->survey) {
        if (surveyed(site, fill, now_ms))
            return true;
        result = 0;
    } else if (watches && fill->state == FILL_START && result == 0) {
        if (find_way(site, fill, now_ms))
            return true;
    }
    if (fill_step(fill, result, fill->root->fd, site->config.form, now_unix))
        return true;
    if (fill->state == FILL_LINKED || fill->state == FILL_NEXT) {
        if (fill->state == FILL_NEXT)
            pass_over(fill);
        bury(site, fill->name_fd);
        fill->name_fd = -1;
        if (watches && find_way(site, fill, now_ms))
            return true;
        return fill_step(fill, 0, fill->root->fd, site->config.form, now_unix);
    }

    /* Requests that come from here on start anew. */
    list_remove(&fill->link);
    bool sound = is_sound(site, fill);
    drop_old(site, fill, sound);
    if (sound)
        hold(site, fill, now_ms);
    return false;
}

void site_fill_end(struct site *site, struct site_fill *fill)
{
    struct site_entry *pinned[] = { fill->made, fill->old };

    site->fill_count--;
    bury(site, fill->name_fd);
    bury(site, fill->fd);
    bury(site, root_unuse(fill->root));
    take_route(site, fill, NULL);
    fill->name_fd = fill->fd = -1;
    fill->made = fill->old = NULL;
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++)
        if (pinned[i])
            site_unpin(site, pinned[i]);
    fill_free(fill);
}

/* --- what happens on disk --- */

struct survey *site_root_ask(struct site *site, uint64_t now_ms)
{
    struct survey *survey = root_ask(&site->root, site->config.inotify, &site->news, now_ms);

    site->surveys += survey != NULL;
    return survey;
}

void site_root_found(struct site *site, uint64_t now_ms)
{
    int fd;

    site->surveys--;
    if (!site->root.survey->watched)
        complain(site, site->root.survey);
    if (root_found(&site->root, &site->routes, &site->news, now_ms, &fd)) {
        site->epoch++;
        routes_kill_all_below(&site->routes);
    }
    bury(site, fd);
}

/* Whatever is held, or being found out, for this path. */
static void forget(struct site *site, struct str path)
{
    uint64_t hash = cache_hash(&site->cache, path);
    struct list *fills = fills_of(site, hash);
    struct site_entry *entry = cache_find(&site->cache, path, hash);
    struct site_fill *fill = next_under_way(site, path, hash, fills);

    if (entry)
        remove_entry(site, entry);
    for (; fill; fill = next_under_way(site, path, hash, &fill->link))
        fill->stale = true;
}

static bool is_index(const struct site *site, struct str name)
{
    struct str names = site->config.index, index;

    while (str_next(&names, ',', &index))
        if (str_equal(name, index))
            return true;
    return false;
}

static void forget_listings(struct site *site, struct str path)
{
    char space[SURVEY_PATH_MAX + LISTING_KEY_MAX];

    for (unsigned i = 0; i < LISTING_FORMS; i++) {
        struct text key = text_in(space, sizeof space);
        listing_key(&key, path, listing_form_of(i));
        if (!key.cut)
            forget(site, text_str(&key));
    }
}

/* And for its variants: of those that were made from it nobody else tells. */
static void forget_all_forms(struct site *site, struct str path, struct str index)
{
    char space[VARIANT_KEY_MAX];

    if (path.len > HTTP_PATH_MAX)
        return;
    forget(site, path);
    for (int i = HTTP_IDENTITY + 1; i < HTTP_CODINGS; i++)
        forget(site, variant_key(path, index, (enum http_coding)i, space));
}

static void forget_file(struct site *site, const struct site_route *route, struct str name)
{
    char space[SURVEY_PATH_MAX + NAME_MAX + 1];
    struct text path = text_in(space, sizeof space);

    text_add(&path, route->path);
    if (is_index(site, name))
        forget_all_forms(site, text_str(&path), name);
    text_add(&path, name);
    if (!path.cut)
        forget_all_forms(site, text_str(&path), STR(""));
}

/* Something happened to a name in the directory that a route leads to. It may be that of a variant,
 * and the file it lies beside is to know. */
static void name_changed(struct site *site, const struct site_route *route, struct str name)
{
    struct str file;

    forget_file(site, route, name);
    if (variant_has_name(name, &file))
        forget_file(site, route, file);
    if (site->config.listing)
        forget_listings(site, route->path);
}

static void lose_everything(struct site *site)
{
    news_add_anything(&site->news);
    site->epoch++;
    routes_kill_all(&site->routes);
}

void site_changed(struct site *site, int number, uint32_t flags, struct str name)
{
    if (flags & IN_Q_OVERFLOW) {
        lose_everything(site);
        return;
    }
    news_add(&site->news, number, name);
    struct site_watch *watch = watches_find(&site->routes.watches, number);
    if (!watch)
        return;
    if (name.len == 0) {
        routes_kill_watch(&site->routes, watch);
        return;
    }
    routes_kill_step(&site->routes, watch, name);
    struct str file;
    if (variant_has_name(name, &file)) /* that may be a link, with a way of its own */
        routes_kill_step(&site->routes, watch, file);
    for (struct list *node = watch->ends.next; node != &watch->ends; node = node->next)
        name_changed(site, CONTAINER_OF(node, struct site_route, at_end), name);
}

/* NULL when it may not be held. */
static struct site_entry *make_variant(const struct site *site, const struct site_entry *entry,
                                       enum http_coding coding, struct str bytes,
                                       const struct entry_rules *rules, int64_t now_unix)
{
    size_t most = site->cache.shelves[CACHE_WHOLE].limits.bytes / SITE_HELD_PART;
    struct entry_form form = site->config.form;

    form.rules = *rules;
    if (entry->validators.etag.len == 0)
        form.etag = ENTRY_ETAG_OFF;
    struct site_entry *made =
        bytes.len > 0 ? entry_make_variant(entry, bytes, coding, form, now_unix) : NULL;
    if (!made || entry->held + made->held <= most)
        return made;
    made->pins = 0;
    entry_free(made);
    return NULL;
}

void site_add_made(struct site *site, struct site_entry *entry, enum http_coding coding,
                   struct str bytes, const struct entry_rules *rules, int64_t now_unix)
{
    const uint8_t bit = (uint8_t)(1u << coding);
    struct site_entry *excess;

    if (!entry->cached || entry->edition != site->config.form.edition || !(entry->unmade & bit))
        return;
    entry->unmade &= (uint8_t)~bit;
    struct site_entry *made = make_variant(site, entry, coding, bytes, rules, now_unix);
    if (!made) {
        entry->codings &= (uint8_t)~bit;
        return;
    }
    entry->made[coding] = made;
    cache_grow(&site->cache, entry, made->held);
    while ((excess = cache_excess(&site->cache, CACHE_WHOLE, 0)))
        remove_entry(site, excess);
}

void site_remake(struct site *site)
{
    site->config.form.edition++;
    site->epoch++;
}

int site_dead_watch(struct site *site)
{
    return site->surveys > 0 ? -1 : watches_take_unused(&site->routes.watches);
}
