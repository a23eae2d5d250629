#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pem_folder.h"

#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void pem_folder_open(struct pem_folder *folder)
{
    *folder = (struct pem_folder){ .path = "/tmp/ringlet-pem-XXXXXX" };
    assert_non_null(mkdtemp(folder->path));
}

const char *pem_folder_path(struct pem_folder *folder, const char *name)
{
    char *path = folder->names[folder->next++ % 4];
    struct text text = text_in(path, sizeof folder->names[0] - 1);

    text_add(&text, str_from(folder->path));
    text_add(&text, STR("/"));
    text_add(&text, str_from(name));
    assert_false(text.cut);
    path[text.len] = '\0';
    return path;
}

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char below[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            empty(below);
        remove(below);
    }
    if (dir)
        closedir(dir);
}

void pem_folder_close(struct pem_folder *folder)
{
    empty(folder->path);
    assert_int_equal(rmdir(folder->path), 0);
}

void pem_folder_put(struct pem_folder *folder, const char *name, struct str bytes)
{
    char path[128], new[160];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    snprintf(new, sizeof new, "%s.new", path);
    assert_non_null(file = fopen(new, "w"));
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(new, path), 0);
}

void pem_folder_put_pair(struct pem_folder *folder, const char *cert, const char *key,
                         struct tls_self_signed *made)
{
    assert_int_equal(tls_self_signed_make(made, NULL, 0, time(NULL)), 0);
    pem_folder_put(folder, cert, str_of(made->certificate, made->certificate_len));
    pem_folder_put(folder, key, str_of(made->key, made->key_len));
}

void pem_config(struct config *config, const char *cert, const char *key)
{
    config->tls = true;
    config->tls_certs.count = config->tls_keys.count = 1;
    config->tls_certs.items[0] = str_from(cert);
    config->tls_keys.items[0] = str_from(key);
}
