/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/memory.h"

#include <string.h>

static void *or_abort(void *p)
{
	if (!p)
		abort();
	return p;
}

void *xmalloc(size_t size)
{
	return or_abort(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return or_abort(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return or_abort(realloc(p, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		abort();
	return xrealloc(p, total);
}

char *xstrdup(const char *s)
{
	return or_abort(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return or_abort(strndup(s, n));
}

void *xmemdup(const void *p, size_t size)
{
	return memcpy(xmalloc(size), p, size);
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

static int is_power_of_two(size_t n)
{
	return (n & (n - 1)) == 0;
}

void *array_add(void *items, size_t *n_items, size_t item_size)
{
	size_t n = *n_items;

	if (n == 0)
		items = xreallocarray(items, 1, item_size);
	else if (is_power_of_two(n))
		items = xreallocarray(items, n * 2, item_size);
	memset((char *)items + n * item_size, 0, item_size);
	*n_items = n + 1;
	return items;
}
