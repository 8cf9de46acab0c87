/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/kernel.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define PREFIX "vmlinuz-"

static struct host_kernel kernel_of(const char *release)
{
	return (struct host_kernel){.path = xasprintf("/boot/" PREFIX "%s", release),
				    .modules = xasprintf("/lib/modules/%s", release),
				    .release = xstrdup(release)};
}

static void consider(const char *name, struct host_kernel *best)
{
	CLEANUP_HOST_KERNEL struct host_kernel kernel = {0};

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return;
	kernel = kernel_of(name + strlen(PREFIX));
	if (access(kernel.path, R_OK) != 0 || access(kernel.modules, R_OK | X_OK) != 0)
		return;
	if (best->release && strverscmp(kernel.release, best->release) <= 0)
		return;
	host_kernel_free(best);
	*best = kernel;
	kernel = (struct host_kernel){0};
}

int host_kernel_find(struct host_kernel *ret, struct error *err)
{
	struct host_kernel best = {0};
	DIR *dir = opendir("/boot");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		consider(entry->d_name, &best);
	if (dir)
		closedir(dir);
	if (!best.release)
		return error_set(err, ERROR_HOST,
				 "no readable kernel with modules in /boot: install "
				 "linux-image-amd64, or make it readable");
	*ret = best;
	return 0;
}

void host_kernel_free(struct host_kernel *kernel)
{
	free(kernel->path);
	free(kernel->modules);
	free(kernel->release);
	*kernel = (struct host_kernel){0};
}
