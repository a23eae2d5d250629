/* pem_folder.h - a directory of its own with certificates and keys, for tests. */
#ifndef TEST_SERVER_PEM_FOLDER_H
#define TEST_SERVER_PEM_FOLDER_H

#include "server/config.h"
#include "tls/self_signed.h"

#include <limits.h>

struct pem_folder {
    char path[64];
    char names[4][128]; /* of pem_folder_path */
    unsigned next;
};

/* Make it, and remove it with all that is in it. */
void pem_folder_open(struct pem_folder *folder);
void pem_folder_close(struct pem_folder *folder);

/* The path of a name in it; valid until three more were asked for. */
const char *pem_folder_path(struct pem_folder *folder, const char *name);

/* Put a file of that name there, in place of what there was: written elsewhere, then renamed. */
void pem_folder_put(struct pem_folder *folder, const char *name, struct str bytes);

/* Make a pair, and put it there. */
void pem_folder_put_pair(struct pem_folder *folder, const char *cert, const char *key,
                         struct tls_self_signed *made);

/* A config of one pair, whose names are the caller's. */
void pem_config(struct config *config, const char *cert, const char *key);

#endif
