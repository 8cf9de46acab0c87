/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/served.h"

#include "base/file.h"
#include "disk/block_server.h"

struct served {
	char *directory;
	struct block_export *exports;
	size_t n;
	char **names; /* of the sockets in the directory */
	char **paths;
	struct block_server *server;
};

struct served *served_new(const char *directory)
{
	struct served *served = xcalloc(1, sizeof *served);

	served->directory = xstrdup(directory);
	return served;
}

void served_free(struct served *served)
{
	if (!served)
		return;
	block_server_free(served->server);
	for (size_t i = 0; i < served->n; i++) {
		block_free(served->exports[i].block);
		free(served->names[i]);
		free(served->paths[i]);
	}
	free(served->exports);
	free(served->names);
	free(served->paths);
	free(served->directory);
	free(served);
}

size_t served_count(const struct served *served)
{
	return served->n;
}

int served_add(struct served *served, const struct guest_filesystem *fs,
	       struct block *const *blocks, struct error *err)
{
	struct block *block = guest_filesystem_block(fs, blocks, err);
	size_t n_names = served->n, n_paths = served->n;
	char **name, **path;

	if (!block)
		return -1;
	name = ARRAY_ADD(served->names, n_names);
	path = ARRAY_ADD(served->paths, n_paths);
	*name = xasprintf("s%zu", served->n);
	*path = path_join(served->directory, *name);
	*ARRAY_ADD(served->exports, served->n) =
		(struct block_export){.block = block, .socket_path = *path};
	return 0;
}

int served_start(struct served *served, struct appliance_disk *disks, struct error *err)
{
	for (size_t i = 0; i < served->n; i++)
		disks[i].socket = served->names[i];
	if (served->n)
		served->server = block_server_start(served->exports, served->n, err);
	return served->n && !served->server ? -1 : 0;
}

int served_stop(struct served *served, struct error *err)
{
	return served->server ? block_server_stop(steal(served->server), err) : 0;
}
