/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small disk images for the tests of guest and boot: real tables and file systems by sfdisk and
 * mke2fs, in a directory that goes away at the end. */
#ifndef TESTS_UNIT_GUEST_IMAGES_H
#define TESTS_UNIT_GUEST_IMAGES_H

#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "guest/guest.h"

enum { MIB = 1 << 20 };

static const char test_os_release[] =
	"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\n"
	"VERSION_CODENAME=bookworm\nID=debian\n";

static char *work; /* the directory of the test that runs */

static inline char *in_work(const char *name)
{
	return path_join(work, name);
}

static inline void images_setup(void)
{
	struct error err = {0};

	work = directory_make_temporary("/var/tmp", "coldpatch-test", &err);
	ck_assert_msg(work != NULL, "%s", err.msg);
}

static inline void images_teardown(void)
{
	struct error err = {0};

	ck_assert_msg(directory_remove(work, &err) == 0, "%s", err.msg);
	free(steal(work));
}

/* Up to 15 arguments, NULL at the end. */
static inline void run_tool(const char *input, ...)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	const char *argv[16] = {0};
	struct process_spec spec = {.argv = argv,
				    .input = input,
				    .input_len = input ? strlen(input) : 0,
				    .output_limit = 4096,
				    .deadline_ms = 60000};
	struct error err = {0};
	va_list ap;

	va_start(ap, input);
	for (size_t i = 0; i < 15 && (argv[i] = va_arg(ap, const char *)); i++)
		;
	va_end(ap);
	ck_assert_msg(process_run_ok(&spec, ERROR_HOST, &result, &err) == 0, "%s", err.msg);
}

static inline void make_parents(const char *path)
{
	CLEANUP_FREE char *directory = xstrdup(path);
	struct error err = {0};

	*strrchr(directory, '/') = '\0';
	ck_assert_msg(directory_make(directory, 0755, &err) == 0, "%s", err.msg);
}

static inline void put_bytes(const char *name, const void *data, size_t len)
{
	CLEANUP_FREE char *path = in_work(name);
	struct error err = {0};

	make_parents(path);
	ck_assert_msg(file_replace(path, data, len, 0644, &err) == 0, "%s", err.msg);
}

static inline void put_file(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static inline void put_directory(const char *name)
{
	CLEANUP_FREE char *path = in_work(name);
	struct error err = {0};

	ck_assert_msg(directory_make(path, 0755, &err) == 0, "%s", err.msg);
}

static inline void put_link(const char *name, const char *target)
{
	CLEANUP_FREE char *path = in_work(name);

	make_parents(path);
	unlink(path);
	ck_assert_int_eq(symlink(target, path), 0);
}

/* The head of a program for `machine` (EM_X86_64, ...), 64 bit, little endian. */
static inline void put_program(const char *name, unsigned machine)
{
	unsigned char header[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	header[16] = 3;
	header[18] = (unsigned char)machine;
	header[19] = (unsigned char)(machine >> 8);
	put_bytes(name, header, sizeof header);
}

/* A disk of `mib` MiB; `table` is an sfdisk script, or NULL for none. */
static inline void make_disk(const char *name, unsigned mib, const char *table)
{
	CLEANUP_FREE char *path = in_work(name);
	CLEANUP_CLOSE int fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)mib * MIB), 0);
	if (table)
		run_tool(table, "sfdisk", "-q", path, NULL);
}

struct test_fs {
	const char *disk;
	unsigned offset, size;	  /* MiB */
	const char *from;	  /* directory of what is in it */
	const char *uuid, *label; /* or NULL */
};

static inline void make_fs(const struct test_fs *fs)
{
	CLEANUP_FREE char *disk = in_work(fs->disk), *from = in_work(fs->from);
	CLEANUP_FREE char *offset = xasprintf("offset=%llu", (unsigned long long)fs->offset * MIB);
	CLEANUP_FREE char *size = xasprintf("%uk", fs->size * 1024);

	run_tool(NULL, "mke2fs", "-q", "-F", "-t", "ext4", "-d", from, "-L",
		 fs->label ? fs->label : "", "-U", fs->uuid ? fs->uuid : "random", "-E", offset,
		 disk, size, NULL);
}

static inline void poke(const char *name, off_t offset, const void *data, size_t len)
{
	CLEANUP_FREE char *path = in_work(name);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, len, offset), (ssize_t)len);
}

/* An image that is open: free it with opened_free. */
struct opened {
	struct image *images[4];
	struct block *blocks[4];
	size_t n_disks;
	struct guest *guest;
	struct tree *tree;
	struct error err;
};

static inline void opened_free(struct opened *opened)
{
	tree_free(opened->tree);
	guest_free(opened->guest);
	for (size_t i = 0; i < opened->n_disks; i++) {
		block_free(opened->blocks[i]);
		image_free(opened->images[i]);
	}
}
#define CLEANUP_OPENED __attribute__((cleanup(opened_free)))

static inline void add_disk(struct opened *opened, const char *path, const char *backing,
			    bool writable)
{
	struct image_options options = {.backing = &backing, .n_backing = backing ? 1 : 0};
	size_t i = opened->n_disks++;

	opened->images[i] = image_open(path, &options, &opened->err);
	ck_assert_msg(opened->images[i] != NULL, "%s", opened->err.msg);
	opened->blocks[i] = image_attach(opened->images[i], writable, work, &opened->err);
	ck_assert_msg(opened->blocks[i] != NULL, "%s", opened->err.msg);
}

static inline int open_guest(struct opened *opened, bool writable)
{
	const struct guest_access access = {.writable = writable};

	return guest_open((const struct image *const *)opened->images, opened->blocks,
			  opened->n_disks, &access, &opened->guest, &opened->tree, &opened->err);
}

/* Names of disks in order, NULL at the end; the result of guest_open. */
static inline int open_disks(struct opened *opened, const char *const *names)
{
	for (; *names; names++) {
		CLEANUP_FREE char *path = in_work(*names);

		add_disk(opened, path, NULL, false);
	}
	return open_guest(opened, false);
}

/* The same for writing, on a new overlay of one disk. */
static inline int open_overlay(struct opened *opened, const char *name)
{
	CLEANUP_FREE char *base = in_work(name), *overlay = in_work("overlay.qcow2");
	CLEANUP(image_free)
	struct image *image = image_open(base, &(struct image_options){0}, &opened->err);

	ck_assert_msg(image != NULL, "%s", opened->err.msg);
	ck_assert_msg(image_create_overlay(image, overlay, name, &opened->err) == 0, "%s",
		      opened->err.msg);
	add_disk(opened, overlay, base, true);
	return open_guest(opened, true);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void must_open(struct opened *opened, const char *const *names)
{
	ck_assert_msg(open_disks(opened, names) == 0, "%s", opened->err.msg);
}

#endif
