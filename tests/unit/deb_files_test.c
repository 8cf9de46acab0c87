/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Package files and directories as they lie on a disk: what they bring, and what is said of those
 * that are none. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "fs_block.h"
#include "package/deb/apt_index.h"
#include "package/deb/deb.h"
#include "package/names.h"
#include "package/ownership.h"
#include "suite.h"

static char *directory;

static void write_text(const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *parent = xstrdup(path);
	struct error err = {0};

	*strrchr(parent, '/') = '\0';
	ck_assert_int_eq(directory_make(parent, 0755, &err), 0);
	ck_assert_int_eq(file_replace(path, text, strlen(text), 0644, &err), 0);
}

static void run_in(const char *const *argv)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct process_spec spec = {.argv = argv, .output_limit = 4096, .deadline_ms = 60000};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_BUG, &result, &err) == 0, "%s", err.msg);
}

static char *build_package(const char *compression)
{
	CLEANUP_FREE char *tree = path_join(directory, "tree");
	CLEANUP_FREE char *option = xasprintf("-Z%s", compression);
	CLEANUP_FREE char *file = path_join(directory, "tree/usr/a");
	CLEANUP_FREE char *hard = path_join(directory, "tree/usr/z");
	char *deb = path_join(directory, "p.deb");

	write_text("tree/DEBIAN/control", "Package: p\nVersion: 1\nArchitecture: all\n"
					  "Maintainer: x <x@example.org>\nDescription: x\n");
	write_text("tree/DEBIAN/conffiles", "/etc/p.conf\n");
	write_text("tree/etc/p.conf", "config");
	write_text("tree/usr/a", "abc");
	if (link(file, hard) < 0)
		ck_abort_msg("link");
	run_in((const char *[]){"dpkg-deb", "--root-owner-group", option, "-b", tree, deb, NULL});
	return deb;
}

static int print_file(void *opaque, const char *path, const struct digest *sha256, bool config,
		      struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	(void)err;
	digest_to_hex(sha256, hex);
	buffer_printf(opaque, "%s %.8s%s\n", path, hex, config ? " config" : "");
	return 0;
}

static const char *const compressions[] = {"none", "gzip", "xz", "zstd"};

