/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify-files: {"files": [{"path", "what", "sha256", "backing", "read_only", "other_time"}],
 *                "quick"}
 *               -> {"findings", "missing"}
 *
 * Disks of a library and what they are backed by.  "backing" is what the header has to name; null:
 * nothing is asked.  With "quick", no digest is taken.  "other_time": a finding says already that
 * the file's time is not what it was.  "missing" are findings, too, of files that are not there.
 */
#include <sys/stat.h>

#include <string.h>

#include "base/file.h"
#include "disk/backing.h"
#include "session/findings.h"
#include "session/strings.h"
#include "session/task.h"

struct file {
	const char *path, *what;
	int fd;
};

static void check_mode(const struct file *file, json_t *findings)
{
	struct stat st;
	char mode[16];

	if (fstat(file->fd, &st) < 0 || !(st.st_mode & 0222))
		return;
	snprintf(mode, sizeof mode, "%04o", (unsigned)st.st_mode & 07777);
	finding_add(findings, FINDING_BAD, "mode", file->path, "0444", mode);
}

static void check_backing(const struct file *file, const char *expected, json_t *findings)
{
	CLEANUP_BACKING struct image_backing backing = {0};
	struct error problem = {0};
	bool fits;

	if (image_backing_read(file->fd, &backing, &problem) < 0) {
		finding_add(findings, FINDING_BAD, "backing", file->path, expected, problem.msg);
		return;
	}
	fits = backing.name && strcmp(backing.name, expected) == 0;
	finding_add(findings, fits ? FINDING_OK : FINDING_BAD, "backing", file->path, expected,
		    backing.name ? backing.name : "no backing file");
}

static int check_digest(const struct file *file, const json_t *item, const struct monitor *monitor,
			json_t *findings, struct error *err)
{
	const char *hex = string_member(item, "sha256");
	CLEANUP_FREE char *expected = xasprintf("sha256:%s", hex);
	CLEANUP_FREE char *found = NULL;
	struct digest digest;

	if (digest_of_fd_monitored(file->fd, monitor, &digest, err) < 0)
		return error_prefix(err, "%s", file->path);
	found = finding_digest(&digest);
	if (json_is_true(json_object_get(item, "other_time")) && strcmp(expected, found) == 0)
		finding_add(findings, FINDING_NOTE, file->what, file->path, NULL,
			    "only its time of change is another; its content is right");
	else
		finding_add(findings, strcmp(expected, found) ? FINDING_BAD : FINDING_OK,
			    file->what, file->path, expected, found);
	return 0;
}

static int check_open(const struct file *file, const json_t *item, bool quick,
		      const struct monitor *monitor, json_t *findings, struct error *err)
{
	const json_t *backing = json_object_get(item, "backing");

	if (json_is_true(json_object_get(item, "read_only")))
		check_mode(file, findings);
	if (json_is_string(backing))
		check_backing(file, json_string_value(backing), findings);
	return quick ? 0 : check_digest(file, item, monitor, findings, err);
}

/* What is not there any more, or no file, is a finding; what cannot be read is an error. */
static int check(const json_t *item, bool quick, const struct monitor *monitor, json_t *result,
		 struct error *err)
{
	struct file file = {string_member(item, "path"), string_member(item, "what"), -1};
	json_t *findings = json_object_get(result, "findings");
	struct error problem = {0};
	CLEANUP_CLOSE int fd = file_open(file.path, "a disk", ERROR_TRUST, &problem);

	if (fd >= 0) {
		file.fd = fd;
		return check_open(&file, item, quick, monitor, findings, err);
	}
	if (problem.kind != ERROR_TRUST && problem.kind != ERROR_MISSING) {
		*err = problem;
		return -1;
	}
	finding_add(problem.kind == ERROR_MISSING ? json_object_get(result, "missing") : findings,
		    FINDING_BAD, file.what, file.path, NULL, problem.msg);
	return 0;
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const json_t *files = json_object_get(input, "files"), *item;
	bool quick = json_is_true(json_object_get(input, "quick"));
	CLEANUP_JSON json_t *result = json_object();
	size_t i;

	json_put(result, "findings", json_array());
	json_put(result, "missing", json_array());
	json_array_foreach(files, i, item)
	{
		monitor_progress(monitor, "verify", string_member(item, "path"), i,
				 json_array_size(files));
		if (monitor_check(monitor, err) < 0 || check(item, quick, monitor, result, err) < 0)
			return -1;
	}
	*ret = steal(result);
	return 0;
}

const struct task task_verify_files = {.name = "verify-files", .run = run};
