/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan's steps as calls of dpkg.  Each call costs a second or so of database reading and writing,
 * so neighbouring steps of one kind share one; the order is apt's.  The configure steps at the end
 * of a plan become one "dpkg --configure -a", which knows the order among them and runs triggers.
 */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/deb/deb.h"

enum { MAX_BATCH = 1000 };

static const char *const common[] = {"dpkg", "--force-confold", "--force-unsafe-io"};

struct builder {
	const struct resolution *resolution;
	const char *package_dir;
	int status_fd;
	struct package_commands commands;
};

struct arguments {
	char **items;
	size_t n_items;
};

static void add(struct arguments *arguments, char *word)
{
	*ARRAY_ADD(arguments->items, arguments->n_items) = word;
}

static void add_words(const struct builder *builder, struct arguments *arguments,
		      const char *const *words)
{
	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		add(arguments, xstrdup(common[i]));
	add(arguments, xasprintf("--status-fd=%d", builder->status_fd));
	for (; *words; words++)
		add(arguments, xstrdup(*words));
}

static struct package_command *finish(struct builder *builder, const char *stage,
				      struct arguments *arguments, size_t n_packages)
{
	struct package_command *command =
		ARRAY_ADD(builder->commands.items, builder->commands.n_items);

	add(arguments, NULL);
	command->stage = xstrdup(stage);
	command->argv = arguments->items;
	command->n_packages = n_packages;
	command->status_in_output = true;
	return command;
}

static void add_object(struct builder *builder, const struct package_step *step,
		       struct arguments *arguments)
{
	const struct package_change *change = &builder->resolution->changes[step->change];
	CLEANUP_FREE char *name = NULL;

	if (step->operation != PACKAGE_UNPACK) {
		add(arguments, xasprintf("%s:%s", change->name, change->architecture));
		return;
	}
	name = package_file_name(&deb_family, change);
	add(arguments, path_join(builder->package_dir, name));
}

struct kind {
	const char *stage;
	const char *words[4]; /* ends with NULL */
};
static const struct kind kinds[] = {
	[PACKAGE_UNPACK] = {"unpack", {"--no-triggers", "--auto-deconfigure", "--unpack"}},
	[PACKAGE_CONFIGURE] = {"configure", {"--no-triggers", "--configure"}},
	[PACKAGE_REMOVE] = {"remove", {"--no-triggers", "--force-depends", "--remove"}},
};

/* One call for the steps from `from` up to the next of another kind; the number after the last. */
static size_t add_batch(struct builder *builder, size_t from, size_t end)
{
	const struct package_step *steps = builder->resolution->steps;
	enum package_operation operation = steps[from].operation;
	struct arguments arguments = {0};
	struct package_command *command;
	size_t i;

	add_words(builder, &arguments, kinds[operation].words);
	for (i = from; i < end && i - from < MAX_BATCH && steps[i].operation == operation; i++)
		add_object(builder, &steps[i], &arguments);
	command = finish(builder, kinds[operation].stage, &arguments, i - from);
	command->unpacks = operation == PACKAGE_UNPACK;
	command->removes = operation == PACKAGE_REMOVE;
	return i;
}

static size_t start_of_last_configures(const struct resolution *resolution)
{
	size_t end = resolution->n_steps;

	while (end > 0 && resolution->steps[end - 1].operation == PACKAGE_CONFIGURE)
		end--;
	return end;
}

static void add_final(struct builder *builder)
{
	struct arguments configure = {0}, triggers = {0};

	add_words(builder, &configure, (const char *const[]){"--configure", "-a", NULL});
	finish(builder, "configure", &configure, 0);
	add_words(builder, &triggers, (const char *const[]){"--triggers-only", "-a", NULL});
	finish(builder, "finish", &triggers, 0);
}

static void copy_files(const struct resolution *resolution, struct package_commands *commands)
{
	for (size_t i = 0; i < resolution->n_files; i++) {
		struct package_file_write *file = ARRAY_ADD(commands->files, commands->n_files);

		file->path = xstrdup(resolution->files[i].path);
		file->content = xstrdup(resolution->files[i].content);
	}
}

int deb_commands(const struct resolution *resolution, const char *package_dir, int status_fd,
		 struct package_commands *ret, struct error *err)
{
	struct builder builder = {
		.resolution = resolution, .package_dir = package_dir, .status_fd = status_fd};
	size_t end = start_of_last_configures(resolution);

	if (resolution->n_changes && resolution->n_steps == 0)
		return error_set(err, ERROR_CONFIG, "plan: there are changes, but no steps");
	for (size_t i = 0; i < end;)
		i = add_batch(&builder, i, end);
	if (resolution->n_steps)
		add_final(&builder);
	copy_files(resolution, &builder.commands);
	*ret = builder.commands;
	return 0;
}
