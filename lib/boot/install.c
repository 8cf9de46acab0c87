/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/install.h"

#include <string.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "boot/bls.h"
#include "boot/loader.h"
#include "guest/crypttab.h"

enum { ID_LENGTH = 32, DEFAULTS_LIMIT = 1 << 20 };

static const char *const entry_directories[] = {"/boot/loader/entries", "/boot/efi/loader/entries",
						"/efi/loader/entries"};

void boot_install_free(struct boot_install *install)
{
	free(install->options);
	free(install->machine_id);
	free(install->entry_token);
	free(install->crypttab);
}

/* Without what a loader would have put something for ("$tuned_params"), and what it adds itself. */
static char *plain_words(const char *options)
{
	static const char *const dropped[] = {"$", "BOOT_IMAGE=", "initrd="};
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, "");
	while (*options) {
		size_t len, i = 0;

		options += strspn(options, " \t\r\n");
		len = strcspn(options, " \t\r\n");
		while (i < sizeof dropped / sizeof *dropped &&
		       strncmp(options, dropped[i], strlen(dropped[i])) != 0)
			i++;
		if (len && i == sizeof dropped / sizeof *dropped)
			buffer_printf(&text, "%s%.*s", text.len ? " " : "", (int)len, options);
		options += len;
	}
	return buffer_steal(&text);
}

static char *with_root(const char *options)
{
	CLEANUP_FREE char *words = options ? plain_words(options) : NULL;
	CLEANUP_FREE char *root = words ? options_value(words, "root") : NULL;

	return root ? steal(words) : NULL;
}

static char *options_of_menu(const struct menu *menu)
{
	char *options = NULL;

	for (size_t i = 0; !options && i < menu->n_items; i++)
		options = with_root(menu->items[i].options);
	return options ? options : with_root(menu->kernel_options);
}

/* NAME="..." or NAME=...; the last one counts, as in the shell that reads the file. */
static char *shell_value(const char *text, const char *name)
{
	size_t len = strlen(name);
	char *value = NULL;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char quote;

		line += *line == '\n';
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		quote = line[len + 1];
		free(value);
		value = quote == '"' || quote == '\''
				? xstrndup(line + len + 2,
					   strcspn(line + len + 2, quote == '"' ? "\"\n" : "'\n"))
				: xstrndup(line + len + 1, strcspn(line + len + 1, " \t\n"));
	}
	return value;
}

static int options_of_defaults(struct tree *tree, const struct guest *guest, char **ret,
			       struct error *err)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *more = NULL, *words = NULL;

	if (tree_read_file(tree, "/etc/default/grub", DEFAULTS_LIMIT, &text, err) < 0 &&
	    err->kind != ERROR_MISSING && err->kind != ERROR_IMAGE)
		return -1;
	more = text.data ? shell_value(text.data, "GRUB_CMDLINE_LINUX") : NULL;
	words = plain_words(more ? more : "");
	*ret = xasprintf("root=%s%s ro%s%s", root && root->uuid ? "UUID=" : "",
			 root && root->uuid ? root->uuid : "/dev/vda1", *words ? " " : "", words);
	return 0;
}

static int read_options(struct tree *tree, const struct guest *guest, const struct menu *menu,
			char **ret, struct error *err)
{
	*ret = with_root(guest->boot.default_options);
	if (!*ret)
		*ret = options_of_menu(menu);
	return *ret ? 0 : options_of_defaults(tree, guest, ret, err);
}

/* "ID-VERSION" -> ID */
static char *id_of_entry(const char *name)
{
	size_t len = strspn(name, "0123456789abcdef");

	return len == ID_LENGTH && name[len] == '-' ? xstrndup(name, len) : NULL;
}

static char *id_of_menu(const struct menu *menu)
{
	const struct menu_item *item = menu_default(menu);
	char *id = item && item->id ? id_of_entry(item->id) : NULL;

	for (size_t i = 0; !id && i < menu->n_items; i++)
		id = menu->items[i].id ? id_of_entry(menu->items[i].id) : NULL;
	return id;
}

/* "TOKEN-VERSION" -> TOKEN, of the entry that is started by default. */
static char *token_of_menu(const struct menu *menu)
{
	const struct menu_item *item = menu_default(menu);
	size_t len = item && item->id ? strlen(item->id) : 0;
	size_t tail = item && item->version ? strlen(item->version) + 1 : len;

	return tail < len && item->id[len - tail] == '-' &&
			       strcmp(item->id + len - tail + 1, item->version) == 0
		       ? xstrndup(item->id, len - tail)
		       : NULL;
}

static char *id_of_root(const struct guest *guest)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");
	CLEANUP_FREE char *text =
		xasprintf("machine-id for a run: %s", root && root->uuid ? root->uuid : "");
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	digest_of(text, strlen(text), &digest);
	digest_to_hex(&digest, hex);
	return xstrndup(hex, ID_LENGTH);
}

static int read_entries(struct tree *tree, struct menu *menu, struct error *err)
{
	for (size_t i = 0; i < sizeof entry_directories / sizeof *entry_directories; i++)
		if (bls_read_directory(tree, entry_directories[i], menu, err) < 0)
			return -1;
	return 0;
}

/* Only for what reads it: dracut finds the container by the command line. */
static int read_crypttab(struct tree *tree, const struct guest *guest, char **ret,
			 struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct tree_node node;
	int found = tree_lookup(tree, "/usr/share/initramfs-tools/hooks/cryptroot", TREE_FOLLOW,
				&node, err);

	if (found <= 0)
		return found < 0 && err->kind != ERROR_IMAGE ? -1 : 0;
	if (tree_read_file(tree, "/etc/crypttab", CRYPTTAB_LIMIT, &text, err) < 0)
		return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
	*ret = text.len ? crypttab_for_initramfs(text.data, text.len, guest) : NULL;
	return 0;
}

/* The guest's own word for it is not to be covered. */
static bool has_entry_token(struct tree *tree)
{
	struct tree_node node;
	struct error ignored = {0};

	return tree_lookup(tree, "/etc/kernel/entry-token", TREE_FOLLOW, &node, &ignored) == 1;
}

int boot_install_read(struct tree *tree, const struct guest *guest, struct boot_install *ret,
		      struct error *err)
{
	CLEANUP_MENU struct menu menu = {0}, entries = {0};
	const char *loader;

	if (loader_read(tree, &loader, &menu, err) < 0 || read_entries(tree, &entries, err) < 0 ||
	    read_options(tree, guest, &menu, &ret->options, err) < 0 ||
	    read_crypttab(tree, guest, &ret->crypttab, err) < 0)
		return -1;
	if (guest->identity.machine_id == MACHINE_ID_SET || entries.n_items == 0)
		return 0;
	if (!has_entry_token(tree)) {
		if (strcmp(loader, "systemd-boot") == 0)
			ret->entry_token = token_of_menu(&menu);
		else
			ret->machine_id = id_of_menu(&menu);
		if (!ret->machine_id && !ret->entry_token)
			ret->machine_id = id_of_menu(&entries);
	}
	if (!ret->machine_id)
		ret->machine_id = id_of_root(guest);
	return 0;
}
