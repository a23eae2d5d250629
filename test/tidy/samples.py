"""Small files that break one rule each, and files that break none, for tidy.py --self."""


def function_of(lines):
    """A function that takes up so many lines, with its head and braces."""
    return 'int long_one(void)\n{\n' + '    step();\n' * (lines - 4) + '    return 0;\n}\n'


def header(guard, body):
    return f'#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n'


# (the rule that fires, alone; the path it is to be read as; the text)
BAD = [
    ('line_length', 'src/base/a.c', 'int a(void); /* ' + 'x' * 82 + ' */\n'),
    ('line_length', 'test/io/a.py', '#' * 101 + '\n'),
    ('no_tabs', 'src/base/a.c', 'int\ta(void);\n'),
    ('no_trailing_space', 'cmake/a.cmake', 'set(a b) \n'),
    ('final_newline', 'src/base/a.c', 'int a(void);'),
    ('final_newline', 'bench/a.sh', 'true\n\n'),
    ('fuzzy_words', 'src/base/a.c', '/* ' + 'TO' 'DO: more */\n'),
    ('fuzzy_words', 'test/io/a.py', '# ' + 'XX' 'X\n'),
    ('no_climbing_include', 'src/base/a.c', '#include "../a.h"\n'),
    ('room_arrows', 'src/http/a.c', '#include "io/io.h"\n'),
    ('room_arrows', 'src/site/a.c', '#include "io/io.h"\n'),
    ('room_arrows', 'src/site/a.c', '#include "app/route.h"\n'),
    ('room_arrows', 'src/app/a.c', '#include "site/site.h"\n'),
    ('room_arrows', 'src/io/a.c', '#include "http/path.h"\n'),
    ('room_arrows', 'src/tls/a.c', '#include "io/io.h"\n'),
    ('room_arrows', 'src/base/a.c', '#include "http/path.h"\n'),
    ('room_arrows', 'src/attic/a.c', '#include "base/str.h"\n'),
    ('public_header_users', 'src/http/a.c', '#include "ringlet.h"\n'),
    ('owned_headers', 'src/server/a.c', '#include <sys/epoll.h>\n'),
    ('owned_headers', 'src/server/a.c', '#include <liburing.h>\n'),
    ('owned_headers', 'src/tls/a.c', '#include <linux/io_uring.h>\n'),
    ('owned_headers', 'src/server/a.c', '#include <openssl/ssl.h>\n'),
    ('no_conditionals', 'src/io/a.c', '#ifdef USE_EPOLL\n#endif\n'),
    ('no_conditionals', 'src/io/a.c', '#if 0\n#endif\n'),
    ('no_conditionals', 'src/io/a.c', '#ifndef IO_A_H\n#define IO_A_H\n#endif\n'),
    ('no_conditionals', 'src/io/b.h', header('IO_B_H', '#ifndef B\n#define B 1\n#endif')),
    ('header_guard', 'src/io/b.h', header('B_H', 'struct b;')),
    ('header_guard', 'src/io/b.h', '#pragma once\n'),
    ('no_struct_typedef', 'src/io/a.c', 'typedef struct a {\n    int b;\n} a_t;\n'),
    ('no_struct_typedef', 'test/io/a.c', 'typedef struct a a_t;\n'),
    ('banned_calls', 'src/io/a.c', 'void a(char *b)\n{\n    strcpy(b, "c");\n}\n'),
    ('banned_calls', 'test/io/a.c', 'int a(char *b)\n{\n    return atoi (b);\n}\n'),
    ('pure_http', 'src/http/a.c', 'void *a(void)\n{\n    return malloc(1);\n}\n'),
    ('pure_http', 'src/http/mime.c', 'long a(void)\n{\n    return time(NULL);\n}\n'),
    ('function_length', 'src/io/a.c', function_of(71)),
    ('no_local_static', 'src/io/a.c', 'int a(void)\n{\n    static int b;\n    return b++;\n}\n'),
    ('no_mutable_global', 'src/io/a.c', 'static int counter;\n'),
    ('no_mutable_global', 'src/io/a.c', 'static const char *name = "a";\n'),
    ('no_mutable_global', 'src/io/a.c', 'static struct { int b; } c = { 1 };\n'),
    ('no_mutable_global', 'src/io/a.c', 'static int (*hook)(int);\n'),
    ('no_mutable_global', 'src/io/b.h', header('IO_B_H', '/* Of b. */\nextern int b_count;\n')),
    ('public_comment', 'src/io/b.h', header('IO_B_H', 'int b_do(int c);\n')),
    ('public_comment', 'src/io/b.h', header('IO_B_H', '/* Far. */\n\nint b(int c,\n    int d);')),
    ('public_comment', 'include/ringlet.h', header('RINGLET_H', 'void ringlet_stop(void);\n')),
]

GOOD_HEADER = '''/* b.h - a word of the house. */
#ifndef IO_B_H
#define IO_B_H

#include "base/str.h"

enum { B_MAX = 3 };

struct b {
    int (*call)(struct b *, int);
};

/* Two that belong together. */
int b_first(struct b *b);
int b_last(struct b *b) __attribute__((nonnull));

static inline int b_next(int n)
{
    return n + 1;
}

extern const struct b b_standard;

#endif
'''

GOOD_SOURCE = '''#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "io/b.h"

#include <liburing.h>
#include <sys/epoll.h>

static_assert(B_MAX > 2, "strcpy( in a literal is no call");

/* static int counter; strcpy(a, b) in a comment is neither. */
static const char *const names[] = { "a", "b;}" };
static const struct {
    int code;
    const char *text;
} table[] = {
    { '{', "#if" },
};
static int (*const calls[])(struct b *) = { b_first };
const struct b b_standard = { 0 };

static int helper(struct b *b);

static int helper(struct b *b)
{
    static_assert(sizeof table > 1, "it has a row");
    static_cast_of(b->free(b), b->read(1));
    return snprintf(NULL, 0, "%s%d", names[0], table[0].code) + my_strcpy(calls);
}
'''

GOOD = [
    ('src/io/b.h', GOOD_HEADER),
    ('src/io/b.c', GOOD_SOURCE),
    ('src/io/a.c', function_of(70)),
    ('src/io/uring_compat.h', header('IO_URING_COMPAT_H', '#ifndef A\n#define A 1\n#endif')),
    ('src/server/a.c', '#include "io/io.h"\n#include "site/site.h"\n#include "ringlet.h"\n'),
    ('src/http/mime.c', 'void a(void *b)\n{\n    free(b);\n}\n'),
    ('src/http/a.c', 'void a(struct b *b)\n{\n    b->read(b);\n    http_time(b);\n}\n'),
    ('test/io/a.c', 'static int counter;\n#ifdef __clang__\n#endif\n'),
    ('test/io/fake.h', header('TEST_FAKE_H', 'int fake(void);')),
    ('src/base/a.c', '/* ' + 'x' * 94 + ' */\n'),
]
