#include "base/list.h"

size_t list_count(const struct list *list)
{
    size_t count = 0;

    for (const struct list *node = list->next; node != list; node = node->next)
        count++;
    return count;
}
