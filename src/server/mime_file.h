/* mime_file.h - the file of media types that --mime-types names, read at start. */
#ifndef SERVER_MIME_FILE_H
#define SERVER_MIME_FILE_H

#include "http/mime.h"

enum { MIME_FILE_MAX = 4 * 1024 * 1024 }; /* bytes; a longer one is refused with EFBIG */

/* To be freed with http_mime_free; NULL with errno. */
struct http_mime *mime_file_read(const char *path);

#endif
