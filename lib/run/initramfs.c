/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initramfs that is made in a run is for the machine that the guest will boot on, which is not
 * the one that the run is on: so it gets drivers for all usual ones, by a file of configuration
 * that is there during the run only.
 */
#include "run/initramfs.h"

#include <string.h>
#include <sys/stat.h>

enum { CONFIG_LIMIT = 1 << 20 };

/* The last assignment counts, as in the shell that reads the file. */
static int modules_setting(struct tree *tree, const char *path, bool *dep, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct tree_node node;
	char *line, *rest;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);

	if (found <= 0 || !S_ISREG(node.stat.mode))
		return found < 0 ? -1 : 0;
	if (tree_read_file(tree, path, CONFIG_LIMIT, &text, err) < 0)
		return -1;
	if (!text.data)
		return 0;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, "MODULES=", 8) == 0)
			*dep = strncmp(line + 8 + (line[8] == '"'), "dep", 3) == 0;
	return 0;
}

struct configuration {
	struct tree *tree;
	bool dep;
};

static int configuration_file(void *opaque, const char *path, const struct tree_node *node,
			      struct error *err)
{
	struct configuration *configuration = opaque;

	(void)node;
	return modules_setting(configuration->tree, path, &configuration->dep, err);
}

/* initramfs-tools with MODULES=dep packs the drivers of the machine it runs on. */
static const struct package_run_file most_drivers = {"/etc/initramfs-tools/conf.d/zz-coldpatch",
						     "MODULES=most\n", 0644};

/* dracut, too, packs by default (RHEL's, SUSE's) what the machine it runs on needs.  By name those
 * that its search for disk drivers may miss; it is the last file that is read, plain assignments
 * since scripts of kernel-install source it as well. */
static const struct package_run_file all_hardware = {
	"/etc/dracut.conf.d/zz-coldpatch.conf",
	"hostonly=\"no\"\n"
	"hostonly_cmdline=\"no\"\n"
	"add_drivers+=\" virtio_blk virtio_scsi virtio_pci virtio_net nvme xen_blkfront "
	"xen_netfront "
	"hv_vmbus hv_storvsc hv_netvsc vmw_pvscsi vmxnet3 mptspi mptsas ahci ata_piix sd_mod "
	"sr_mod "
	"\"\n",
	0644};

static int prepare_initramfs_tools(const struct run_request *request, struct job *job,
				   struct error *err)
{
	struct configuration configuration = {.tree = request->tree};
	struct tree_node node;
	int found;

	if (modules_setting(request->tree, "/etc/initramfs-tools/initramfs.conf",
			    &configuration.dep, err) < 0)
		return -1;
	found = tree_lookup(request->tree, "/etc/initramfs-tools/conf.d", TREE_NOFOLLOW, &node,
			    err);
	if (found < 0 || (found && tree_walk(request->tree, "/etc/initramfs-tools/conf.d",
					     configuration_file, &configuration, err) < 0))
		return -1;
	if (!configuration.dep)
		return 0;
	job_put(job, most_drivers.path, most_drivers.content, most_drivers.mode);
	monitor_log(request->monitor, LOG_LEVEL_WARNING,
		    "the guest asks for an initramfs of just this machine's drivers "
		    "(MODULES=dep); here it gets most drivers, since this machine is not it");
	return 0;
}

static int prepare_dracut(const struct run_request *request, struct job *job, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(request->tree, "/etc/dracut.conf.d", TREE_FOLLOW, &node, err);

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (found && S_ISDIR(node.stat.mode))
		job_put(job, all_hardware.path, all_hardware.content, all_hardware.mode);
	return 0;
}

int initramfs_prepare(const struct run_request *request, struct job *job, struct error *err)
{
	return prepare_initramfs_tools(request, job, err) < 0 ||
			       prepare_dracut(request, job, err) < 0
		       ? -1
		       : 0;
}
