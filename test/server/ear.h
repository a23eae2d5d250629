/* ear.h - what the process says on standard error, heard for a while. */
#ifndef TEST_EAR_H
#define TEST_EAR_H

enum { EAR_SIZE = 8192 };

struct ear {
    int heard, before;
    char said[EAR_SIZE];
};

/* From here on. What is said until ear_close must fit into a pipe. */
void ear_open(struct ear *ear);

/* Until here; what was said stays in the ear. */
const char *ear_close(struct ear *ear);

#endif
