/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/package.h"

#include <fnmatch.h>
#include <string.h>

#include "base/memory.h"
#include "package/families.h"

const struct package_family *package_family_by_name(const char *name)
{
	for (size_t i = 0; package_families[i]; i++)
		if (strcmp(package_families[i]->name, name) == 0)
			return package_families[i];
	return NULL;
}

struct mirror_guest package_mirror_guest(const struct guest *guest)
{
	const struct package_family *family =
		guest->packages.family ? package_family_by_name(guest->packages.family) : NULL;

	return (struct mirror_guest){.layout = family ? family->layout : NULL,
				     .os_id = guest->os.id,
				     .os_version = guest->os.version_id,
				     .codename = guest->os.codename};
}

bool package_has_role(const struct package_family *family, const char *name, enum package_role role)
{
	const char *const *patterns = family ? family->roles[role] : NULL;

	for (; patterns && *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

void package_state_free(struct package_state *state)
{
	for (size_t i = 0; i < state->n_files; i++) {
		free(state->files[i].name);
		buffer_free(&state->files[i].content);
	}
	free(state->files);
	*state = (struct package_state){0};
}

struct buffer *package_state_add(struct package_state *state, const char *name)
{
	struct package_state_file *file = ARRAY_ADD(state->files, state->n_files);

	file->name = xstrdup(name);
	return &file->content;
}

const struct buffer *package_state_file(const struct package_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_files; i++)
		if (strcmp(state->files[i].name, name) == 0)
			return &state->files[i].content;
	return NULL;
}

static int compare_files(const void *a, const void *b)
{
	const struct package_state_file *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

void package_state_digest(const struct package_state *state, struct digest *ret)
{
	CLEANUP_FREE const struct package_state_file **sorted =
		xcalloc(state->n_files, sizeof *sorted);
	struct digest_context *ctx = digest_new();

	for (size_t i = 0; i < state->n_files; i++)
		sorted[i] = &state->files[i];
	qsort(sorted, state->n_files, sizeof *sorted, compare_files);
	for (size_t i = 0; i < state->n_files; i++) {
		CLEANUP_FREE char *head =
			xasprintf("%s %zu\n", sorted[i]->name, sorted[i]->content.len);

		digest_update(ctx, head, strlen(head));
		digest_update(ctx, sorted[i]->content.data, sorted[i]->content.len);
	}
	digest_finish(ctx, ret);
}

static void file_writes_free(struct package_file_write *files, size_t n_files)
{
	for (size_t i = 0; i < n_files; i++) {
		free(files[i].path);
		free(files[i].content);
	}
	free(files);
}

void package_commands_free(struct package_commands *commands)
{
	for (size_t i = 0; i < commands->n_items; i++) {
		free(commands->items[i].stage);
		for (char **arg = commands->items[i].argv; arg && *arg; arg++)
			free(*arg);
		free(commands->items[i].argv);
	}
	free(commands->items);
	file_writes_free(commands->files, commands->n_files);
	*commands = (struct package_commands){0};
}

void resolution_free(struct resolution *resolution)
{
	for (size_t i = 0; i < resolution->n_changes; i++) {
		struct package_change *change = &resolution->changes[i];

		free(change->name);
		free(change->architecture);
		free(change->from);
		free(change->to);
		free(change->source);
		free(change->origin);
		free(change->filename);
	}
	for (size_t i = 0; i < resolution->n_left; i++) {
		struct package_left *left = &resolution->left[i];

		free(left->name);
		free(left->architecture);
		free(left->installed);
		free(left->candidate);
		free(left->reason);
		free(left->detail);
	}
	file_writes_free(resolution->files, resolution->n_files);
	free(resolution->changes);
	free(resolution->steps);
	free(resolution->left);
	*resolution = (struct resolution){0};
}

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("+-.~_", c));
}

/* A colon (an epoch) becomes "%3a". */
static void append_safe(struct buffer *buf, const char *text)
{
	for (; *text; text++) {
		if (is_safe(*text))
			buffer_putc(buf, *text);
		else
			buffer_printf(buf, "%%%02x", (unsigned char)*text);
	}
}

char *package_file_name(const struct package_family *family, const struct package_change *change)
{
	struct buffer name = {0};

	append_safe(&name, change->name);
	buffer_putc(&name, '_');
	append_safe(&name, change->to ? change->to : "");
	buffer_putc(&name, '_');
	append_safe(&name, change->architecture);
	buffer_puts(&name, family->file_suffix);
	return buffer_steal(&name);
}
