/* Run a fuzz target over every file of the folders that are named, where there is no fuzzer. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns whether there was a file to run. */
static int run_file(const char *folder, const char *name)
{
    char path[PATH_MAX];
    uint8_t *bytes = malloc(INPUT_MAX);

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || !bytes) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    /* memory of its very size, for the sanitizer to watch its end */
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (!input)
        exit(1);
    for (size_t i = 0; i < size; i++)
        input[i] = bytes[i];
    LLVMFuzzerTestOneInput(input, size);
    free(input);
    free(bytes);
    return 1;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    if (!dir) {
        perror(folder);
        exit(1);
    }
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            count += run_file(folder, entry->d_name);
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++)
        count += run_folder(argv[i]);
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
