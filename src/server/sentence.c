#include "server/sentence.h"

#include <stdarg.h>
#include <stdio.h>

void sentence_set(struct sentence *sentence, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(sentence->text, sizeof sentence->text, format, args);
    va_end(args);
}
