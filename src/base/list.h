/* list.h - a doubly linked list through its members.
 *
 * A member embeds a `struct list`; the list owns nothing. A member that is on no list points at
 * itself, so removing it twice is harmless. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

/* The struct that holds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first member, or NULL. */
static inline struct list *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->next;
}

/* The first member, taken off the list, or NULL. */
static inline struct list *list_take(struct list *list)
{
    struct list *node = list_first(list);

    if (node)
        list_remove(node);
    return node;
}

/* How many members there are; walks them. For tests and reports. */
size_t list_count(const struct list *list);

#endif
