/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libselinux reads files by path, so the guest's are copied into a private directory and removed
 * again once they are read.  What it says about them it says to a callback of the process; a
 * worker opens one policy at a time.
 */
#include "layer/contexts.h"

#include <errno.h>
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

#define CONFIG "/etc/selinux/config"

struct contexts {
	struct selabel_handle *handle;
	char *directory; /* as of a source */
	char **custom;	 /* types */
	size_t n_custom;
};

struct source {
	contexts_reader *read;
	void *opaque;
	char *directory; /* "/etc/selinux/targeted/contexts" */
	char *why;	 /* unusable; owned */
};

void contexts_free(struct contexts *contexts)
{
	if (!contexts)
		return;
	if (contexts->handle)
		selabel_close(contexts->handle);
	for (size_t i = 0; i < contexts->n_custom; i++)
		free(contexts->custom[i]);
	free(contexts->custom);
	free(contexts->directory);
	free(contexts);
}

/* The value of the last line "NAME=value"; allocated, or NULL. */
static char *config_value(const struct buffer *text, const char *name)
{
	size_t len = strlen(name);
	char *copy = xstrndup(text->data, text->len), *rest = copy, *line, *value = NULL;

	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		line += len + 1;
		line[strcspn(line, " \t\r")] = '\0';
		free(value);
		value = xstrdup(line);
	}
	free(copy);
	return value;
}

static bool is_policy_name(const char *name)
{
	return *name && *name != '.' && strlen(name) < 128 && !strchr(name, '/');
}

/* 1 with source->directory set, 0 without SELinux, -1. */
static int find_policy(struct source *source, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *mode = NULL, *type = NULL;
	int found = source->read(source->opaque, CONFIG, &text, err);

	if (found <= 0 || !text.data)
		return found < 0 ? -1 : 0;
	mode = config_value(&text, "SELINUX");
	type = config_value(&text, "SELINUXTYPE");
	if (!mode || strcasecmp(mode, "disabled") == 0)
		return 0;
	if (type && !is_policy_name(type)) {
		source->why = xstrdup(CONFIG " names no policy");
		return 1;
	}
	source->directory = xasprintf("/etc/selinux/%s/contexts", type ? type : "targeted");
	return 1;
}

/* 1 when the guest has it, 0, -1. */
static int copy_one(struct source *source, const char *suffix, const char *to, struct error *err)
{
	CLEANUP_FREE char *from = xasprintf("%s/files/file_contexts%s", source->directory, suffix);
	CLEANUP_FREE char *copy = xasprintf("%s%s", to, suffix);
	CLEANUP_BUFFER struct buffer text = {0};
	int found = source->read(source->opaque, from, &text, err);

	if (found <= 0)
		return found;
	return file_replace(copy, text.data ? text.data : "", text.len, 0600, err) < 0 ? -1 : 1;
}

static int copy_all(struct source *source, const char *to, struct error *err)
{
	static const char *const others[] = {".homedirs", ".local", ".subs", ".subs_dist"};
	int found = copy_one(source, "", to, err);

	if (found == 0)
		source->why = xasprintf("there is no %s/files/file_contexts", source->directory);
	for (size_t i = 0; found > 0 && i < sizeof others / sizeof *others; i++)
		if (copy_one(source, others[i], to, err) < 0)
			return -1;
	return found < 0 ? -1 : 0;
}

static int read_custom(struct source *source, struct contexts *contexts, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/customizable_types", source->directory);
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *copy = NULL;
	char *rest, *line;
	int found = source->read(source->opaque, path, &text, err);

	if (found <= 0 || !text.data)
		return found < 0 ? -1 : 0;
	rest = copy = xstrndup(text.data, text.len);
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " \t\r#")] = '\0';
		if (*line)
			*ARRAY_ADD(contexts->custom, contexts->n_custom) = xstrdup(line);
	}
	return 0;
}

/* The first thing that libselinux says. */
static char *complaint;

