/* check.h - stop the process where our own code has broken its word.
 *
 * CHECK is for what only a mistake in ringlet can cause; it is on in every build. What a peer, the
 * kernel, the disk or the operator can cause is an error to handle, never a check. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

/* Say on stderr which condition failed and where, then abort(3). Never returns. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
