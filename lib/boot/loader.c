/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/loader.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "boot/bls.h"
#include "boot/grub.h"

static const char entries_directory[] = "/boot/loader/entries";

/* Where a partition may be mounted that the loader reads: its own paths begin there. */
static const char *const boot_roots[] = {"/boot", "/efi", "/boot/efi"};

/* 1 read, 0 when there is no such file that could be meant, -1. */
static int read_file(struct tree *tree, const char *path, size_t limit, struct buffer *ret,
		     struct error *err)
{
	if (tree_read_file(tree, path, limit, ret, err) == 0)
		return 1;
	return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
}

static int exists(struct tree *tree, const char *path, enum tree_follow follow, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, path, follow, &node, err);

	return found < 0 && err->kind == ERROR_IMAGE ? 0 : found;
}

static int read_grub_env(struct tree *tree, const char *directory, struct menu *menu,
			 struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *path = xasprintf("%s/grubenv", directory);
	char *options;

	if (read_file(tree, path, GRUB_ENV_LIMIT, &text, err) < 0)
		return -1;
	if (menu->use_bls && !menu->default_entry)
		menu->default_entry = xstrdup("${saved_entry}");
	if (menu->default_entry && strstr(menu->default_entry, "saved_entry")) {
		free(menu->default_entry);
		menu->default_entry = grub_env_get(text.data, text.len, "saved_entry");
	}
	options = grub_env_get(text.data, text.len, "kernelopts");
	if (options) {
		free(menu->kernel_options);
		menu->kernel_options = options;
	}
	return 0;
}

/* What grub would put for $kernelopts in an entry. */
static void expand_kernel_options(struct menu *menu)
{
	for (size_t i = 0; menu->kernel_options && i < menu->n_items; i++) {
		struct menu_item *item = &menu->items[i];
		char *at = item->options ? strstr(item->options, "$kernelopts") : NULL;
		char *expanded;

		if (!at)
			continue;
		expanded = xasprintf("%.*s%s%s", (int)(at - item->options), item->options,
				     menu->kernel_options, at + strlen("$kernelopts"));
		free(item->options);
		item->options = expanded;
	}
}

/* 1 when it is a link that leads to nothing. */
static int is_dangling(struct tree *tree, const char *path, struct error *err)
{
	int found = exists(tree, path, TREE_NOFOLLOW, err);

	if (found <= 0)
		return found;
	found = exists(tree, path, TREE_FOLLOW, err);
	return found < 0 ? -1 : !found;
}

/* 1 when the guest has a grub configuration in `directory`.  Without a readable grub.cfg (it can
 * lie on the EFI system partition) the entries tell. */
static int read_grub(struct tree *tree, const char *directory, struct menu *menu, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *config = xasprintf("%s/grub.cfg", directory);
	CLEANUP_FREE char *env = xasprintf("%s/grubenv", directory);
	int found = read_file(tree, config, GRUB_CONFIG_LIMIT, &text, err), has_env;
	int no_config = is_dangling(tree, config, err), no_env = is_dangling(tree, env, err);

	if (found < 0 || no_config < 0 || no_env < 0)
		return -1;
	has_env = exists(tree, env, TREE_NOFOLLOW, err);
	if (has_env < 0 || (!found && !has_env))
		return has_env;
	grub_parse(text.data ? text.data : "", text.len, menu);
	menu->elsewhere = no_config || no_env;
	menu->use_bls = menu->use_bls || !found;
	if (menu->use_bls && bls_read_directory(tree, entries_directory, menu, err) < 0)
		return -1;
	if (!found && menu->n_items == 0)
		return 0;
	if (read_grub_env(tree, directory, menu, err) < 0)
		return -1;
	expand_kernel_options(menu);
	return 1;
}

/* loader.conf's `default` is a pattern over ids with their ".conf". */
static void set_default_pattern(struct menu *menu, const char *pattern)
{
	for (size_t i = 0; i < menu->n_items; i++) {
		CLEANUP_FREE char *file = xasprintf("%s.conf", menu->items[i].id);

		if (fnmatch(pattern, file, 0) != 0 && fnmatch(pattern, menu->items[i].id, 0) != 0)
			continue;
		menu->default_entry = xstrdup(menu->items[i].id);
		return;
	}
}