static int __attribute__((format(printf, 2, 3))) keep_complaint(int type, const char *fmt, ...)
{
	va_list args;

	(void)type;
	if (complaint)
		return 0;
	va_start(args, fmt);
	if (vasprintf(&complaint, fmt, args) < 0)
		abort();
	va_end(args);
	complaint[strcspn(complaint, "\n")] = '\0';
	return 0;
}

/* Labels are the guest's kernel's to judge.  But only a policy that is validated has all of its
 * patterns compiled when it is opened; else a damaged one would just never match. */
static int accept_label(char **label)
{
	(void)label;
	return 0;
}

static char *why_unusable(const char *directory)
{
	char *why = xasprintf("%s/files/file_contexts: %s", directory,
			      complaint ? complaint : "cannot be read");

	free(steal(complaint));
	return why;
}

static void open_copied(struct source *source, struct contexts *contexts, const char *path)
{
	const struct selinux_opt options[] = {{SELABEL_OPT_PATH, path},
					      {SELABEL_OPT_VALIDATE, path}};

	selinux_set_callback(SELINUX_CB_LOG, (union selinux_callback){.func_log = keep_complaint});
	selinux_set_callback(SELINUX_CB_VALIDATE,
			     (union selinux_callback){.func_validate = accept_label});
	contexts->directory = xstrdup(source->directory);
	contexts->handle = selabel_open(SELABEL_CTX_FILE, options, 2);
	if (!contexts->handle)
		source->why = why_unusable(source->directory);
	free(steal(complaint));
}

static int open_policy(struct source *source, const char *work_dir, struct contexts *contexts,
		       struct error *err)
{
	CLEANUP_FREE char *directory = path_join(work_dir, "contexts");
	CLEANUP_FREE char *path = path_join(directory, "file_contexts");
	int status;

	if (directory_make(directory, 0700, err) < 0)
		return -1;
	status = copy_all(source, path, err);
	if (status == 0 && !source->why)
		status = read_custom(source, contexts, err);
	if (status == 0 && !source->why)
		open_copied(source, contexts, path);
	if (directory_remove(directory, status < 0 ? &(struct error){0} : err) < 0)
		return -1;
	return status;
}

static int decide(struct source *source, const char *work_dir, struct contexts **ret,
		  enum contexts_state *ret_state, struct error *err)
{
	CLEANUP(contexts_free)
	struct contexts *contexts = xcalloc(1, sizeof *contexts);
	int found = find_policy(source, err);

	if (found < 0)
		return -1;
	if (found > 0 && !source->why && open_policy(source, work_dir, contexts, err) < 0)
		return -1;
	*ret_state = !found ? CONTEXTS_NONE : source->why ? CONTEXTS_UNUSABLE : CONTEXTS_READ;
	if (*ret_state == CONTEXTS_READ)
		*ret = steal(contexts);
	return 0;
}

int contexts_open(contexts_reader *read, void *opaque, const char *work_dir, struct contexts **ret,
		  enum contexts_state *ret_state, char **ret_why, struct error *err)
{
	struct source source = {.read = read, .opaque = opaque};
	int status = decide(&source, work_dir, ret, ret_state, err);

	free(source.directory);
	if (status == 0 && *ret_state == CONTEXTS_UNUSABLE)
		*ret_why = steal(source.why);
	free(source.why);
	return status;
}

int contexts_lookup(struct contexts *contexts, const char *path, unsigned mode, char **ret_label,
		    char **ret_why)
{
	char *found = NULL;

	if (selabel_lookup_raw(contexts->handle, &found, path, (int)mode) < 0) {
		if (errno == ENOENT)
			return 0;
		*ret_why = why_unusable(contexts->directory);
		return -1;
	}
	*ret_label = xstrdup(found);
	freecon(found);
	return 1;
}

/* "user:role:TYPE:range" */
bool contexts_is_custom(const struct contexts *contexts, const char *label)
{
	const char *type = strchr(label, ':');
	size_t len;

	type = type ? strchr(type + 1, ':') : NULL;
	if (!type)
		return false;
	len = strcspn(++type, ":");
	for (size_t i = 0; i < contexts->n_custom; i++)
		if (strlen(contexts->custom[i]) == len &&
		    strncmp(contexts->custom[i], type, len) == 0)
			return true;
	return false;
}
