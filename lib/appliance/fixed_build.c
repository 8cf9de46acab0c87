/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supermin puts the appliance together from the files of the host's packages: no download, and a
 * security update of the host is in the next one built.  So what decides is stat data of its
 * description, of kernel and modules, and of the package database, as it does itself.
 */
#include "appliance/fixed_build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/guestfs.h"
#include "appliance/kernel.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/process.h"
#include "disk/image.h"

#define SUPERMIN "/usr/bin/supermin"

enum { BUILD_DEADLINE_MS = 600000, MESSAGE_LIMIT = 4096, MAX_PARTS = 1000, NEEDED_MIB = 512 };

const char *const fixed_files[FIXED_N_FILES] = {"kernel", "initrd", "root", "README.fixed",
						FIXED_DIGESTS};

/* Absent things change the key too, by being there one day. */
static void add_file(struct buffer *key, const char *path)
{
	struct stat st = {0};

	stat(path, &st);
	buffer_printf(key, "%s %lld %lld.%09ld\n", path, (long long)st.st_size,
		      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int add_directory(struct buffer *key, const char *directory, struct error *err)
{
	struct dirent **names = NULL;
	int n = scandir(directory, &names, is_visible, alphasort);

	if (n < 0 || n > MAX_PARTS)
		return error_os(err, ERROR_HOST, n < 0 ? errno : E2BIG, "%s", directory);
	for (int i = 0; i < n; i++) {
		CLEANUP_FREE char *path = path_join(directory, names[i]->d_name);

		add_file(key, path);
		free(names[i]);
	}
	free(names);
	return 0;
}

char *fixed_appliance_key(struct error *err)
{
	static const char *const files[] = {SUPERMIN, "/var/lib/dpkg/status", "/var/lib/rpm"};
	const char *description = fixed_appliance_description();
	CLEANUP_HOST_KERNEL struct host_kernel kernel = {0};
	CLEANUP_BUFFER struct buffer key = {0};
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	if (!description)
		return error_set(err, ERROR_HOST, "supermin.d of libguestfs is missing"), NULL;
	if (host_kernel_find(&kernel, err) < 0 || add_directory(&key, description, err) < 0)
		return NULL;
	guestfs_job_version(&key);
	add_file(&key, kernel.path);
	add_file(&key, kernel.modules);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		add_file(&key, files[i]);
	digest_of(key.data, key.len, &digest);
	digest_to_hex(&digest, hex);
	return xstrdup(hex);
}

static int run_supermin(const char *directory, const char *work_dir, const struct monitor *monitor,
			struct error *err)
{
	CLEANUP_HOST_KERNEL struct host_kernel kernel = {0};
	CLEANUP_FREE char *path_variable = NULL, *release = NULL, *modules = NULL, *tmp = NULL;
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	const char *const argv[] = {SUPERMIN,
				    "--build",
				    "--copy-kernel",
				    "-f",
				    "ext2",
				    "--host-cpu",
				    "x86_64",
				    fixed_appliance_description(),
				    "-o",
				    directory,
				    NULL};

	if (host_kernel_find(&kernel, err) < 0)
		return -1;
	path_variable = xasprintf("SUPERMIN_KERNEL=%s", kernel.path);
	release = xasprintf("SUPERMIN_KERNEL_VERSION=%s", kernel.release);
	modules = xasprintf("SUPERMIN_MODULES=%s", kernel.modules);
	tmp = xasprintf("TMPDIR=%s", work_dir);
	{
		const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					   "LC_ALL=C.UTF-8",
					   tmp,
					   path_variable,
					   release,
					   modules,
					   NULL};
		const struct process_spec spec = {.argv = argv,
						  .env = env,
						  .output_limit = MESSAGE_LIMIT,
						  .deadline_ms = BUILD_DEADLINE_MS,
						  .monitor = monitor};

		return process_run_ok(&spec, ERROR_HOST, &result, err);
	}
}

/* Of the disk that a VM sees; its 4 GiB are mostly holes. */
static int root_digest(const char *path, const char *work_dir, const struct monitor *monitor,
		       struct digest *ret, struct error *err)
{
	const struct image_options options = {0};
	CLEANUP(image_free)
	struct image *image = image_open(path, &options, err);
	CLEANUP(block_free)
	struct block *block = NULL;

	if (!image || !(block = image_attach(image, false, work_dir, err)))
		return -1;
	return image_content_digest(block, monitor, ret, err);
}

static int add_digest(struct buffer *text, const char *name, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	buffer_printf(text, "%s %s\n", name, hex);
	return 0;
}

static int write_digests(const char *directory, const char *work_dir, const struct monitor *monitor,
			 struct error *err)
{
	CLEANUP_FREE char *kernel = path_join(directory, "kernel");
	CLEANUP_FREE char *initrd = path_join(directory, "initrd");
	CLEANUP_FREE char *root = path_join(directory, "root");
	CLEANUP_FREE char *to = path_join(directory, FIXED_DIGESTS);
	CLEANUP_BUFFER struct buffer text = {0};
	struct digest digest;

	if (digest_of_file(kernel, &digest, err) < 0 || add_digest(&text, "kernel", &digest) < 0 ||
	    digest_of_file(initrd, &digest, err) < 0 || add_digest(&text, "initrd", &digest) < 0 ||
	    root_digest(root, work_dir, monitor, &digest, err) < 0)
		return -1;
	add_digest(&text, "root", &digest);
	return file_replace(to, text.data, text.len, 0444, err);
}

static int seal(const char *directory, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0444) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

/* supermin says of a full disk no more than that it failed. */
static int check_space(const char *directory, struct error *err)
{
	uint64_t left;

	if (directory_free_bytes(directory, &left, err) < 0)
		return -1;
	if (left >> 20 >= NEEDED_MIB)
		return 0;
	return error_set(err, ERROR_SPACE, "%s: an appliance takes %d MiB, %llu are left",
			 directory, NEEDED_MIB, (unsigned long long)(left >> 20));
}

int fixed_appliance_build(const char *directory, const char *work_dir,
			  const struct monitor *monitor, struct error *err)
{
	static const char readme[] = "A libguestfs appliance, made by coldpatch from this host's "
				     "packages; it is built again when it is removed.\n";
	CLEANUP_FREE char *readme_path = path_join(directory, "README.fixed");

	if (check_space(work_dir, err) < 0)
		return -1;
	if (run_supermin(directory, work_dir, monitor, err) < 0)
		return error_prefix(err, "building the appliance");
	if (file_replace(readme_path, readme, sizeof readme - 1, 0444, err) < 0 ||
	    write_digests(directory, work_dir, monitor, err) < 0)
		return -1;
	for (size_t i = 0; i < FIXED_N_FILES; i++)
		if (seal(directory, fixed_files[i], err) < 0)
			return -1;
	return chmod(directory, 0755) < 0 ? error_os(err, ERROR_IO, errno, "%s", directory) : 0;
}
