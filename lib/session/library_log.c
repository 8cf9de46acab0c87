/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_log.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "library/heads.h"
#include "session/library_verify.h"
#include "session/strings.h"

enum { MAX_LOG = 64 << 20 };

void head_log_free(struct head_log *log)
{
	for (size_t i = 0; i < log->n_lines; i++)
		free(log->lines[i].name);
	free(log->lines);
}

/* --- the text --- */

static bool parse_line(char *text, struct log_line *ret)
{
	struct error ignored = {0};
	char *number = strchr(text, ' '), *hex = number ? strchr(number + 1, ' ') : NULL;

	if (!hex)
		return false;
	*number++ = *hex++ = '\0';
	if (template_name_check(text, &ignored) < 0 ||
	    !generation_number_parse(number, &ret->number) || ret->number == 0 ||
	    !digest_from_hex(hex, &ret->digest))
		return false;
	ret->name = xstrdup(text);
	return true;
}

/* The text is a copy, ends with NUL, and is cut up. */
static int parse(char *text, size_t len, const char *path, struct head_log *log, struct error *err)
{
	size_t n = 1;

	for (char *line = text; line < text + len; n++) {
		char *end = memchr(line, '\n', (size_t)(text + len - line));
		struct log_line one = {0};

		if (end)
			*end = '\0';
		if (!end || !parse_line(line, &one))
			return error_set(err, ERROR_USAGE,
					 "%s: line %zu is none that `coldpatch log head` prints",
					 path, n);
		*ARRAY_ADD(log->lines, log->n_lines) = one;
		line = end + 1;
	}
	return log->n_lines
		       ? 0
		       : error_set(err, ERROR_USAGE,
				   "%s: has no line, so it tells nothing of any template", path);
}

int head_log_read(const char *path, struct head_log *ret, struct error *err)
{
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP_FREE char *text = NULL;
	struct head_log log = {0};

	if (file_read_document(path, MAX_LOG, ERROR_USAGE, &file, err) < 0)
		return -1;
	text = xstrndup(file.data ? file.data : "", file.len);
	if (parse(text, file.len, path, &log, err) < 0) {
		head_log_free(&log);
		return -1;
	}
	*ret = log;
	return 0;
}

json_t *head_log_to_good(const struct head_log *log)
{
	json_t *good = json_object();

	for (size_t i = 0; i < log->n_lines; i++) {
		json_t *one = json_object();

		json_put_u64(one, "head", log->lines[i].number);
		json_put_digest(one, "digest", &log->lines[i].digest);
		json_put(good, log->lines[i].name, one);
	}
	return good;
}

/* --- the log of a library --- */

static void add_line(struct head_log *log, const char *name, const struct template_head *head)
{
	struct log_line *line = ARRAY_ADD(log->lines, log->n_lines);

	line->name = xstrdup(name);
	line->number = head->number;
	line->digest = head->digest;
}

static int add_last_good(struct coldpatch_session *session, const char *name, struct head_log *log,
			 struct error *err)
{
	CLEANUP(template_free)
	struct template *template = session_template(session, name, err);

	if (!template)
		return -1;
	for (size_t i = template->n_heads; i-- > 0;)
		if (!template->heads[i].problem) {
			add_line(log, name, &template->heads[i]);
			break;
		}
	return 0;
}

/* A line that nobody could rely on is not printed. */
static int add_last(struct coldpatch_session *session, const char *name, struct head_log *log,
		    struct error *err)
{
	CLEANUP(template_free)
	struct template *template = session_template(session, name, err);

	if (!template)
		return -1;
	for (size_t i = 0; i < template->n_heads; i++)
		if (template->heads[i].problem)
			return error_set(err, ERROR_TRUST, "%s: %s; see coldpatch verify %s", name,
					 template->heads[i].problem, name);
	if (template_check_heads(template, err) < 0)
		return -1;
	add_line(log, name, template_last_head(template));
	return 0;
}

typedef int add_template(struct coldpatch_session *session, const char *name, struct head_log *log,
			 struct error *err);

