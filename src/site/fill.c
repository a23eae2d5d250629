#include "site/fill.h"

#include "base/check.h"
#include "site/compress.h"
#include "site/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { SETTLED_SECONDS = 2 }; /* coarser than the time stamps of any file system we serve from */

/* What stands for a directory, which is what fill->file is without it. */
static void set_name(struct site_fill *fill, struct str name)
{
    struct str suffix = variant_suffix(fill->coding);
    char *end = fill->file + fill->file_dir;

    memcpy(end, name.at, name.len);
    memcpy(end + name.len, suffix.at, suffix.len);
    end[name.len + suffix.len] = '\0';
}

/* The next name that is to be tried for a directory. False when there is none left. */
static bool next_index(struct site_fill *fill)
{
    struct str name;
    bool more = str_next(&fill->index, ',', &name);

    if (more)
        set_name(fill, name);
    return more;
}

/* Where there is no index, and for a listing, it is the directory itself, "dir/.". */
static void set_file(struct site_fill *fill, struct str path, struct str index)
{
    struct str directory;
    struct listing_form form;
    struct variant variant = variant_of_key(path);

    fill->lists = listing_key_read(path, &directory, &form);
    if (fill->lists)
        path = directory;
    fill->coding = variant.coding;
    if (variant.coding != HTTP_IDENTITY) {
        path = variant.path;
        index = variant.index;
    }
    memcpy(fill->file, path.at + 1, path.len - 1);
    fill->file_dir = path.len - 1;
    set_name(fill, STR(""));
    if (!str_ends(path, STR("/")))
        return;
    if (!fill->lists)
        fill->index = index;
    if (!next_index(fill))
        set_name(fill, STR("."));
}

struct site_fill *fill_make(struct str path, uint64_t hash, struct str index)
{
    size_t room = 2 * path.len + index.len + VARIANT_SUFFIX_MAX + sizeof ".";
    struct site_fill *fill = calloc(1, sizeof *fill + room);

    if (!fill)
        return NULL;
    struct text names = text_in((char *)(fill + 1), room);
    text_add(&names, path);
    fill->path = str_of(names.at, path.len);
    fill->file = names.at + path.len;
    set_file(fill, fill->path, index);

    fill->hash = hash;
    fill->steady = true;
    fill->follow = true;
    fill->name_fd = -1;
    fill->fd = -1;
    list_init(&fill->link);
    list_init(&fill->waiting);
    return fill;
}

static struct str keep(struct text *memory, struct str text)
{
    size_t at = memory->len;

    text_add(memory, text);
    return str_of(memory->at + at, text.len);
}

bool fill_set_rules(struct site_fill *fill, const struct entry_rules *rules)
{
    size_t room = rules->type.len + rules->lines.len + rules->cache.len;

    CHECK(fill->state == FILL_START && !fill->rules_memory);
    CHECK(rules->lines.len + rules->cache.len <= ENTRY_RULES_MAX);
    fill->rules.indirect = rules->indirect;
    if (room == 0)
        return true;
    fill->rules_memory = malloc(room);
    if (!fill->rules_memory)
        return false;
    struct text text = text_in(fill->rules_memory, room);
    fill->rules.type = keep(&text, rules->type);
    fill->rules.lines = keep(&text, rules->lines);
    fill->rules.cache = keep(&text, rules->cache);
    return true;
}

void fill_free(struct site_fill *fill)
{
    CHECK(fill->name_fd < 0 && fill->fd < 0 && !fill->made && !fill->old && !fill->survey);
    free(fill->rules_memory);
    free(fill);
}

/* EXDEV is how openat2(2) says that a path would leave the root: to the client there is no such
 * thing. */
static int status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:
    case ENODEV:
        return 404;
    case EACCES:
    case EPERM:
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        return 503;
    default:
        return 500;
    }
}

static bool over(struct site_fill *fill, int status, struct site_entry *entry)
{
    fill->state = FILL_OVER;
    fill->found = (struct site_found){ status, entry };
    return false;
}

/* There is nothing of this name; for a directory there may be one of the next name. */
static bool not_there(struct site_fill *fill)
{
    if (!next_index(fill))
        return over(fill, 404, NULL);
    fill->state = FILL_NEXT;
    return false;
}

static bool ask_open(struct site_fill *fill, enum fill_state state, int root,
                     unsigned long long flags)
{
    fill->state = state;
    fill->ask = (struct site_ask){
        .kind = SITE_ASK_OPEN,
        .fd = root,
        .path = fill->file,
        .how = { .flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS },
    };
    return true;
}

