/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/appliance_mounts.h"

#include "fs/copies.h"
#include "fs/type.h"

struct planning {
	struct appliance_mounts *mounts;
	const struct run_request *request;
	struct served *served;
};

size_t appliance_mounts_disks(const struct appliance_mounts *mounts,
			      const struct run_request *request)
{
	return request->n_images + (mounts->copied ? 3 : 2);
}

/* Steals options and target. */
static void add_mount(struct planning *planning, const struct appliance_mount *mount)
{
	struct appliance_mounts *mounts = planning->mounts;

	*ARRAY_ADD(mounts->items, mounts->n_items) = *mount;
}

/* Is the lower layer of a mount a copy?  Then in *ret_directory of /copies. */
static const char *copy_of(const struct planning *planning, size_t n, const char **ret_directory)
{
	return fs_copy_disk(tree_fs(planning->request->tree, n), ret_directory);
}

static int add_lower(struct planning *planning, size_t n, struct error *err)
{
	const char *mountpoint = tree_mountpoint(planning->request->tree, n);
	const struct guest_filesystem *fs =
		guest_filesystem_at(planning->request->guest, mountpoint);
	const struct fs_type *type = fs ? fs_type_find(fs->type) : NULL;
	bool served = planning->request->clear && fs && fs->volume;
	const char *directory;
	size_t disk;

	if (copy_of(planning, n, &directory))
		return 0;
	if (!type || !type->read_only)
		return error_set(err, ERROR_HOST,
				 "the appliance does not mount %s (%s): not on its list of file "
				 "systems",
				 mountpoint, fs && fs->type ? fs->type : "unknown");
	disk = served ? appliance_mounts_disks(planning->mounts, planning->request) +
				served_count(planning->served)
		      : fs->disk;
	if (served && served_add(planning->served, fs, planning->request->clear, err) < 0)
		return -1;
	add_mount(planning, &(struct appliance_mount){
				    .disk = disk,
				    .partition = fs->partition,
				    .device = fs->volume && !served ? fs->volume->nodes[0] : NULL,
				    .type = fs->type,
				    .options = xstrdup(type->read_only),
				    .target = xasprintf("/guest.%zu", n)});
	return 0;
}

static int read_root(struct planning *planning, size_t n, struct error *err)
{
	struct root_directory *root = &planning->mounts->roots[n];
	struct fs *fs = tree_fs(planning->request->tree, n);
	struct fs_stat stat;

	if (fs_stat(fs, fs_root(fs), &stat, err) < 0 ||
	    fs_read_xattrs(fs, fs_root(fs), &root->xattrs, err) < 0)
		return -1;
	root->path = xasprintf("/scratch/upper.%zu", n);
	root->list = xcalloc(root->xattrs.n_items + 1, sizeof *root->list);
	for (size_t i = 0; i < root->xattrs.n_items; i++)
		root->list[i] = (struct appliance_xattr){.name = root->xattrs.items[i].name,
							 .value = root->xattrs.items[i].value,
							 .size = root->xattrs.items[i].size};
	root->directory = (struct appliance_directory){.path = root->path,
						       .mode = stat.mode & 07777,
						       .uid = stat.uid,
						       .gid = stat.gid,
						       .mtime_sec = stat.mtime.sec,
						       .mtime_nsec = stat.mtime.nsec,
						       .xattrs = root->list,
						       .n_xattrs = root->xattrs.n_items};
	return 0;
}

static void add_overlay(struct planning *planning, size_t n)
{
	const char *mountpoint = tree_mountpoint(planning->request->tree, n);
	const char *directory;
	CLEANUP_FREE char *lower = copy_of(planning, n, &directory)
					   ? xasprintf("/copies/%s", directory)
					   : xasprintf("/guest.%zu", n);
	char *options = xasprintf("lowerdir=" APPLIANCE_ROOT "%s,"
				  "upperdir=" APPLIANCE_ROOT "/scratch/upper.%zu,"
				  "workdir=" APPLIANCE_ROOT "/scratch/work.%zu,"
				  "redirect_dir=on,index=on,metacopy=off,xino=on",
				  lower, n, n);

	add_mount(planning,
		  &(struct appliance_mount){.type = "overlay",
					    .options = options,
					    .target = xasprintf("/view%s", n ? mountpoint : ""),
					    .upper = &planning->mounts->roots[n].directory});
}

int appliance_mounts_plan(struct appliance_mounts *mounts, const struct run_request *request,
			  struct served *served, struct error *err)
{
	struct planning one = {mounts, request, served}, *planning = &one;
	size_t n = tree_n_mounts(request->tree), n_images = request->n_images;

	add_mount(planning, &(struct appliance_mount){.disk = n_images,
						      .type = "ext4",
						      .options = xstrdup("ro"),
						      .target = xstrdup("/payload")});
	add_mount(planning, &(struct appliance_mount){.disk = n_images + 1,
						      .type = "ext4",
						      .options = xstrdup("noatime"),
						      .target = xstrdup("/scratch")});
	if (mounts->copied)
		add_mount(planning, &(struct appliance_mount){.disk = n_images + 2,
							      .type = "ext4",
							      .options = xstrdup("ro"),
							      .target = xstrdup("/copies")});
	mounts->roots = xcalloc(n, sizeof *mounts->roots);
	mounts->n_roots = n;
	for (size_t i = 0; i < n; i++)
		if (add_lower(planning, i, err) < 0 || read_root(planning, i, err) < 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		add_overlay(planning, i);
	return 0;
}

void appliance_mounts_clear(struct appliance_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n_items; i++) {
		free((char *)(uintptr_t)mounts->items[i].options);
		free((char *)(uintptr_t)mounts->items[i].target);
	}
	free(mounts->items);
	for (size_t i = 0; i < mounts->n_roots; i++) {
		fs_xattrs_free(&mounts->roots[i].xattrs);
		free(mounts->roots[i].list);
		free(mounts->roots[i].path);
	}
	free(mounts->roots);
}
