/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocation that aborts when memory runs out, and the cleanup attributes of the basic owners.
 * Every change is made in a scratch file and every image has a process of its own, so dying is
 * safe.
 */
#ifndef COLDPATCH_BASE_MEMORY_H
#define COLDPATCH_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *xmalloc(size_t size) __attribute__((malloc));
void *xcalloc(size_t n, size_t size) __attribute__((malloc));
void *xrealloc(void *p, size_t size);
/* Grows an array to hold n items of `size` bytes; aborts on overflow of the product. */
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc));
char *xstrndup(const char *s, size_t n) __attribute__((malloc));
void *xmemdup(const void *p, size_t size) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), malloc));

/* Adds one zeroed item at the end of a growing array; capacity doubles at powers of two.
 * Use: struct x *new = ARRAY_ADD(list->items, list->n_items); */
void *array_add(void *items, size_t *n_items, size_t item_size);
#define ARRAY_ADD(items, n_items)                                                                  \
	(((items) = array_add((items), &(n_items), sizeof *(items))), &(items)[(n_items)-1])

/* Hands a pointer over: returns it and leaves NULL behind. */
#define steal(pointer)                                                                             \
	({                                                                                         \
		__typeof__(pointer) stolen_ = (pointer);                                           \
		(pointer) = NULL;                                                                  \
		stolen_;                                                                           \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_p(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Frees an array of strings of its own. */
static inline void strings_free(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

/* For qsort and bsearch of an array of strings. */
static inline int strings_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define CLEANUP_FREE   __attribute__((cleanup(free_p)))
#define CLEANUP_CLOSE  __attribute__((cleanup(close_p)))
#define CLEANUP_FCLOSE __attribute__((cleanup(fclose_p)))

/* Defines the cleanup function `noun_free_p` for an owner freed by `noun_free(struct noun *)`. */
#define DEFINE_CLEANUP(type, function)                                                             \
	static inline void function##_p(type **p)                                                  \
	{                                                                                          \
		function(*p);                                                                      \
	}
#define CLEANUP(function) __attribute__((cleanup(function##_p)))

#endif
