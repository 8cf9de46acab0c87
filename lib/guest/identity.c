/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/identity.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_SMALL_FILE = 4096 };

/* 1 read, 0 when there is no such file of a sane size, -1. */
static int read_small(struct tree *tree, const char *path, struct buffer *ret, struct error *err)
{
	if (tree_read_file(tree, path, MAX_SMALL_FILE, ret, err) == 0)
		return 1;
	return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
}

static int read_hostname(struct tree *tree, char **ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	int found = read_small(tree, "/etc/hostname", &text, err);
	char *rest = text.data, *line;

	if (found <= 0 || !text.data)
		return found < 0 ? -1 : 0;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r")] = '\0';
		if (*line && *line != '#') {
			*ret = xstrndup(line, 255);
			break;
		}
	}
	return 0;
}

enum machine_id_state machine_id_state_of(const char *buf, size_t len)
{
	while (len && (buf[len - 1] == '\n' || buf[len - 1] == ' '))
		len--;
	if (len == 0)
		return MACHINE_ID_EMPTY;
	if (len == 13 && memcmp(buf, "uninitialized", 13) == 0)
		return MACHINE_ID_UNINITIALIZED;
	return MACHINE_ID_SET;
}

static int read_machine_id(struct tree *tree, enum machine_id_state *ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	int found = read_small(tree, "/etc/machine-id", &text, err);

	if (found < 0)
		return -1;
	*ret = found ? machine_id_state_of(text.data, text.len) : MACHINE_ID_MISSING;
	return 0;
}

static int count_host_key(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	size_t *count = opaque;

	(void)ino;
	(void)err;
	if (fnmatch("ssh_host_*_key", name, 0) == 0)
		++*count;
	return 0;
}

static int count_host_keys(struct tree *tree, size_t *ret, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, "/etc/ssh", TREE_FOLLOW, &node, err);

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (!found || !S_ISDIR(node.stat.mode))
		return 0;
	return fs_read_directory(node.fs, node.ino, count_host_key, ret, err);
}

static int find_random_seed(struct tree *tree, bool *ret, struct error *err)
{
	static const char *const paths[] = {"/var/lib/systemd/random-seed", "/var/lib/random-seed",
					    "/var/lib/urandom/random-seed"};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct tree_node node;
		int found = tree_lookup(tree, paths[i], TREE_FOLLOW, &node, err);

		if (found < 0 && err->kind != ERROR_IMAGE)
			return -1;
		*ret = *ret || found == 1;
	}
	return 0;
}

int identity_read(struct tree *tree, struct guest_identity *ret, struct error *err)
{
	CLEANUP_FREE char *hostname = NULL;
	struct guest_identity identity = {0};

	if (read_hostname(tree, &hostname, err) < 0 ||
	    read_machine_id(tree, &identity.machine_id, err) < 0 ||
	    count_host_keys(tree, &identity.n_ssh_host_keys, err) < 0 ||
	    find_random_seed(tree, &identity.random_seed, err) < 0)
		return -1;
	identity.hostname = steal(hostname);
	*ret = identity;
	return 0;
}