START_TEST(payload_is_hashed)
{
	struct error err = {0};
	struct buffer got = {0};
	char *deb;

	directory = directory_make_temporary("/tmp", "deb", &err);
	deb = build_package(compressions[_i]);
	ck_assert_msg(deb_payload(deb, print_file, &got, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(got.data, "/etc/p.conf b79606fb config\n/usr/a ba7816bf\n"
				   "/usr/z ba7816bf\n");
	directory_remove(directory, &err);
	free(deb);
	buffer_free(&got);
}
END_TEST

static void expect_no_payload(const char *path, enum error_kind kind, const char *message)
{
	struct error err = {0};
	struct buffer got = {0};

	ck_assert_int_eq(deb_payload(path, print_file, &got, &err), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
	buffer_free(&got);
}

static char *ar_with(const char *member)
{
	CLEANUP_FREE char *content = path_join(directory, member);
	char *path = path_join(directory, "x.deb");

	unlink(path);
	run_in((const char *[]){"ar", "rc", path, content, NULL});
	return path;
}

static void tar_with(const char *name, const char *transform)
{
	CLEANUP_FREE char *path = path_join(directory, name);

	run_in((const char *[]){"tar", "-C", directory, "-P", "-cf", path, transform, "f", "g",
				NULL});
}

START_TEST(payload_refuses)
{
	struct error err = {0};
	CLEANUP_FREE char *first = NULL, *second = NULL, *third = NULL, *f = NULL, *g = NULL;

	directory = directory_make_temporary("/tmp", "deb", &err);
	write_text("f", "x");
	f = path_join(directory, "f");
	g = path_join(directory, "g");
	ck_assert_int_eq(link(f, g), 0);
	expect_no_payload("/nonexistent.deb", ERROR_MISSING,
			  "/nonexistent.deb: No such file or directory");
	expect_no_payload(f, ERROR_MIRROR, "damaged archive: ");
	first = ar_with("f");
	expect_no_payload(first, ERROR_MIRROR, "no data.tar in it: not a package");
	tar_with("data.tar", "--transform=s,^f,../../etc/passwd,");
	second = ar_with("data.tar");
	expect_no_payload(second, ERROR_MIRROR, "unsafe path ../../etc/passwd");
	tar_with("data.tar", "--transform=flags=h;s,^f,nowhere,");
	third = ar_with("data.tar");
	expect_no_payload(third, ERROR_MIRROR, "hard link to nowhere, which is not in it");
	directory_remove(directory, &err);
}
END_TEST

static int read_all(void *opaque, const struct archive_item *item, struct archive_stream *content,
		    struct error *err)
{
	char chunk[4096];
	ssize_t n;

	(void)opaque;
	(void)item;
	while ((n = archive_stream_read(content, chunk, sizeof chunk, err)) > 0)
		;
	return (int)n;
}

START_TEST(archive_has_limits)
{
	struct archive_limits few = {.bytes = 1 << 20, .entries = 1},
			      small = {.bytes = 0, .entries = 10};
	CLEANUP_FREE char *path = NULL;
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	write_text("f", "x");
	write_text("g", "y");
	tar_with("data.tar", "--transform=s,x,x,");
	path = path_join(directory, "data.tar");
	ck_assert_int_eq(archive_walk(path, &few, ERROR_MIRROR, read_all, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "data.tar: too many entries"));
	ck_assert_int_eq(archive_walk(path, &small, ERROR_MIRROR, read_all, NULL, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "data.tar: unpacks to more than the limit"));
	directory_remove(directory, &err);
}
END_TEST

static void expect_no_index(const char *index_path, const char *component, const char *message)
{
	CLEANUP_FREE char *path = xstrdup(index_path), *name = xstrdup(component);
	struct mirror_source source = {
		.directory = directory, .index_path = path, .components = &name, .n_components = 1};
	struct mirror_snapshot snapshot = {.sources = &source, .n_sources = 1};
	static char arch[] = "amd64";
	struct guest_packages packages = {.architecture = arch};
	struct apt_index index = {0};
	struct error err = {0};

	ck_assert_int_eq(apt_index_open(&snapshot, &packages, directory, &index, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MIRROR);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(index_is_checked)
{
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	write_text("dists/s/InRelease", "Origin: x\n");
	write_text("repodata/repomd.xml", "x");
	expect_no_index("dists/s/InRelease", "main",
			"mirror snapshot: no package index for architecture amd64");
	expect_no_index("dists/s/InRelease", "main [trusted=yes]",
			"mirror snapshot: \"main [trusted=yes]\" is not the name of a suite, "
			"component or architecture");
	expect_no_index("repodata/repomd.xml", "main",
			"mirror snapshot: repodata/repomd.xml is not the index of an apt suite");
	directory_remove(directory, &err);
}
END_TEST

/* A source that has nothing but packages for every architecture is for any guest. */
START_TEST(index_may_be_for_all)
{
	char path[] = "dists/s/InRelease", component[] = "main", arch[] = "amd64", all[] = "all";
	char *components[] = {component}, *architectures[] = {all, arch};
	struct mirror_source source = {.index_path = path,
				       .components = components,
				       .n_components = 1,
				       .architectures = architectures,
				       .n_architectures = 1};
	struct mirror_snapshot snapshot = {.sources = &source, .n_sources = 1};
	struct guest_packages packages = {.architecture = arch};
	CLEANUP_APT_INDEX struct apt_index index = {0};
	CLEANUP_FREE char *first = NULL, *second = NULL;
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	source.directory = directory;
	write_text(path, "Origin: x\n");
	write_text("dists/s/main/binary-all/Packages", "");
	first = path_join(directory, "first");
	second = path_join(directory, "second");
	ck_assert_msg(apt_index_open(&snapshot, &packages, first, &index, &err) == 0, "%s",
		      err.msg);
	source.n_architectures = 2;
	ck_assert_int_eq(apt_index_open(&snapshot, &packages, second, &index, &err), -1);
	ck_assert_str_eq(err.msg, "mirror snapshot: no package index for architecture amd64");
	directory_remove(directory, &err);
}
END_TEST

/* A guest whose only directory is `directory`/root. */
static struct tree *make_guest(void)
{
	CLEANUP_FREE char *root = path_join(directory, "root"), *image = path_join(directory, "i");
	struct tree *tree = tree_new();
	struct error err = {0};
	struct block *block;

	run_in((const char *[]){"mke2fs", "-q", "-F", "-d", root, image, "4096k", NULL});
	block = file_block_new(open(image, O_RDONLY));
	tree_own_block(tree, block);
	ck_assert_int_eq(tree_mount(tree, "/", fs_open(block, &err), &err), 0);
	return tree;
}

START_TEST(directories_of_the_guest_are_bounded)
{
	struct package_names names = {.suffix = ".list", .limit = 3};
	CLEANUP(tree_free)
	struct tree *tree = NULL;
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	write_text("root/few/a.list", "");
	write_text("root/few/b", "");
	for (int i = 0; i < 4; i++) {
		CLEANUP_FREE char *name = xasprintf("root/many/%d.list", i);

		write_text(name, "");
	}
	tree = make_guest();
	ck_assert_int_eq(package_names_read(tree, "/few", &names, &err), 0);
	ck_assert_uint_eq(names.n_items, 1);
	package_names_free(&names);
	names = (struct package_names){.suffix = ".list", .limit = 3};
	ck_assert_int_eq(package_names_read(tree, "/many", &names, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/many: too many files in one directory");
	package_names_free(&names);
	ck_assert_int_eq(package_names_read(tree, "/few/b", &names, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/few/b in the guest is not a directory");
	directory_remove(directory, &err);
}
END_TEST

START_TEST(file_lists_are_in_a_directory)
{
	CLEANUP(ownership_free)
	struct ownership *ownership = NULL;
	CLEANUP(tree_free)
	struct tree *tree = NULL;
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	write_text("root/var/lib/dpkg/info", "");
	tree = make_guest();
	ownership = ownership_read(&deb_family, tree, &err);
	ck_assert_ptr_null(ownership);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "reading dpkg's file lists: /var/lib/dpkg/info in the guest is "
				  "not a directory");
	directory_remove(directory, &err);
}
END_TEST

START_TEST(conffiles_have_a_limit)
{
	CLEANUP_BUFFER struct buffer list = {0};
	CLEANUP_FREE char *tree = NULL, *deb = NULL;
	struct error err = {0};

	directory = directory_make_temporary("/tmp", "deb", &err);
	tree = path_join(directory, "tree");
	deb = path_join(directory, "p.deb");
	write_text("tree/DEBIAN/control", "Package: p\nVersion: 1\nArchitecture: all\n");
	for (int i = 0; i < 300000; i++)
		buffer_puts(&list, "/etc/p.conf.d/x\n");
	write_text("tree/DEBIAN/conffiles", list.data);
	run_in((const char *[]){"dpkg-deb", "--nocheck", "-Zgzip", "-b", tree, deb, NULL});
	expect_no_payload(deb, ERROR_MIRROR, "p.deb: its list of conffiles is too long");
	directory_remove(directory, &err);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
	tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *suite = suite_create("deb files");
	TCase *tcase = tcase_create("files");

	LOOP(tcase, payload_is_hashed, compressions);
	tcase_add_test(tcase, payload_refuses);
	tcase_add_test(tcase, conffiles_have_a_limit);
	tcase_add_test(tcase, archive_has_limits);
	tcase_add_test(tcase, index_is_checked);
	tcase_add_test(tcase, index_may_be_for_all);
	tcase_add_test(tcase, file_lists_are_in_a_directory);
	tcase_add_test(tcase, directories_of_the_guest_are_bounded);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
