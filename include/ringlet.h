/* ringlet.h - what a program that embeds ringlet may rely on.
 *
 * So far that is the version this tree builds: the handler interface is not part of it yet. */
#ifndef RINGLET_H
#define RINGLET_H

/* The version, as numbers to compare and as text to show. CMake reads it from here. */
#define RINGLET_VERSION_MAJOR 0
#define RINGLET_VERSION_MINOR 1
#define RINGLET_VERSION_PATCH 0
#define RINGLET_VERSION "0.1.0"

#endif
