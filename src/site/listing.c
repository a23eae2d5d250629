#include "site/listing.h"

#include <errno.h>
#include <stdlib.h>

static const struct str media_names[LISTING_MEDIA] = {
    [LISTING_HTML] = STR_INIT("html"),
    [LISTING_JSON] = STR_INIT("json"),
};

static const struct str order_names[LISTING_ORDERS] = {
    [LISTING_BY_NAME] = STR_INIT("name"),
    [LISTING_BY_SIZE] = STR_INIT("size"),
    [LISTING_BY_TIME] = STR_INIT("modified"),
};

/* Room for the most there may be: what is not used costs addresses, and no memory. */
int listing_init(struct listing *listing)
{
    *listing = (struct listing){ 0 };
    listing->entries = malloc(LISTING_NAMES_MAX * sizeof *listing->entries + LISTING_BYTES_MAX);
    if (!listing->entries)
        return -ENOMEM;
    listing->names = (char *)(listing->entries + LISTING_NAMES_MAX);
    return 0;
}

void listing_release(struct listing *listing)
{
    free(listing->entries);
}

bool listing_add(struct listing *listing, struct str name, struct listing_entry entry)
{
    if (listing->count == LISTING_NAMES_MAX || name.len > UINT16_MAX ||
        name.len > LISTING_BYTES_MAX - listing->names_len) {
        listing->cut = true;
        return false;
    }
    entry.name_at = (uint32_t)listing->names_len;
    entry.name_len = (uint16_t)name.len;
    memcpy(listing->names + listing->names_len, name.at, name.len);
    listing->names_len += name.len;
    listing->entries[listing->count++] = entry;
    return true;
}

/* --- its order --- */

struct sorting {
    const struct listing *listing;
    struct listing_form form;
};

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int compare_names(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return lower(a.at[i]) - lower(b.at[i]);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return len > 0 ? memcmp(a.at, b.at, len) : 0;
}

/* By what the form goes by; directories have no size. */
static int compare_values(const struct listing_entry *a, const struct listing_entry *b,
                          enum listing_order order)
{
    if (order == LISTING_BY_TIME)
        return (a->modified > b->modified) - (a->modified < b->modified);
    if (order == LISTING_BY_SIZE && !a->directory)
        return (a->size > b->size) - (a->size < b->size);
    return 0;
}

static int compare(const void *one, const void *other, void *context)
{
    const struct listing_entry *a = one, *b = other;
    const struct sorting *sorting = context;
    struct listing_form form = sorting->form;

    if (a->directory != b->directory)
        return a->directory ? -1 : 1;
    int values = compare_values(a, b, form.order);
    int names = compare_names(listing_name(sorting->listing, a), listing_name(sorting->listing, b));
    if (form.order == LISTING_BY_NAME)
        values = names;
    if (values != 0)
        return form.descending ? -values : values;
    return names;
}

void listing_sort(struct listing *listing, struct listing_form form)
{
    struct sorting sorting = { listing, form };

    qsort_r(listing->entries, listing->count, sizeof *listing->entries, compare, &sorting);
}

/* --- its forms --- */

struct str listing_order_name(enum listing_order order)
{
    return order_names[order];
}

static void read_parameter(struct listing_form *form, struct str name, struct str value)
{
    if (str_equal(name, STR("order")))
        form->descending = str_equal(value, STR("desc"));
    if (!str_equal(name, STR("sort")))
        return;
    for (int i = 0; i < LISTING_ORDERS; i++)
        if (str_equal(value, order_names[i]))
            form->order = (enum listing_order)i;
}

struct listing_form listing_form_read(struct str query, enum listing_media media)
{
    struct listing_form form = { .media = media };
    struct str parameter, name = { 0 };

    while (str_next(&query, '&', &parameter)) {
        str_next(&parameter, '=', &name);
        read_parameter(&form, name, parameter);
    }
    return form;
}

struct listing_form listing_form_of(unsigned number)
{
    return (struct listing_form){
        .media = (enum listing_media)(number % LISTING_MEDIA),
        .order = (enum listing_order)(number / LISTING_MEDIA % LISTING_ORDERS),
        .descending = number / LISTING_MEDIA / LISTING_ORDERS,
    };
}

void listing_key(struct text *key, struct str path, struct listing_form form)
{
    text_add(key, path);
    text_add(key, str_of("", 1));
    text_add(key, media_names[form.media]);
    text_add(key, STR("."));
    text_add(key, order_names[form.order]);
    text_add(key, form.descending ? STR(".desc") : STR(".asc"));
}

bool listing_key_read(struct str key, struct str *path, struct listing_form *form)
{
    const char *nul = key.len > 0 ? memchr(key.at, '\0', key.len) : NULL;
    char space[LISTING_KEY_MAX];

    if (!nul)
        return false;
    struct str before = str_of(key.at, (size_t)(nul - key.at));
    struct str after = str_of(nul, key.len - before.len);
    for (unsigned i = 0; i < LISTING_FORMS; i++) {
        struct text own = text_in(space, sizeof space);
        *form = listing_form_of(i);
        listing_key(&own, STR(""), *form);
        *path = before;
        if (str_equal(text_str(&own), after))
            return true;
    }
    return false;
}
