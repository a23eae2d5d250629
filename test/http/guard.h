/* guard.h - bytes that lie flush against memory that must not be touched. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARD_PAGE = 4096, GUARD_PAGES = 20, GUARD_MAX = GUARD_PAGE * GUARD_PAGES };

/* GUARD_MAX bytes between two pages that fault. */
struct guard {
    char *first;
};

static inline struct guard guard_make(void)
{
    size_t size = GUARD_MAX + 2 * GUARD_PAGE;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(base != MAP_FAILED);
    assert_int_equal(mprotect(base, GUARD_PAGE, PROT_NONE), 0);
    assert_int_equal(mprotect(base + size - GUARD_PAGE, GUARD_PAGE, PROT_NONE), 0);
    return (struct guard){ base + GUARD_PAGE };
}

static inline void guard_free(struct guard guard)
{
    munmap(guard.first - GUARD_PAGE, GUARD_MAX + 2 * GUARD_PAGE);
}

/* A copy that the page behind it ends. */
static inline char *guard_at_end(struct guard guard, const void *bytes, size_t len)
{
    char *at = guard.first + GUARD_MAX - len;

    assert_true(len <= GUARD_MAX);
    if (len > 0)
        memcpy(at, bytes, len);
    return at;
}

/* A copy that the page before it begins. */
static inline char *guard_at_start(struct guard guard, const void *bytes, size_t len)
{
    assert_true(len <= GUARD_MAX);
    if (len > 0)
        memcpy(guard.first, bytes, len);
    return guard.first;
}

#endif
