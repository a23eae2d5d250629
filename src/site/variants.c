#include "site/variants.h"

#include "base/check.h"
#include "base/text.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static const struct str suffixes[HTTP_CODINGS] = {
    [HTTP_IDENTITY] = STR_INIT(""),
    [HTTP_GZIP] = STR_INIT(".gz"),
    [HTTP_ZSTD] = STR_INIT(".zst"),
    [HTTP_BR] = STR_INIT(".br"),
};

struct str variant_suffix(enum http_coding coding)
{
    return suffixes[coding];
}

struct str variant_key(struct str path, struct str index, enum http_coding coding,
                       char space[VARIANT_KEY_MAX])
{
    struct text key = text_in(space, VARIANT_KEY_MAX);

    text_add(&key, path);
    text_add(&key, str_of("", 1));
    text_add(&key, http_coding_name(coding));
    if (index.len > 0) {
        text_add(&key, str_of("", 1));
        text_add(&key, index);
    }
    CHECK(!key.cut && coding != HTTP_IDENTITY);
    return text_str(&key);
}

/* Up to the next NUL, which is taken, too. */
static struct str next_part(struct str *key)
{
    struct str part = *key;
    const char *nul = key->len > 0 ? memchr(key->at, '\0', key->len) : NULL;
    size_t used = key->len;

    if (nul) {
        part.len = (size_t)(nul - key->at);
        used = part.len + 1;
    }
    *key = str_of(key->at + used, key->len - used);
    return part;
}

struct variant variant_of_key(struct str key)
{
    struct str rest = key;
    struct str path = next_part(&rest);
    struct str name = next_part(&rest);

    for (int i = HTTP_IDENTITY + 1; name.len > 0 && i < HTTP_CODINGS; i++)
        if (str_equal(name, http_coding_name((enum http_coding)i)))
            return (struct variant){ path, rest, (enum http_coding)i };
    return (struct variant){ key, STR(""), HTTP_IDENTITY };
}

bool variant_has_name(struct str name, struct str *file)
{
    for (int i = HTTP_IDENTITY + 1; i < HTTP_CODINGS; i++)
        if (name.len > suffixes[i].len && str_ends(name, suffixes[i])) {
            *file = str_of(name.at, name.len - suffixes[i].len);
            return true;
        }
    return false;
}

/* No descriptor is needed for it, so it does not fail where they are used up. That a name leaves
 * the root is found out when it is opened. */
static bool is_there(int root, struct str file, struct str suffix)
{
    char space[PATH_MAX];
    struct text name = text_in(space, sizeof space);
    struct stat facts;

    text_add(&name, file);
    text_add(&name, suffix);
    text_add(&name, str_of("", 1));
    if (name.cut || fstatat(root, space, &facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return false;
    /* what is empty is no coded form of anything: it is about to be written */
    return S_ISREG(facts.st_mode) ? facts.st_size > 0 : S_ISLNK(facts.st_mode);
}

void variants_run(struct variants *variants)
{
    struct str file = str_from(variants->file);

    variants->found = 0;
    for (int i = HTTP_IDENTITY + 1; i < HTTP_CODINGS; i++)
        if (is_there(variants->root, file, suffixes[i]))
            variants->found |= 1u << i;
}
