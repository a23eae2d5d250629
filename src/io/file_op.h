/* file_op.h - an io_file_op done with plain system calls. It may block: for helper threads. */
#ifndef IO_FILE_OP_H
#define IO_FILE_OP_H

#include "io/io.h"

/* Do it; the outcome is in op->result. */
void file_op_run(struct io_file_op *op);

#endif
