#include "server/file_reads.h"

#include "base/check.h"
#include "server/core.h"

#include <stdlib.h>

struct file_read {
    struct io_file_op op;
    struct file_want *want;   /* NULL: nobody waits for it any more */
    struct site_entry *entry; /* pinned while it is read; NULL: the reader is free */
    char bytes[FILE_READ_SIZE];
};

void file_reads_init(struct file_reads *reads)
{
    reads->all = NULL;
    list_init(&reads->waiting);
}

void file_reads_release(struct file_reads *reads)
{
    free(reads->all);
    reads->all = NULL;
}

void file_want_init(struct file_want *want)
{
    *want = (struct file_want){ .read = NULL };
    list_init(&want->link);
}

bool file_want_is_open(const struct file_want *want)
{
    return want->read || !list_empty(&want->link);
}

static struct file_read *find_free(struct file_reads *reads)
{
    for (int i = 0; i < FILE_READS_MAX; i++)
        if (!reads->all[i].entry)
            return &reads->all[i];
    return NULL;
}

static void start(struct core *core, struct file_read *read, struct file_want *want)
{
    read->want = want;
    read->entry = want->entry;
    want->read = read;
    site_pin(read->entry);
    read->op = (struct io_file_op){
        .kind = IO_FILE_READ,
        .fd = read->entry->fd,
        .bytes = read->bytes,
        .len = want->len,
        .offset = (off_t)want->at,
    };
    core->errands++;
    core->source.engine->file(core->source.io, &read->op);
}

bool file_reads_begin(struct core *core, struct file_want *want, struct site_entry *entry,
                      uint64_t at, size_t len)
{
    struct file_reads *reads = &core->secure->reads;

    CHECK(len <= FILE_READ_SIZE && !file_want_is_open(want));
    if (!reads->all)
        reads->all = calloc(FILE_READS_MAX, sizeof *reads->all);
    if (!reads->all)
        return false;
    want->entry = entry;
    want->at = at;
    want->len = len;
    struct file_read *read = find_free(reads);
    if (read)
        start(core, read, want);
    else
        list_append(&reads->waiting, &want->link);
    return true;
}

void file_reads_drop(struct file_want *want)
{
    list_remove(&want->link);
    if (want->read)
        want->read->want = NULL;
    want->read = NULL;
}

static struct file_read *reader_of(const struct core *core, const struct io_event *event)
{
    struct file_read *all = core->secure ? core->secure->reads.all : NULL;
    struct file_read *read = CONTAINER_OF(event->file, struct file_read, op);
    bool ours = all && (uintptr_t)read >= (uintptr_t)all &&
                (uintptr_t)read < (uintptr_t)(all + FILE_READS_MAX);

    return ours ? read : NULL;
}

bool file_reads_done(struct core *core, const struct io_event *event, struct file_want **want,
                     struct str *bytes, int *error)
{
    struct file_read *read = reader_of(core, event);

    if (!read)
        return false;
    core->errands--;
    *want = read->want;
    *error = event->result < 0 ? event->result : 0;
    *bytes = str_of(read->bytes, event->result < 0 ? 0 : (size_t)event->result);
    if (*want)
        (*want)->read = NULL;
    return true;
}

void file_reads_end(struct core *core, const struct io_event *event)
{
    struct file_read *read = reader_of(core, event);
    struct list *next = list_take(&core->secure->reads.waiting);

    site_unpin(&core->site, read->entry);
    read->entry = NULL;
    if (next)
        start(core, read, CONTAINER_OF(next, struct file_want, link));
}
