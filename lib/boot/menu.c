/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/menu.h"

#include <string.h>

#include "base/buffer.h"

void menu_free(struct menu *menu)
{
	for (size_t i = 0; i < menu->n_items; i++) {
		free(menu->items[i].title);
		free(menu->items[i].id);
		free(menu->items[i].version);
		free(menu->items[i].kernel);
		free(menu->items[i].initrd);
		free(menu->items[i].options);
	}
	free(menu->items);
	free(menu->default_entry);
	for (size_t i = 0; i < menu->n_filesystems; i++)
		free(menu->filesystems[i]);
	free(menu->filesystems);
	free(menu->kernel_options);
	*menu = (struct menu){0};
}

struct menu_item *menu_add(struct menu *menu)
{
	if (menu->n_items >= MENU_MAX_ITEMS)
		return NULL;
	return ARRAY_ADD(menu->items, menu->n_items);
}

/* One component of a path of entries; ">>" stands for a '>' in a title. */
static char *take_component(const char **path)
{
	CLEANUP_BUFFER struct buffer text = {0};
	const char *s = *path;

	buffer_puts(&text, "");
	while (*s && (*s != '>' || s[1] == '>')) {
		s += *s == '>';
		buffer_putc(&text, *s++);
	}
	*path = *s == '>' ? s + 1 : s;
	return buffer_steal(&text);
}

static bool is_number(const char *text, size_t *ret)
{
	size_t value = 0;

	for (const char *s = text; *s; s++) {
		if (*s < '0' || *s > '9' || value > MENU_MAX_ITEMS)
			return false;
		value = value * 10 + (size_t)(*s - '0');
	}
	*ret = value;
	return *text != '\0';
}

static bool is_named(const struct menu_item *item, const char *name)
{
	return (item->title && strcmp(item->title, name) == 0) ||
	       (item->id && strcmp(item->id, name) == 0);
}

/* 1 + index of the child that `component` names, 0 when there is none. */
static size_t find_child(const struct menu *menu, size_t parent, const char *component)
{
	size_t wanted = 0, position = 0;
	bool numeric = is_number(component, &wanted);

	for (size_t i = 0; i < menu->n_items; i++) {
		if (menu->items[i].parent != parent)
			continue;
		if (numeric ? position == wanted : is_named(&menu->items[i], component))
			return i + 1;
		position++;
	}
	return 0;
}

const struct menu_item *menu_default(const struct menu *menu)
{
	const char *path = menu->default_entry ? menu->default_entry : "0";
	size_t at = 0;

	do {
		CLEANUP_FREE char *component = take_component(&path);
		size_t child = find_child(menu, at, component);

		at = child ? child : find_child(menu, at, "0");
	} while (at && menu->items[at - 1].submenu);
	return at ? &menu->items[at - 1] : NULL;
}

char *options_value(const char *options, const char *name)
{
	size_t len = strlen(name);
	char *value = NULL;

	while (*options) {
		size_t word;

		options += strspn(options, " \t");
		word = strcspn(options, " \t");
		if (word > len && strncmp(options, name, len) == 0 && options[len] == '=') {
			free(value);
			value = xstrndup(options + len + 1, word - len - 1);
		}
		options += word;
	}
	return value;
}
