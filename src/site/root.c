#include "site/root.h"

#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

static struct site_root *make(int fd, bool owned)
{
    struct site_root *made = malloc(sizeof *made);

    if (made)
        *made = (struct site_root){ .fd = fd, .owned = owned, .uses = 1 };
    return made;
}

int root_init(struct root *root, int fd, struct str path, uint64_t device, uint64_t inode)
{
    *root = (struct root){ .path = path, .now = make(fd, false), .device = device, .inode = inode };
    if (path.len == 0)
        root->next_ms = UINT64_MAX;
    return root->now ? 0 : -ENOMEM;
}

struct site_root *root_use(struct root *root)
{
    root->now->uses++;
    return root->now;
}

int root_unuse(struct site_root *used)
{
    CHECK(used->uses > 0);
    if (--used->uses > 0)
        return -1;
    int fd = used->owned ? used->fd : -1;
    free(used);
    return fd;
}

static bool is_due(struct root *root, uint64_t now_ms)
{
    if (root->path.len == 0 || root->survey)
        return false;
    return now_ms >= root->next_ms || (root->way && root->way->dead);
}

struct survey *root_ask(struct root *root, int inotify, const struct news *news, uint64_t now_ms)
{
    if (inotify < 0 || !is_due(root, now_ms))
        return NULL;
    root->news = news->count;
    root->survey = survey_make(inotify, -1, root->path);
    root->next_ms = now_ms + ROOT_CHECK_MS;
    return root->survey;
}

static void leave_way(struct root *root)
{
    if (root->way)
        routes_unpin(root->way);
    root->way = NULL;
}

/* From now on events tell, or the clock does. */
static void take_way(struct root *root, struct routes *routes, bool sound, uint64_t now_ms)
{
    leave_way(root);
    root->next_ms = now_ms + ROOT_CHECK_MS;
    if (!sound) {
        routes_waste(routes, root->survey);
        return;
    }
    root->way = routes_add(routes, STR(""), 0, root->survey);
    if (!root->way)
        return;
    routes_pin(routes, root->way);
    if (root->way->watched)
        root->next_ms = UINT64_MAX;
}

static bool is_another(const struct root *root, const struct survey *survey)
{
    return survey->device != root->device || survey->inode != root->inode;
}

bool root_found(struct root *root, struct routes *routes, const struct news *news, uint64_t now_ms,
                int *fd)
{
    struct survey *survey = root->survey;
    bool sound = !news_concern(news, root->news, survey);
    struct site_root *another = NULL;

    take_way(root, routes, sound, now_ms);
    if (!sound)
        root->next_ms = now_ms; /* at once */
    if (survey->fd >= 0 && is_another(root, survey)) {
        another = make(survey->fd, true);
        if (!another) /* memory is short, and no event will tell of it again */
            root->next_ms = now_ms + ROOT_CHECK_MS;
    }
    *fd = survey->fd;
    if (another) {
        *fd = root_unuse(root->now);
        root->now = another;
        root->device = survey->device;
        root->inode = survey->inode;
    }
    survey->fd = -1;
    survey_free(survey);
    root->survey = NULL;
    return another;
}

bool root_is_watched(const struct root *root)
{
    return root->path.len == 0 || (root->way && root->way->watched && !root->way->dead);
}

int root_release(struct root *root)
{
    struct site_root *last = root->now;

    CHECK(!root->survey);
    leave_way(root);
    root->now = NULL;
    return last ? root_unuse(last) : -1;
}
