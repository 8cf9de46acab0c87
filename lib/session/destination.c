/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "session/destination_template.h"
#include "session/outputs.h"

#define RECORD_NAME "record.sigstore.json"

static bool is_template(const struct destination *destination)
{
	return destination->resolved.template;
}

void destination_free(struct destination *destination)
{
	owner_file_free(destination->lease);
	squash_free(&destination->squash);
	free(destination->warning);
	staging_free(destination->staging);
	workspace_free(destination->workspace);
	if (destination->outputs)
		names_free(destination->outputs, destination->resolved.image.n_disks);
	free(destination->record);
	resolved_image_free(&destination->resolved);
	*destination = (struct destination){0};
}

int destination_open(struct coldpatch_session *session, const struct coldpatch_image *image,
		     const struct coldpatch_apply_options *options, struct destination *ret,
		     struct error *err)
{
	ret->session = session;
	ret->options = *options;
	if (!options->dry_run && template_recover_image(session, image, err) < 0)
		return -1;
	if (image_resolve(session, image, &ret->resolved, err) < 0)
		return -1;
	return is_template(ret) ? generation_open(ret, err) : 0;
}

int destination_check(const struct destination *destination, struct error *err)
{
	const struct coldpatch_apply_options *options = &destination->options;

	if (is_template(destination))
		return 0;
	if (options->n_outputs != destination->resolved.image.n_disks)
		return error_set(err, ERROR_USAGE, "%zu disk%s, but %zu outputs",
				 destination->resolved.image.n_disks,
				 plural(destination->resolved.image.n_disks), options->n_outputs);
	if (!options->record)
		return error_set(err, ERROR_USAGE, "no record was named");
	return outputs_check(options, err);
}

int destination_check_plan(const struct destination *destination, const struct plan *plan,
			   struct error *err)
{
	return is_template(destination) ? generation_check_plan(destination, plan, err) : 0;
}

/* What was read before the lease may have been left since, and pruned. */
int destination_lease(struct destination *destination, const char *run, struct error *err)
{
	const struct library *library = destination->session->library;
	const struct resolved_image *resolved = &destination->resolved;

	if (!is_template(destination))
		return 0;
	destination->lease = template_lease(library, resolved->name, run, err);
	if (!destination->lease)
		return -1;
	return heads_check_last(library, resolved->name,
				template_last_head(resolved->template)->number, err);
}

char *destination_run_directory(const struct destination *destination, const char *run,
				struct error *err)
{
	CLEANUP_FREE char *path = NULL;

	if (is_template(destination))
		return library_run_directory(destination->session->library, run,
					     destination->resolved.name, err);
	path = xasprintf("%s/runs/%s", destination->session->config.store, run);
	return directory_make(path, 0750, err) < 0 ? NULL : steal(path);
}

static bool is_own(const json_t *files)
{
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
		struct stat st;

		if (!path || stat(path, &st) < 0 || st.st_uid != getuid())
			return false;
	}
	return true;
}

/* A loose image is "own" when its files are the caller's; a template is what it was imported as. */
bool destination_sandbox_allowed(const struct destination *destination, const json_t *files)
{
	const struct config *config = &destination->session->config;
	const char *domain = resolved_image_domain(&destination->resolved);

	if (!is_template(destination) && !is_own(files))
		return false;
	for (unsigned i = 0; i < config->n_sandbox_ok; i++)
		if (!strcmp(config->sandbox_ok[i], domain))
			return true;
	return false;
}

const char *destination_executor(const struct destination *destination, const json_t *files,
				 struct error *err)
{
	const char *wanted = destination->options.executor ? destination->options.executor
							   : destination->session->config.executor;

	if (!is_template(destination))
		return wanted;
	return library_executor(destination->session->library, wanted,
				destination_sandbox_allowed(destination, files), err);
}

int destination_stage(struct destination *destination, const char *run, struct error *err)
{
	CLEANUP_FREE char *janitor = session_program(destination->session, "coldpatch-janitor");
	CLEANUP_FREE char *directory = NULL;

	if (is_template(destination)) {
		destination->staging = staging_new(destination->session->library,
						   destination->resolved.name, run, err);
		return destination->staging ? 0 : -1;
	}
	directory = outputs_directory(destination->options.outputs[0]);
	destination->workspace = workspace_new(directory, ".coldpatch", run, janitor, err);
	return destination->workspace ? 0 : -1;
}

char *destination_staged(const struct destination *destination, const char *name)
{
	return path_join(is_template(destination) ? destination->staging->path
						  : destination->workspace->path,
			 name);
}

char *destination_overlay(const struct destination *destination, size_t disk)
{
	CLEANUP_FREE char *name = xasprintf("disk%zu.qcow2", disk);

	return destination_staged(destination, name);
}

/* In the same directory the bare name, so that both can be moved together; else the absolute path.
 */
static char *loose_backing_name(const char *parent, const char *output)
{
	CLEANUP_FREE char *output_dir = outputs_directory(output);
	CLEANUP_FREE char *real_output_dir = realpath(output_dir, NULL);
	CLEANUP_FREE char *real_parent = realpath(parent, NULL);
	CLEANUP_FREE char *parent_dir = real_parent ? outputs_directory(real_parent) : NULL;
	const char *name;

	if (!real_parent || !real_output_dir)
		return xstrdup(parent);
	if (strcmp(parent_dir, real_output_dir) != 0)
		return steal(real_parent);
	name = strrchr(real_parent, '/') + 1;
	/* What stands before a colon would be the name of a protocol. */
	return strchr(name, ':') ? xasprintf("./%s", name) : xstrdup(name);
}

char *destination_backing_name(const struct destination *destination, size_t disk)
{
	const struct resolved_image *resolved = &destination->resolved;

	if (!is_template(destination))
		return loose_backing_name(resolved->image.disks[disk],
					  destination->options.outputs[disk]);
	return xasprintf("../%llu/disk%zu.qcow2", (unsigned long long)resolved->generation->number,
			 disk);
}

/* The directory of a generation in the making is as deep as that of a numbered one. */
char *destination_directory(const struct destination *destination, size_t disk)
{
	return is_template(destination) ? xstrdup(destination->staging->path)
					: outputs_directory(destination->options.outputs[disk]);
}

/* Owner, group and permissions of the parent's file, then durable. */
static int finish_file(const char *path, const char *parent, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (stat(parent, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", parent);
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return error_os(err, ERROR_IO, errno, "%s: owner", path);
	if (fchmod(fd, st.st_mode & 0777) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static int publish_loose(const struct destination *destination, char **staged, struct error *err)
{
	const struct coldpatch_image *image = &destination->resolved.image;
	CLEANUP_FREE char *record = destination_staged(destination, RECORD_NAME);

	for (size_t i = 0; i < image->n_disks; i++) {
		staged[i] = destination_overlay(destination, i);
		if (finish_file(staged[i], image->disks[i], err) < 0)
			return -1;
	}
	return outputs_publish(&destination->options, (const char *const *)staged, record, err);
}

int destination_publish(struct destination *destination, const char *run, const char *log_path,
			struct error *err)
{
	size_t n = destination->resolved.image.n_disks;
	char **staged;
	int outcome;

	if (is_template(destination))
		return generation_publish(destination, run, log_path, err);
	staged = xcalloc(n, sizeof *staged);
	outcome = publish_loose(destination, staged, err);
	names_free(staged, n);
	return outcome;
}

bool destination_generation(const struct destination *destination, uint64_t *ret)
{
	if (!destination->staging || !destination->staging->published)
		return false;
	*ret = destination->staging->number;
	return true;
}
