/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan's steps as calls of the guest's rpm, with options that every rpm since 4.8 has.  rpm
 * orders a transaction by itself, checks its dependencies again, and runs %pretrans and file
 * triggers at the places that only it knows; so all upgrades are one transaction.
 *
 * --nosignature: the packages were verified against the user's keys when the mirror snapshot was
 * made, and hashed again when they were laid here; the guest's own keyring has no say in that.  The
 * digests are still checked.  -v: a line for each package at its turn (rpm_progress.c).
 *
 * The kernel takes two megabytes of arguments: some fifteen thousand packages.
 */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/rpm/rpm.h"

struct builder {
	const struct resolution *resolution;
	const char *package_dir;
	struct package_commands *commands;
};

struct kind {
	const char *stage;
	const char *words[5]; /* ends with NULL */
	/* Kernels bring no program that is replaced while it is in use, and their scripts are those
	 * that ask for the boot setup. */
	bool unpacks, removes;
};
static const struct kind kinds[] = {
	[PACKAGE_UNPACK] = {.stage = "upgrade",
			    .words = {"rpm", "-Uv", "--nosignature"},
			    .unpacks = true},
	[PACKAGE_INSTALL_BESIDE] = {.stage = "install", .words = {"rpm", "-iv", "--nosignature"}},
	[PACKAGE_REMOVE] = {.stage = "remove",
			    .words = {"rpm", "-ev", "--nodeps"},
			    .removes = true},
};

/* What is removed was weighed by the plan as a whole: rpm sees only what is still, or already,
 * there.  An EVR without its epoch names a package for every rpm. */
static char *installed_name(const struct package_change *change)
{
	const char *colon = strchr(change->from, ':');

	return xasprintf("%s-%s%s%s", change->name, colon ? colon + 1 : change->from,
			 *change->architecture ? "." : "", change->architecture);
}

static char *object(const struct builder *builder, const struct package_step *step)
{
	const struct package_change *change = &builder->resolution->changes[step->change];
	CLEANUP_FREE char *name = NULL;

	if (step->operation == PACKAGE_REMOVE)
		return installed_name(change);
	name = package_file_name(&rpm_family, change);
	return path_join(builder->package_dir, name);
}

/* rpm says a line for a package that it installs, and one for each that goes. */
static size_t turns(const struct package_change *change, enum package_operation operation)
{
	return operation == PACKAGE_UNPACK && change->from ? 2 : 1;
}

/* One call for the steps of one kind in [from, to), in their order; none where there are none. */
static void add_command(struct builder *builder, enum package_operation operation, size_t from,
			size_t to)
{
	const struct package_step *steps = builder->resolution->steps;
	const struct kind *kind = &kinds[operation];
	struct package_command *command = NULL;
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		if (steps[i].operation != operation)
			continue;
		if (!command) {
			command = ARRAY_ADD(builder->commands->items, builder->commands->n_items);
			for (const char *const *word = kind->words; *word; word++)
				*ARRAY_ADD(command->argv, n) = xstrdup(*word);
			if (builder->resolution->without_documents && operation != PACKAGE_REMOVE)
				*ARRAY_ADD(command->argv, n) = xstrdup("--excludedocs");
		}
		*ARRAY_ADD(command->argv, n) = object(builder, &steps[i]);
		command->n_packages +=
			turns(&builder->resolution->changes[steps[i].change], operation);
	}
	if (!command)
		return;
	*ARRAY_ADD(command->argv, n) = NULL;
	command->stage = xstrdup(kind->stage);
	command->unpacks = kind->unpacks;
	command->removes = kind->removes;
	command->status_in_output = true;
	command->sets_mount_points = operation != PACKAGE_REMOVE;
}

/* Behind the last step that is not a removal. */
static size_t start_of_last_removals(const struct resolution *resolution)
{
	size_t end = resolution->n_steps;

	while (end > 0 && resolution->steps[end - 1].operation == PACKAGE_REMOVE)
		end--;
	return end;
}

static void copy_files(const struct resolution *resolution, struct package_commands *commands)
{
	for (size_t i = 0; i < resolution->n_files; i++) {
		struct package_file_write *file = ARRAY_ADD(commands->files, commands->n_files);

		file->path = xstrdup(resolution->files[i].path);
		file->content = xstrdup(resolution->files[i].content);
	}
}

static int check_steps(const struct resolution *resolution, struct error *err)
{
	if (resolution->n_changes && resolution->n_steps == 0)
		return error_set(err, ERROR_CONFIG, "plan: there are changes, but no steps");
	for (size_t i = 0; i < resolution->n_steps; i++) {
		const struct package_step *step = &resolution->steps[i];
		const struct package_change *change = &resolution->changes[step->change];

		if (step->operation == PACKAGE_CONFIGURE ||
		    !(step->operation == PACKAGE_REMOVE ? change->from : change->to))
			return error_set(err, ERROR_CONFIG,
					 "plan: step %zu (%s) is not one that rpm could do", i,
					 change->name);
	}
	return 0;
}

int rpm_commands(const struct resolution *resolution, const char *package_dir, int status_fd,
		 struct package_commands *ret, struct error *err)
{
	struct package_commands commands = {0};
	struct builder builder = {resolution, package_dir, &commands};
	size_t end = start_of_last_removals(resolution);

	(void)status_fd; /* rpm has no such option */
	if (check_steps(resolution, err) < 0)
		return -1;
	add_command(&builder, PACKAGE_REMOVE, 0, end);
	add_command(&builder, PACKAGE_UNPACK, 0, end);
	add_command(&builder, PACKAGE_INSTALL_BESIDE, 0, end);
	add_command(&builder, PACKAGE_REMOVE, end, resolution->n_steps);
	copy_files(resolution, &commands);
	*ret = commands;
	return 0;
}
