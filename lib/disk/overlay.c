/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and checking overlays with qemu-img, confined like qemu-nbd.  The backing name is stored
 * and never opened (-u), so the size is given.  lazy_refcounts is never used: an overlay must be
 * clean whenever it is closed.  Extended L2 entries would save copying on small writes, but the
 * header checks of other tools (OpenStack's) refuse them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "disk/confine.h"
#include "disk/source.h"

enum { OUTPUT_LIMIT = 1 << 16, CREATE_DEADLINE_MS = 60000, CHECK_DEADLINE_MS = 1800000 };

static int run_confined(const char *const *argv, struct confined_files *files, unsigned deadline_ms,
			struct process_result *ret, struct error *err)
{
	static const char *const env[] = {CONFINE_ENVIRONMENT, NULL};
	struct process_spec spec = {.argv = argv,
				    .env = env,
				    .pass_fds = files->fds,
				    .n_pass_fds = files->n_fds,
				    .output_limit = OUTPUT_LIMIT,
				    .deadline_ms = deadline_ms,
				    .child_setup = confine_child,
				    .child_opaque = files};

	return process_run(&spec, ret, err);
}

static int create_in(int fd, const struct image_file *parent, const char *backing_name,
		     struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_FREE char *size = xasprintf("%" PRIu64, parent->virtual_size);
	CLEANUP_FREE char *path = NULL;

	if (confined_files_single(fd, &files, err) < 0)
		return -1;
	path = xasprintf("/proc/self/fd/%d", files.fds[0]);
	const char *const argv[] = {
		"qemu-img", "create",	  "-q", "-u",
		"-f",	    "qcow2",	  "-o", "compat=1.1,cluster_size=65536,lazy_refcounts=off",
		"-b",	    backing_name, "-F", image_format_name(parent->format),
		path,	    size,	  NULL};

	if (run_confined(argv, &files, CREATE_DEADLINE_MS, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	confined_tool_failed("qemu-img create", &result.err, err);
	err->kind = err->kind == ERROR_IMAGE ? ERROR_IO : err->kind;
	return -1;
}

int image_create_overlay(const struct image *image, const char *path, const char *backing_name,
			 struct error *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (!*backing_name || strlen(backing_name) > QCOW2_MAX_BACKING_NAME ||
	    backing_name_has_protocol(backing_name))
		return error_set(err, ERROR_USAGE, "%s: cannot stand in a header as a backing file",
				 backing_name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_os(err, errno == EEXIST ? ERROR_USAGE : ERROR_IO, errno, "%s", path);
	if (create_in(fd, &image->files[0], backing_name, err) == 0)
		return 0;
	unlink(path);
	return error_prefix(err, "%s", path);
}

static int check_report(const struct buffer *out, struct error *err)
{
	CLEANUP_JSON json_t *report =
		json_parse(out->data, out->len, "qemu-img check", ERROR_IO, err);
	json_int_t corruptions, leaks, errors;

	if (!report)
		return -1;
	corruptions = json_integer_value(json_object_get(report, "corruptions"));
	leaks = json_integer_value(json_object_get(report, "leaks"));
	errors = json_integer_value(json_object_get(report, "check-errors"));
	if (!corruptions && !leaks && !errors)
		return 0;
	return error_set(
		err, ERROR_IMAGE,
		"qemu-img check counts %lld corruptions, %lld leaked clusters, %lld errors",
		(long long)corruptions, (long long)leaks, (long long)errors);
}

static int check_top(const struct image *image, struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_FREE char *graph = NULL;

	if (confined_files_open(image, false, &files, err) < 0)
		return -1;
	graph = confined_files_graph(image, &files, 1);
	const char *const argv[] = {"qemu-img", "check", "--output=json", graph, NULL};

	if (run_confined(argv, &files, CHECK_DEADLINE_MS, &result, err) < 0)
		return -1;
	if (result.out.len)
		return check_report(&result.out, err);
	return confined_tool_failed("qemu-img check", &result.err, err);
}

int image_check(const struct image *image, struct error *err)
{
	if (image->files[0].format == IMAGE_FORMAT_RAW)
		return 0;
	if (check_top(image, err) < 0)
		return error_prefix(err, "%s", image->files[0].path);
	return 0;
}
