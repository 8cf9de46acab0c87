/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verifying a library: the session reads heads, records and directories, a worker the disks.
 * Whatever does not fit is a finding, and none of them keeps the others from being found.
 */
#include "session/library_verify.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "library/base.h"
#include "library/trash.h"
#include "session/strings.h"
#include "session/task.h"

/* A disk whose generation a prune took after it was read. */
static bool was_pruned(const char *path)
{
	CLEANUP_FREE char *directory = xstrndup(path, (size_t)(path_last(path) - path));
	CLEANUP_FREE char *mark = path_join(directory, TRASH_MARK);
	struct stat st;

	return lstat(path, &st) < 0 && lstat(mark, &st) == 0;
}

/* They were there when they were queued. */
static void add_missing(const struct verifying *verifying, const json_t *missing)
{
	const json_t *one;
	size_t i;

	json_array_foreach(missing, i, one)
	{
		CLEANUP_JSON json_t *finding = json_deep_copy(one);
		CLEANUP_FREE char *path = json_bytes_value(json_object_get(one, "object"));

		if (verifying->unused || was_pruned(path)) {
			json_put_string(finding, "status", finding_status_name(FINDING_NOTE));
			json_put_string(finding, "found",
					verifying->unused ? "not there, and no generation needs it"
							  : "pruned");
		}
		json_array_append(verifying->findings, finding);
	}
}

/* The files of a template are read before the next one begins, so findings lie together. */
static int read_files(struct verifying *verifying, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object();
	CLEANUP_JSON json_t *result = NULL;

	if (json_array_size(verifying->files) == 0)
		return 0;
	json_put(input, "files", json_deep_copy(verifying->files));
	json_put_bool(input, "quick", verifying->quick);
	json_array_clear(verifying->files);
	if (task_run(verifying->session, "verify-files", input, &result, err) < 0)
		return -1;
	json_array_extend(verifying->findings, json_object_get(result, "findings"));
	add_missing(verifying, json_object_get(result, "missing"));
	return 0;
}

static int verify_one(struct verifying *verifying, const char *reference, struct error *err)
{
	CLEANUP_FREE char *name = NULL;
	int64_t number;

	if (monitor_check(&verifying->session->monitor, err) < 0 ||
	    template_reference_parse(reference, &name, &number, err) < 0 ||
	    verify_template(verifying, name, number, err) < 0)
		return -1;
	verify_template_places(verifying, name);
	return read_files(verifying, err);
}

static int verify_templates(struct verifying *verifying, char *const *names, size_t n,
			    struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct error problem = {0};

		if (verify_one(verifying, names[i], &problem) == 0)
			continue;
		/* Removed since it was listed. */
		if (problem.kind == ERROR_MISSING)
			continue;
		*err = problem;
		return -1;
	}
	return 0;
}

static int verify_bases(struct verifying *verifying, struct error *err)
{
	CLEANUP_FREE struct digest *digests = NULL;
	struct error problem = {0};
	size_t n = 0;

	if (library_list_bases(verifying->library, &digests, &n, &problem) < 0)
		finding_add_problem(verifying->findings, verifying->library, "base", "bases",
				    problem.msg);
	verifying->unused = true; /* the others were looked at with their generations */
	for (size_t i = 0; i < n; i++)
		verify_base(verifying, &digests[i]);
	return read_files(verifying, err);
}

static int verify_all(struct verifying *verifying, struct error *err)
{
	struct error problem = {0};
	char **names = NULL;
	size_t n = 0;
	int result;

	if (library_list_templates(verifying->library, &names, &n, &problem) < 0)
		finding_add_problem(verifying->findings, verifying->library, "template",
				    "templates", problem.msg);
	result = verify_templates(verifying, names, n, err);
	names_free(names, n);
	return result < 0 ? -1 : verify_bases(verifying, err);
}

static bool is_named(const struct coldpatch_library_verify_options *options, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < options->n_names; i++)
		if (strncmp(options->names[i], name, len) == 0 &&
		    (options->names[i][len] == '\0' || options->names[i][len] == '@'))
			return true;
	return options->n_names == 0;
}

/* Named is NAME or NAME@N. */
static bool has_line(const struct head_log *log, const char *reference)
{
	size_t len = strcspn(reference, "@");

	for (size_t i = 0; i < log->n_lines; i++)
		if (strlen(log->lines[i].name) == len &&
		    strncmp(log->lines[i].name, reference, len) == 0)
			return true;
	return false;
}

/* Whether a template has only grown was asked, and cannot be told. */
static void find_unlogged(struct verifying *verifying,
			  const struct coldpatch_library_verify_options *options,
			  const struct head_log *log)
{
	for (size_t i = 0; i < options->n_names; i++)
		if (!has_line(log, options->names[i]))
			finding_add(verifying->findings, FINDING_BAD, "log", options->names[i],
				    NULL, "the file of --since has no line of it");
}

static int verify_log(struct verifying *verifying,
		      const struct coldpatch_library_verify_options *options, struct error *err)
{
	CLEANUP_LOG struct head_log log = {0};

	if (!options->since)
		return 0;
	if (head_log_read(options->since, &log, err) < 0)
		return -1;
	for (size_t i = 0; i < log.n_lines; i++)
		if (is_named(options, log.lines[i].name) &&
		    verify_log_line(verifying, &log.lines[i], err) < 0)
			return -1;
	find_unlogged(verifying, options, &log);
	return 0;
}

static int verify(struct verifying *verifying,
		  const struct coldpatch_library_verify_options *options, struct error *err)
{
	if (strings_check(options->names, options->n_names, "template", err) < 0 ||
	    strings_check(&options->since, 1, "file", err) < 0)
		return -1;
	verifying->library = session_library(verifying->session, err);
	if (!verifying->library || !session_keys(verifying->session, err) ||
	    verify_log(verifying, options, err) < 0)
		return -1;
	verify_library_places(verifying, options->n_names == 0);
	if (options->n_names == 0)
		return verify_all(verifying, err);
	for (size_t i = 0; i < options->n_names; i++)
		if (verify_one(verifying, options->names[i], err) < 0)
			return -1;
	return 0;
}

int coldpatch_library_verify(struct coldpatch_session *session,
			     const struct coldpatch_library_verify_options *options,
			     char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *findings = json_array();
	CLEANUP_JSON json_t *files = json_array();
	CLEANUP_JSON json_t *bases = json_object();
	CLEANUP_JSON json_t *result = json_object();
	struct verifying verifying = {.session = session,
				      .quick = options->quick,
				      .findings = findings,
				      .files = files,
				      .bases = bases};
	struct error err = {0};

	if (verify(&verifying, options, &err) < 0)
		return session_fail(ret_err, &err);
	json_put_u64(result, "code", findings_have_bad(findings) ? COLDPATCH_FOUND : COLDPATCH_OK);
	json_put(result, "findings", steal(findings));
	*ret_json = session_text(result);
	return 0;
}