static int read_systemd_boot_in(struct tree *tree, const char *root, struct menu *menu,
				struct error *err)
{
	CLEANUP_FREE char *entries = path_join(root, "loader/entries");
	CLEANUP_FREE char *config = path_join(root, "loader/loader.conf");
	CLEANUP_BUFFER struct buffer text = {0};
	char *rest, *line;

	if (bls_read_directory(tree, entries, menu, err) < 0 ||
	    read_file(tree, config, BLS_ENTRY_LIMIT, &text, err) < 0)
		return -1;
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (strncmp(line, "default", 7) != 0 || (line[7] != ' ' && line[7] != '\t'))
			continue;
		line += 8 + strspn(line + 8, " \t");
		line[strcspn(line, " \t\r")] = '\0';
		if (!menu->default_entry)
			set_default_pattern(menu, line);
	}
	return 0;
}

static int read_systemd_boot(struct tree *tree, struct menu *menu, struct error *err)
{
	for (size_t i = 0; i < sizeof boot_roots / sizeof *boot_roots; i++)
		if (read_systemd_boot_in(tree, boot_roots[i], menu, err) < 0)
			return -1;
	return menu->n_items != 0;
}

int loader_read(struct tree *tree, const char **ret_name, struct menu *ret_menu, struct error *err)
{
	static const char *const directories[] = {"/boot/grub", "/boot/grub2"};
	int found = 0;

	for (size_t i = 0; !found && i < sizeof directories / sizeof *directories; i++) {
		menu_free(ret_menu);
		found = read_grub(tree, directories[i], ret_menu, err);
		*ret_name = "grub2";
	}
	if (found)
		return found < 0 ? -1 : 0;
	menu_free(ret_menu);
	found = read_systemd_boot(tree, ret_menu, err);
	*ret_name = found ? "systemd-boot" : "none";
	return found < 0 ? -1 : 0;
}

int loader_resolve(struct tree *tree, const char *path, char **ret, struct error *err)
{
	static const char *const prefixes[] = {"/boot", "", "/efi", "/boot/efi"};
	const char *close = *path == '(' ? strchr(path, ')') : NULL;

	path = close ? close + 1 : path;
	*ret = NULL;
	for (size_t i = 0; *path == '/' && i < sizeof prefixes / sizeof *prefixes; i++) {
		CLEANUP_FREE char *full = xasprintf("%s%s", prefixes[i], path);
		int found = exists(tree, full, TREE_FOLLOW, err);

		if (found < 0)
			return -1;
		if (found) {
			*ret = steal(full);
			return 0;
		}
	}
	return 0;
}

/* "vmlinuz-6.1.0-1-amd64" -> "6.1.0-1-amd64" */
static char *version_of_name(const char *name)
{
	static const char *const prefixes[] = {"vmlinuz-", "vmlinux-", "kernel-", "linux-",
					       "Image-"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], len) == 0 && name[len])
			return xstrdup(name + len);
	}
	return NULL;
}

/* /vmlinuz and the like are symlinks to the versioned name. */
static int version_of_link(struct tree *tree, const char *path, char **ret, struct error *err)
{
	struct tree_node node;
	CLEANUP_FREE char *target = NULL;
	int found = tree_lookup(tree, path, TREE_NOFOLLOW, &node, err);

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (!found || !S_ISLNK(node.stat.mode))
		return 0;
	target = fs_read_link(node.fs, node.ino, err);
	if (!target)
		return error_prefix(err, "%s", path);
	*ret = version_of_name(path_last(target));
	return 0;
}

/* MACHINE-ID/VERSION/linux, as kernel-install lays it out. */
static char *version_of_directory(const char *path)
{
	CLEANUP_FREE char *directory = xstrdup(path);
	char *slash = strrchr(directory, '/');

	if (!slash || strcmp(slash, "/linux") != 0)
		return NULL;
	*slash = '\0';
	return xstrdup(path_last(directory));
}

int loader_kernel_version(struct tree *tree, const struct menu_item *item, char **ret,
			  struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	*ret = NULL;
	if (!item->kernel)
		return 0;
	*ret = version_of_name(path_last(item->kernel));
	if (!*ret && item->version)
		*ret = xstrdup(item->version);
	if (!*ret)
		*ret = version_of_directory(item->kernel);
	if (*ret)
		return 0;
	if (loader_resolve(tree, item->kernel, &path, err) < 0)
		return -1;
	return path ? version_of_link(tree, path, ret, err) : 0;
}