static bool ask_stat(struct site_fill *fill, enum fill_state state, int fd, struct statx *facts)
{
    fill->state = state;
    fill->ask = (struct site_ask){ .kind = SITE_ASK_STAT, .fd = fd, .statx = facts };
    return true;
}

/* What was held is good for longer, or the file is opened. */
static bool open_or_keep(struct site_fill *fill, int root, uint32_t edition)
{
    const struct site_entry *old = fill->old;
    bool good = old && old->settled && old->edition == edition &&
                old->beside == fill->variants.found && entry_matches(old, &fill->facts);

    if (good)
        return over(fill, 200, fill->old);
    return ask_open(fill, FILL_OPENING, root, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

static bool ask_variants(struct site_fill *fill, int root)
{
    fill->state = FILL_BESIDE;
    fill->variants = (struct variants){ .root = root, .file = fill->file };
    fill->ask = (struct site_ask){ .kind = SITE_ASK_VARIANTS, .variants = &fill->variants };
    return true;
}

/* Look at what the name stands for; only a regular file is ever opened. */
static bool looked(struct site_fill *fill, int root, const struct entry_form *form)
{
    bool is_directory = S_ISDIR(fill->facts.stx_mode);

    if (S_ISLNK(fill->facts.stx_mode) && !fill->follow) {
        fill->state = FILL_LINKED;
        fill->follow = true;
        return false;
    }
    if (fill->lists && is_directory)
        return ask_open(fill, FILL_OPENING, root, O_RDONLY | O_DIRECTORY);
    if (is_directory && !str_ends(fill->path, STR("/")))
        return over(fill, 301, NULL);
    if (!S_ISREG(fill->facts.stx_mode))
        return not_there(fill);
    if (form->variants && fill->coding == HTTP_IDENTITY)
        return ask_variants(fill, root);
    return open_or_keep(fill, root, form->edition);
}

/* Anybody can set the time of the last modification back, nobody that of the last change. Either
 * may lie as far ahead as the file system can tell, so nothing is added to it. */
static bool is_settled(const struct statx *facts, int64_t now_unix)
{
    int64_t before = now_unix - SETTLED_SECONDS;

    return facts->stx_mtime.tv_sec < before && facts->stx_ctime.tv_sec < before;
}

/* The entry sends from the file itself. */
static bool send_from_file(struct site_fill *fill)
{
    fill->made->fd = fill->fd;
    fill->fd = -1;
    return over(fill, 200, fill->made);
}

static bool ask_digest(struct site_fill *fill)
{
    fill->state = FILL_HASHING;
    fill->digest = (struct digest){ .fd = fill->fd, .size = fill->facts.stx_size };
    fill->ask = (struct site_ask){ .kind = SITE_ASK_DIGEST, .digest = &fill->digest };
    return true;
}

static bool ask_folder(struct site_fill *fill, int root, struct entry_form form, int64_t now_unix)
{
    fill->state = FILL_LISTING;
    fill->folder = (struct folder){
        .root = root,
        .fd = fill->fd,
        .key = fill->path,
        .dotfiles = fill->dotfiles,
        .form = form,
        .now_unix = now_unix,
    };
    fill->ask = (struct site_ask){ .kind = SITE_ASK_FOLDER, .folder = &fill->folder };
    return true;
}

static bool listed(struct site_fill *fill)
{
    fill->made = fill->folder.made;
    fill->made->hash = fill->hash;
    return over(fill, 200, fill->made);
}

/* Text that is to be compressed has to be held whole, though it may be long. */
static bool is_for_making(const struct site_fill *fill, const struct entry_form *form,
                          struct str type)
{
    return form->compress && fill->coding == HTTP_IDENTITY &&
           fill->facts.stx_size <= form->text_max && compress_suits(type, fill->facts.stx_size);
}

/* Between the two openings the name may have come to stand for something else. What is too long to
 * be hashed, or changes all the time, has no tag made of its bytes. */
static bool measured(struct site_fill *fill, struct entry_form form, int64_t now_unix)
{
    if (!S_ISREG(fill->facts.stx_mode))
        return over(fill, 404, NULL);

    bool steady = fill->tries < FILL_TRIES_MAX;
    if (form.etag == ENTRY_ETAG_HASH && (!steady || fill->facts.stx_size > DIGEST_FILE_MAX))
        form.etag = ENTRY_ETAG_OFF;
    struct str file = str_from(fill->file);
    file.len -= variant_suffix(fill->coding).len;
    if (form.type.len == 0)
        form.type = http_mime_of(form.mime, file);
    if (str_ends(fill->path, STR("/")))
        form.index = str_of(file.at + fill->file_dir, file.len - fill->file_dir);
    const struct str type = form.rules.type.len > 0 ? form.rules.type : form.type;
    bool made = steady && is_for_making(fill, &form, type);
    bool whole = steady && (made || fill->facts.stx_size <= form.whole_max);
    if (made)
        form.unmade = COMPRESS_CODINGS & ~form.codings;
    fill->made = entry_make(fill->path, &fill->facts, whole, form, now_unix);
    if (!fill->made)
        return over(fill, 503, NULL);
    fill->made->hash = fill->hash;
    fill->made->settled = is_settled(&fill->facts, now_unix);
    if (!whole)
        return form.etag == ENTRY_ETAG_HASH ? ask_digest(fill) : send_from_file(fill);

    fill->state = FILL_READING;
    fill->ask = (struct site_ask){ .kind = SITE_ASK_READ,
                                   .fd = fill->fd,
                                   .bytes = entry_room(fill->made),
                                   .len = fill->facts.stx_size };
    return true;
}

/* All that was to be read has been, and the file is as it was before. */
static bool finish(struct site_fill *fill, enum entry_etag etag)
{
    struct site_entry *made = fill->made;

    if (etag == ENTRY_ETAG_HASH && made->bytes)
        digest_of(str_of(made->bytes, made->size), fill->digest.text);
    if (etag == ENTRY_ETAG_HASH)
        entry_set_digest(made, fill->digest.text);
    return made->bytes ? over(fill, 200, made) : send_from_file(fill);
}

/* What changed while it was read is read again, and in the end sent straight from the file. */
static bool agreed(struct site_fill *fill, bool complete, struct entry_form form, int64_t now_unix)
{
    if (complete && entry_matches(fill->made, &fill->again))
        return finish(fill, form.etag);

    fill->made->pins = 0;
    entry_free(fill->made);
    fill->made = NULL;
    fill->tries++;
    fill->steady = fill->tries < FILL_TRIES_MAX;
    fill->facts = fill->again;
    return measured(fill, form, now_unix);
}

/* With RESOLVE_BENEATH a ".." in a link can't be followed while anything is renamed on any file
 * system: openat2(2) wants to be asked again. */
static bool opens_again(struct site_fill *fill, int64_t result)
{
    bool opens = fill->state == FILL_NAMING || fill->state == FILL_OPENING;

    return opens && result == -EAGAIN && fill->opened_again++ < FILL_AGAIN_MAX;
}

static bool failed(struct site_fill *fill, int status)
{
    return fill->state == FILL_NAMING && status == 404 ? not_there(fill) : over(fill, status, NULL);
}

bool fill_step(struct site_fill *fill, int64_t result, int root, struct entry_form form,
               int64_t now_unix)
{
    form.rules = fill->rules;
    form.codings = fill->variants.found;
    if (opens_again(fill, result))
        return true;
    if (result < 0)
        return failed(fill, status_of((int)-result));

    switch (fill->state) {
    case FILL_START:
    case FILL_LINKED:
    case FILL_NEXT:
        return ask_open(fill, FILL_NAMING, root, fill->follow ? O_PATH : O_PATH | O_NOFOLLOW);
    case FILL_NAMING:
        fill->name_fd = (int)result;
        return ask_stat(fill, FILL_LOOKING, fill->name_fd, &fill->facts);
    case FILL_LOOKING:
        return looked(fill, root, &form);
    case FILL_BESIDE:
        return open_or_keep(fill, root, form.edition);
    case FILL_OPENING:
        fill->fd = (int)result;
        if (fill->lists)
            return ask_folder(fill, root, form, now_unix);
        return ask_stat(fill, FILL_MEASURING, fill->fd, &fill->facts);
    case FILL_MEASURING:
        return measured(fill, form, now_unix);
    case FILL_READING:
        fill->read = (uint64_t)result;
        return ask_stat(fill, FILL_AGREEING, fill->fd, &fill->again);
    case FILL_HASHING:
        fill->read = fill->digest.size;
        return ask_stat(fill, FILL_AGREEING, fill->fd, &fill->again);
    case FILL_AGREEING:
        return agreed(fill, fill->read == fill->made->size, form, now_unix);
    case FILL_LISTING:
        return listed(fill);
    case FILL_OVER:
        break;
    }
    CHECK(fill->state != FILL_OVER);
    return false;
}
