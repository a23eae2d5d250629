#include "server/sentence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sentence_clean(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
}

void sentence_set(struct sentence *sentence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(sentence->text, sizeof sentence->text, format, args);
    va_end(args);
    sentence_clean(sentence->text, strlen(sentence->text));
}
