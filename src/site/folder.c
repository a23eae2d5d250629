#include "site/folder.h"

#include "base/check.h"
#include "http/path.h"
#include "site/listing_json.h"
#include "site/listing_page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One directory being read. */
struct reading {
    const struct folder *folder;
    struct str path; /* of the directory */
    struct listing_form form;
    struct listing listing;
};

static bool is_wanted(const struct reading *r, struct str name)
{
    if (str_equal(name, STR(".")) || str_equal(name, STR("..")))
        return false;
    if (name.at[0] == '.' && !r->folder->dotfiles)
        return false;
    return r->path.len > 1 ||
           !(str_equal(name, STR("_headers")) || str_equal(name, STR("_redirects")));
}

/* Look at a file in the way that openat2(2) gives it, or not: links must stay below the root. */
static bool look_through_link(const struct reading *r, struct str name, struct statx *facts)
{
    const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                                  .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    char space[HTTP_PATH_MAX + NAME_MAX + 1];
    struct text path = text_in(space, sizeof space);
    int fd = -1;

    text_add(&path, str_of(r->path.at + 1, r->path.len - 1));
    text_add(&path, name);
    text_add(&path, str_of("", 1));
    if (path.cut)
        return false;
    for (int i = 0; i < FOLDER_AGAIN_MAX && fd < 0; i++) {
        fd = (int)syscall(SYS_openat2, r->folder->root, space, &how, sizeof how);
        if (fd < 0 && errno != EAGAIN)
            return false;
    }
    if (fd < 0)
        return false;
    bool found = statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, facts) == 0;
    close(fd);
    return found;
}

static bool look_at(const struct reading *r, struct str name, struct statx *facts)
{
    if (statx(r->folder->fd, name.at, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, facts) < 0)
        return false;
    return !S_ISLNK(facts->stx_mode) || look_through_link(r, name, facts);
}

/* False when there is no room for more. */
static bool add_name(struct reading *r, struct str name)
{
    struct statx facts;

    if (!is_wanted(r, name) || !look_at(r, name, &facts))
        return true;
    if (!S_ISREG(facts.stx_mode) && !S_ISDIR(facts.stx_mode))
        return true;
    struct listing_entry entry = { .size = facts.stx_size,
                                   .modified = facts.stx_mtime.tv_sec,
                                   .directory = S_ISDIR(facts.stx_mode) };
    return listing_add(&r->listing, name, entry);
}

/* What one call of getdents64(2) gave. False when there is no room for more. */
static bool add_names(struct reading *r, const char *records, size_t len)
{
    size_t at = 0;

    while (at < len) {
        const struct dirent64 *record = (const struct dirent64 *)(const void *)(records + at);
        if (!add_name(r, str_from(record->d_name)))
            return false;
        at += record->d_reclen;
    }
    return true;
}

/* 0 or -errno. */
static int read_names(struct reading *r)
{
    _Alignas(struct dirent64) char records[FOLDER_READ_BYTES];
    bool more = true;

    while (more) {
        ssize_t len = getdents64(r->folder->fd, records, sizeof records);
        if (len < 0)
            return -errno;
        more = len > 0 && add_names(r, records, (size_t)len);
    }
    return 0;
}

/* It has no time of its own: that of a directory does not tell when a file in it was written. */
static struct site_entry *make(const struct reading *r, struct str bytes)
{
    const struct statx facts = { .stx_size = bytes.len };
    struct entry_form form = r->folder->form;
    char digest[DIGEST_LEN];

    form.type =
        r->form.media == LISTING_JSON ? STR("application/json") : STR("text/html; charset=utf-8");
    form.lines = form.rules.cache.len > 0 ? STR("Vary: Accept\r\n")
                                          : STR("Cache-Control: no-cache\r\nVary: Accept\r\n");
    form.rules.type = STR("");
    form.undated = true;
    if (form.etag == ENTRY_ETAG_TIME)
        form.etag = ENTRY_ETAG_HASH;
    struct site_entry *made = entry_make(r->folder->key, &facts, true, form, r->folder->now_unix);
    if (!made)
        return NULL;
    memcpy(entry_room(made), bytes.at, bytes.len);
    digest_of(bytes, digest);
    if (form.etag == ENTRY_ETAG_HASH)
        entry_set_digest(made, digest);
    return made;
}

/* Room for the most that it may come to: what is not written to costs no memory. */
static struct site_entry *write_listing(struct reading *r)
{
    bool json = r->form.media == LISTING_JSON;
    size_t max =
        json ? listing_json_max(&r->listing, r->path) : listing_page_max(&r->listing, r->path);
    struct text out = text_in(malloc(max), max);
    struct site_entry *made;

    if (!out.at)
        return NULL;
    listing_sort(&r->listing, r->form);
    if (json)
        listing_json_write(&out, &r->listing, r->path);
    else
        listing_page_write(&out, &r->listing, r->path, r->form);
    CHECK(!out.cut);
    made = make(r, text_str(&out));
    free(out.at);
    return made;
}

void folder_run(struct folder *folder)
{
    struct reading r = { .folder = folder };

    CHECK(listing_key_read(folder->key, &r.path, &r.form));
    folder->made = NULL;
    folder->error = listing_init(&r.listing);
    if (folder->error == 0)
        folder->error = read_names(&r);
    if (folder->error == 0) {
        folder->made = write_listing(&r);
        folder->error = folder->made ? 0 : -ENOMEM;
    }
    listing_release(&r.listing);
}