static int add_all(struct coldpatch_session *session, add_template *add, struct head_log *log,
		   struct error *err)
{
	const struct library *library = session_library(session, err);
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (!library || library_list_templates(library, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		result = add(session, names[i], log, err);
	names_free(names, n);
	return result;
}

int head_log_of_library(struct coldpatch_session *session, struct head_log *ret, struct error *err)
{
	struct head_log log = {0};

	if (add_all(session, add_last_good, &log, err) < 0) {
		head_log_free(&log);
		return -1;
	}
	*ret = log;
	return 0;
}

static json_t *lines_to_json(const struct head_log *log)
{
	json_t *list = json_array();

	for (size_t i = 0; i < log->n_lines; i++) {
		json_t *one = json_object();

		json_put_string(one, "template", log->lines[i].name);
		json_put_u64(one, "head", log->lines[i].number);
		json_put_digest(one, "digest", &log->lines[i].digest);
		json_array_append_new(list, one);
	}
	return list;
}

int coldpatch_library_log(struct coldpatch_session *session, const char *const *names,
			  size_t n_names, char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_LOG struct head_log log = {0};
	CLEANUP_JSON json_t *json = json_object();
	struct error err = {0};
	int result = strings_check(names, n_names, "template", &err);

	for (size_t i = 0; result == 0 && i < n_names; i++)
		result = add_last(session, names[i], &log, &err);
	if (result == 0 && n_names == 0)
		result = add_all(session, add_last, &log, &err);
	if (result < 0)
		return session_fail(ret_err, &err);
	json_put(json, "heads", lines_to_json(&log));
	*ret_json = session_text(json);
	return 0;
}

/* --- has it only grown? --- */

static void add_bad(struct verifying *verifying, const struct log_line *line, const char *found)
{
	CLEANUP_FREE char *digest = finding_digest(&line->digest);
	CLEANUP_FREE char *expected = xasprintf("head %" PRIu64 " %s", line->number, digest);

	finding_add(verifying->findings, FINDING_BAD, "log", line->name, expected, found);
}

/* From the head at `i` on each one vouches for the one before; the first that does not, or NULL. */
static const struct template_head *find_break(const struct template *template, size_t i)
{
	for (size_t j = i + 1; j < template->n_heads; j++) {
		const struct template_head *head = &template->heads[j];

		if (!head->head || head->number != head[-1].number + 1 ||
		    !digest_equal(&head->head->previous, &head[-1].digest))
			return head;
	}
	return NULL;
}

static void check_line(struct verifying *verifying, const struct log_line *line,
		       const struct template *template)
{
	CLEANUP_FREE char *expected = finding_digest(&line->digest);
	CLEANUP_FREE char *found = NULL;
	const struct template_head *last = template_last_head(template), *broken;
	size_t i = 0;

	while (i < template->n_heads && template->heads[i].number != line->number)
		i++;
	if (i == template->n_heads) {
		found = xasprintf("the log ends at head %" PRIu64, last ? last->number : 0);
		add_bad(verifying, line,
			last && last->number > line->number ? "that head is missing" : found);
		return;
	}
	found = finding_digest(&template->heads[i].digest);
	broken = find_break(template, i);
	finding_add(verifying->findings, strcmp(expected, found) ? FINDING_BAD : FINDING_OK, "log",
		    template->heads[i].path, expected, found);
	if (broken)
		finding_add(verifying->findings, FINDING_BAD, "log", broken->path, NULL,
			    "does not go on from the head before it");
}

int verify_log_line(struct verifying *verifying, const struct log_line *line, struct error *err)
{
	struct error problem = {0};
	CLEANUP(template_free)
	struct template *template = session_template(verifying->session, line->name, &problem);

	if (template)
		check_line(verifying, line, template);
	else if (problem.kind == ERROR_MISSING)
		add_bad(verifying, line, "no such template");
	else if (problem.kind == ERROR_TRUST)
		add_bad(verifying, line, problem.msg);
	else {
		*err = problem;
		return -1;
	}
	return 0;
}
