/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A package family whose database is lines of "NAME VERSION", whose mirror has the next version of
 * everything, and whose packages bring one file, /usr/share/NAME, which is the package file. */
#include "dummy_family.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/ownership.h"

enum { LIMIT = 4096 };

static int dummy_detect(struct tree *tree, struct error *err)
{
	struct tree_node node;

	return tree_lookup(tree, DUMMY_DATABASE, TREE_FOLLOW, &node, err);
}

/* The version of a package in the database, 0 when it is not there. */
static unsigned version_of(const struct package_state *state, const char *name)
{
	const struct buffer *text = package_state_file(state, "packages");
	CLEANUP_FREE char *line = xasprintf("%s ", name);
	const char *at = text && text->data ? strstr(text->data, line) : NULL;

	return at ? (unsigned)strtoul(at + strlen(line), NULL, 10) : 0;
}

static int dummy_read_state(struct tree *tree, struct guest *guest, struct package_state *ret_state,
			    struct error *err)
{
	struct buffer *text = package_state_add(ret_state, "packages");
	CLEANUP_FREE char *copy = NULL;
	char *rest, *name;

	if (tree_read_file(tree, DUMMY_DATABASE, LIMIT, text, err) < 0)
		return -1;
	guest->packages.family = xstrdup(dummy_family.name);
	guest->packages.architecture = xstrdup("any");
	package_state_digest(ret_state, &guest->packages.state);
	copy = xstrdup(text->data ? text->data : "");
	for (name = strtok_r(copy, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		const char *version = strtok_r(NULL, "\n", &rest);

		*ARRAY_ADD(guest->packages.installed, guest->packages.n_installed) =
			(struct guest_package){.name = xstrdup(name),
					       .architecture = xstrdup("any"),
					       .version = xstrdup(version ? version : "")};
	}
	return 0;
}

static int dummy_resolve(const struct package_state *state, const struct guest *guest,
			 const struct mirror_snapshot *snapshot,
			 const struct resolve_request *request, const char *work_dir,
			 struct resolution *ret, struct error *err)
{
	(void)snapshot, (void)request, (void)work_dir, (void)err;
	for (size_t i = 0; i < guest->packages.n_installed; i++) {
		const char *name = guest->packages.installed[i].name;
		struct package_change *change = ARRAY_ADD(ret->changes, ret->n_changes);
		struct package_step *step = ARRAY_ADD(ret->steps, ret->n_steps);
		CLEANUP_FREE char *content = NULL;

		*change = (struct package_change){
			.name = xstrdup(name),
			.architecture = xstrdup("any"),
			.from = xasprintf("%u", version_of(state, name)),
			.to = xasprintf("%u", version_of(state, name) + 1),
			.source = xstrdup(name),
			.origin = xstrdup("dummy"),
			.filename = xasprintf("%s.dummy", name),
			.installed_size = 100,
		};
		*step = (struct package_step){PACKAGE_UNPACK, i};
		content = xasprintf("%s %s\n", name, change->to);
		change->size = strlen(content);
		digest_of(content, strlen(content), &change->sha256);
	}
	return 0;
}

static int dummy_commands(const struct resolution *resolution, const char *package_dir,
			  int status_fd, struct package_commands *ret, struct error *err)
{
	(void)status_fd, (void)err;
	for (size_t i = 0; i < resolution->n_changes; i++) {
		struct package_command *command = ARRAY_ADD(ret->items, ret->n_items);

		command->stage = xstrdup("unpack");
		command->argv = xcalloc(3, sizeof *command->argv);
		command->argv[0] = xstrdup("dummy-install");
		command->argv[1] = xasprintf("%s/%s", package_dir, resolution->changes[i].filename);
		command->unpacks = true;
	}
	return 0;
}

static int dummy_verify(const struct package_state *before, const struct package_state *after,
			const struct resolution *resolution, struct error *err)
{
	(void)before;
	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];
		unsigned version = version_of(after, change->name);

		if (version != strtoul(change->to, NULL, 10))
			return error_set(err, ERROR_GUEST, "%s is %u, not %s", change->name,
					 version, change->to);
	}
	return 0;
}

static int dummy_payload(const char *package_path,
			 int (*each)(void *opaque, const char *path, const struct digest *sha256,
				     bool config, struct error *err),
			 void *opaque, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *path = NULL;
	struct digest digest;

	if (file_read(package_path, LIMIT, &text, err) < 0)
		return -1;
	digest_of(text.data, text.len, &digest);
	path = xasprintf("/usr/share/%.*s", (int)strcspn(text.data, " "), text.data);
	return each(opaque, path, &digest, false, err);
}

static int dummy_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char *rest, *line;

	if (tree_read_file(tree, DUMMY_DATABASE, LIMIT, &text, err) < 0)
		return -1;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		CLEANUP_FREE char *name = xstrndup(line, strcspn(line, " "));
		CLEANUP_FREE char *path = xasprintf("/usr/share/%s\n", name);

		ownership_add_list(ownership, name, NULL, path);
	}
	return 0;
}

const struct package_family dummy_family = {
	.name = "dummy",
	.database = DUMMY_DATABASE,
	.file_suffix = ".dummy",
	.purl_type = "generic",
	.expected = (const struct package_place[]){{"/var/lib/dummy/*", "the database"}, {0}},
};

const struct package_manager dummy_manager = {
	.family = &dummy_family,
	.detect = dummy_detect,
	.read_state = dummy_read_state,
	.resolve = dummy_resolve,
	.commands = dummy_commands,
	.verify = dummy_verify,
	.payload = dummy_payload,
	.read_ownership = dummy_read_ownership,
};
