/* cpus.h - which CPUs this process may use, and how many of them a cgroup pays for.
 *
 * Lists of CPUs are ascending where they come from the kernel, and in the order given where they
 * come from the operator. An array given to this room holds CORES_MAX. */
#ifndef SERVER_CPUS_H
#define SERVER_CPUS_H

#include "base/str.h"
#include "base/text.h"
#include "server/sentence.h"

/* The CPUs this thread may run on (sched_getaffinity(2)), ascending, into `cpus`. Returns how many,
 * or 0 when the kernel doesn't say (more than CORES_MAX CPUs). */
unsigned cpus_allowed(int *cpus);

/* Read a list such as "0,2-3": every CPU among the `count` in `allowed`, and named once. Returns
 * how many it named, in the order of the list, into `cpus`; or 0 with the reason in *why. */
unsigned cpus_parse(struct str list, const int *allowed, unsigned count, int *cpus,
                    struct sentence *why);

/* "0-1,4" for an ascending list. */
void cpus_write(struct text *out, const int *cpus, unsigned count);

/* How many CPUs the cgroup of this process may use: the smallest quota of it and its ancestors, in
 * version 2 (cpu.max) and 1 (cpu.cfs_quota_us), rounded up. 0 when there is none. `prefix` goes
 * before every absolute path read: "" for the system, a made-up tree in tests. */
unsigned cpus_quota(const char *prefix);

/* The cores to start when the operator names no number: all that are allowed, but no more than the
 * quota pays for. At least 1. */
unsigned cpus_default(unsigned allowed, unsigned quota);

#endif
