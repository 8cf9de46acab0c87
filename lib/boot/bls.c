/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/bls.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"

struct names {
	char **items;
	size_t n_items;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		free(names->items[i]);
	free(names->items);
}

/* Some keys may be given several times: options are joined, of initrds the last one counts. */
static void set_key(struct menu_item *item, const char *key, const char *value)
{
	const struct {
		const char *key;
		char **member;
	} members[] = {
		{"title", &item->title},
		{"version", &item->version},
		{"linux", &item->kernel},
		{"initrd", &item->initrd},
	};

	if (strcmp(key, "options") == 0 && item->options) {
		char *joined = xasprintf("%s %s", item->options, value);

		free(item->options);
		item->options = joined;
		return;
	}
	if (strcmp(key, "options") == 0)
		item->options = xstrdup(value);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strcmp(members[i].key, key) == 0) {
			free(*members[i].member);
			*members[i].member = xstrdup(value);
		}
}

static void parse_line(char *line, struct menu_item *item)
{
	char *value;
	size_t len;

	line += strspn(line, " \t");
	value = line + strcspn(line, " \t");
	if (*line == '#' || !*value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	len = strlen(value);
	while (len && strchr(" \t\r", value[len - 1]))
		value[--len] = '\0';
	if (len)
		set_key(item, line, value);
}

void bls_parse(const char *buf, size_t len, const char *id, struct menu *menu)
{
	CLEANUP_FREE char *copy = xstrndup(buf ? buf : "", len);
	struct menu_item *item = menu_add(menu);
	char *rest = copy, *line;

	if (!item)
		return;
	item->id = xstrdup(id);
	while ((line = strsep(&rest, "\n")))
		parse_line(line, item);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int compare_numbers(const char **a, const char **b)
{
	size_t len_a, len_b;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	len_a = strspn(*a, "0123456789");
	len_b = strspn(*b, "0123456789");
	order = len_a != len_b ? (len_a < len_b ? -1 : 1) : memcmp(*a, *b, len_a);
	*a += len_a;
	*b += len_b;
	return order;
}

int bls_compare_versions(const char *a, const char *b)
{
	int order = 0;

	while (order == 0 && *a && *b) {
		if (is_digit(*a) && is_digit(*b)) {
			order = compare_numbers(&a, &b);
		} else {
			order = (unsigned char)*a - (unsigned char)*b;
			a++;
			b++;
		}
	}
	return order ? order : (*a != '\0') - (*b != '\0');
}

static int newest_first(const void *a, const void *b)
{
	const char *const *name_a = a, *const *name_b = b;

	return bls_compare_versions(*name_b, *name_a);
}

static int collect(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct names *names = opaque;
	size_t len = strlen(name);

	(void)ino;
	(void)err;
	if (len > 5 && strcmp(name + len - 5, ".conf") == 0 && names->n_items < MENU_MAX_ITEMS)
		*ARRAY_ADD(names->items, names->n_items) = xstrdup(name);
	return 0;
}

static int read_entry(struct tree *tree, const char *directory, const char *name, struct menu *menu,
		      struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *path = xasprintf("%s/%s", directory, name);
	CLEANUP_FREE char *id = xstrndup(name, strlen(name) - 5);

	if (tree_read_file(tree, path, BLS_ENTRY_LIMIT, &text, err) < 0)
		return err->kind == ERROR_IMAGE || err->kind == ERROR_MISSING ? 0 : -1;
	bls_parse(text.data, text.len, id, menu);
	return 0;
}

int bls_read_directory(struct tree *tree, const char *directory, struct menu *menu,
		       struct error *err)
{
	struct names names = {0};
	struct tree_node node;
	int result = tree_lookup(tree, directory, TREE_FOLLOW, &node, err);

	if (result < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (result == 0 || !S_ISDIR(node.stat.mode))
		return 0;
	result = fs_read_directory(node.fs, node.ino, collect, &names, err);
	if (names.n_items)
		qsort(names.items, names.n_items, sizeof *names.items, newest_first);
	for (size_t i = 0; result == 0 && i < names.n_items; i++)
		result = read_entry(tree, directory, names.items[i], menu, err);
	names_free(&names);
	return result;
}
