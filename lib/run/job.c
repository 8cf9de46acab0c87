/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The job as JSON.  Only jansson and the allocation of base are used, because the static runner
 * links this file too.  A byte string of the guest (a label, a command line) that is not UTF-8 is
 * sent as Latin-1 would be: the answers of stubs are the only place where it comes back. */
#include "run/job.h"

#include <jansson.h>
#include <string.h>

const char *const job_covers[N_JOB_COVERS] = {
	[JOB_PROC] = "/proc",	    [JOB_SYS] = "/sys",		[JOB_DEV] = "/dev",
	[JOB_DEV_PTS] = "/dev/pts", [JOB_DEV_SHM] = "/dev/shm", [JOB_RUN] = "/run",
	[JOB_TMP] = "/tmp",
};

void job_place_path(struct job_place *place, const char *path)
{
	free(place->path);
	*place = (struct job_place){.path = xstrdup(path), .fd = -1};
}

void job_place_fd(struct job_place *place, int fd)
{
	free(place->path);
	*place = (struct job_place){.fd = fd};
}

static void words_free(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

static void filesystem_clear(struct job_filesystem *fs)
{
	free(fs->device);
	free(fs->mountpoint);
	free(fs->options);
	free(fs->type);
	free(fs->grub_type);
	free(fs->uuid);
	free(fs->label);
	free(fs->partuuid);
	free(fs->scheme);
	free(fs->manager);
	free(fs->grub_drive);
	words_free(fs->nodes);
	words_free(fs->schemes);
}

static void files_free(struct job_file *files, size_t n_files)
{
	for (size_t i = 0; i < n_files; i++) {
		free(files[i].path);
		free(files[i].content);
	}
	free(files);
}

void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->root.path);
	free(job->packages.path);
	free(job->log.path);
	free(job->report.path);
	free(job->capture.path);
	free(job->hostname);
	free(job->cmdline);
	free(job->machine_id);
	words_free(job->environment);
	words_free(job->copied_up);
	for (size_t i = 0; i < job->n_filesystems; i++)
		filesystem_clear(&job->filesystems[i]);
	free(job->filesystems);
	for (size_t i = 0; i < job->n_commands; i++) {
		free(job->commands[i].stage);
		words_free(job->commands[i].argv);
	}
	free(job->commands);
	files_free(job->puts, job->n_puts);
	files_free(job->files, job->n_files);
	free(job);
}

static json_t *text_to_json(const char *text)
{
	CLEANUP_FREE char *utf8 = NULL;
	json_t *string;
	size_t n = 0;

	if (!text)
		return json_null();
	string = json_string(text);
	if (string)
		return string;
	utf8 = xmalloc(2 * strlen(text) + 1);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p >= 0x80)
			utf8[n++] = (char)(0xc0 | *p >> 6);
		utf8[n++] = (char)(*p >= 0x80 ? 0x80 | (*p & 0x3f) : *p);
	}
	return json_stringn(utf8, n);
}

static json_t *strings_to_json(char *const *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; strings && strings[i]; i++)
		json_array_append_new(array, text_to_json(strings[i]));
	return array;
}

static json_t *place_to_json(const struct job_place *place)
{
	return place->path ? text_to_json(place->path) : json_integer(place->fd);
}

static json_t *filesystem_to_json(const struct job_filesystem *fs)
{
	json_t *json = json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I}", "device", text_to_json(fs->device),
		"mountpoint", text_to_json(fs->mountpoint), "options", text_to_json(fs->options),
		"type", text_to_json(fs->type), "uuid", text_to_json(fs->uuid), "label",
		text_to_json(fs->label), "partuuid", text_to_json(fs->partuuid), "scheme",
		text_to_json(fs->scheme), "disk", (json_int_t)fs->disk, "partition",
		(json_int_t)fs->partition);

	json_object_set_new(json, "grub_type", text_to_json(fs->grub_type));
	json_object_set_new(json, "manager", text_to_json(fs->manager));
	json_object_set_new(json, "grub_drive", text_to_json(fs->grub_drive));
	json_object_set_new(json, "nodes", strings_to_json(fs->nodes));
	json_object_set_new(json, "schemes", strings_to_json(fs->schemes));
	return json;
}

static json_t *files_to_json(const struct job_file *files, size_t n_files)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n_files; i++)
		json_array_append_new(
			array, json_pack("{s:o,s:o,s:i,s:b}", "path", text_to_json(files[i].path),
					 "content", text_to_json(files[i].content), "mode",
					 (int)files[i].mode, "replaceable", files[i].replaceable));
	return array;
}

void job_put(struct job *job, const char *path, const char *content, unsigned mode)
{
	*ARRAY_ADD(job->puts, job->n_puts) =
		(struct job_file){.path = xstrdup(path), .content = xstrdup(content), .mode = mode};
}

char *job_to_json(const struct job *job)
{
	json_t *filesystems = json_array(), *commands = json_array();
	json_t *json;
	char *text;

	for (size_t i = 0; i < job->n_filesystems; i++)
		json_array_append_new(filesystems, filesystem_to_json(&job->filesystems[i]));
	for (size_t i = 0; i < job->n_commands; i++)
		json_array_append_new(
			commands, json_pack("{s:o,s:o,s:I,s:b,s:b,s:b}", "stage",
					    text_to_json(job->commands[i].stage), "argv",
					    strings_to_json(job->commands[i].argv), "packages",
					    (json_int_t)job->commands[i].n_packages, "stubs",
					    job->commands[i].stubs, "status-in-output",
					    job->commands[i].status_in_output, "sets-mount-points",
					    job->commands[i].sets_mount_points));
	json = json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o}", "files",
		files_to_json(job->files, job->n_files), "puts",
		files_to_json(job->puts, job->n_puts), "root", place_to_json(&job->root),
		"packages", place_to_json(&job->packages), "log", place_to_json(&job->log),
		"report", place_to_json(&job->report), "capture", place_to_json(&job->capture),
		"make-namespaces", job->make_namespaces, "efi", job->efi, "hostname",
		text_to_json(job->hostname), "cmdline", text_to_json(job->cmdline), "machine-id",
		text_to_json(job->machine_id), "deadline", (json_int_t)job->deadline_s,
		"environment", strings_to_json(job->environment), "copied-up",
		strings_to_json(job->copied_up), "filesystems", filesystems, "commands", commands);
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return text;
}

static int bad(struct error *err, const char *name)
{
	return error_set(err, ERROR_BUG, "job description: member %s is absent or malformed", name);
}

static int get_place(const json_t *json, const char *name, struct job_place *ret, struct error *err)
{
	const json_t *value = json_object_get(json, name);

	if (json_is_string(value))
		job_place_path(ret, json_string_value(value));
	else if (json_is_integer(value))
		job_place_fd(ret, (int)json_integer_value(value));
	else
		return bad(err, name);
	return 0;
}

static int get_strings(const json_t *array, const char *name, char ***ret, struct error *err)
{
	const json_t *value;
	char **strings;
	size_t i;

	if (!json_is_array(array))
		return bad(err, name);
	strings = xcalloc(json_array_size(array) + 1, sizeof *strings);
	*ret = strings;
	json_array_foreach(array, i, value)
	{
		if (!json_is_string(value))
			return bad(err, name);
		strings[i] = xstrdup(json_string_value(value));
	}
	return 0;
}

static char *get_text(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text ? xstrdup(text) : NULL;
}

static int get_filesystem(const json_t *item, struct job_filesystem *fs, struct error *err)
{
	*fs = (struct job_filesystem){
		.device = get_text(item, "device"),
		.mountpoint = get_text(item, "mountpoint"),
		.options = get_text(item, "options"),
		.type = get_text(item, "type"),
		.grub_type = get_text(item, "grub_type"),
		.uuid = get_text(item, "uuid"),
		.label = get_text(item, "label"),
		.partuuid = get_text(item, "partuuid"),
		.scheme = get_text(item, "scheme"),
		.disk = (uint64_t)json_integer_value(json_object_get(item, "disk")),
		.partition = (uint64_t)json_integer_value(json_object_get(item, "partition")),
		.manager = get_text(item, "manager"),
		.grub_drive = get_text(item, "grub_drive"),
	};
	if (get_strings(json_object_get(item, "nodes"), "nodes", &fs->nodes, err) < 0)
		return -1;
	return get_strings(json_object_get(item, "schemes"), "schemes", &fs->schemes, err);
}

static int get_filesystems(const json_t *array, struct job *job, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		struct job_filesystem *fs = ARRAY_ADD(job->filesystems, job->n_filesystems);

		if (get_filesystem(item, fs, err) < 0)
			return -1;
	}
	return 0;
}

static int get_commands(const json_t *array, struct job *job, struct error *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return bad(err, "commands");
	json_array_foreach(array, i, item)
	{
		struct job_command *command = ARRAY_ADD(job->commands, job->n_commands);

		command->stage = get_text(item, "stage");
		command->n_packages =
			(uint64_t)json_integer_value(json_object_get(item, "packages"));
		command->stubs = json_is_true(json_object_get(item, "stubs"));
		command->status_in_output = json_is_true(json_object_get(item, "status-in-output"));
		command->sets_mount_points =
			json_is_true(json_object_get(item, "sets-mount-points"));
		if (get_strings(json_object_get(item, "argv"), "argv", &command->argv, err) < 0)
			return -1;
		if (!command->stage || !command->argv[0])
			return bad(err, "commands");
	}
	return 0;
}

static int get_files(const json_t *json, const char *name, struct job_file **files, size_t *n_files,
		     struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, name), i, item)
	{
		struct job_file *file = ARRAY_ADD(*files, *n_files);

		file->path = get_text(item, "path");
		file->content = get_text(item, "content");
		file->mode = (unsigned)json_integer_value(json_object_get(item, "mode"));
		file->replaceable = json_is_true(json_object_get(item, "replaceable"));
		if (!file->path || !file->content)
			return bad(err, name);
	}
	return 0;
}

static int job_fill(struct job *job, const json_t *json, struct error *err)
{
	if (get_place(json, "root", &job->root, err) < 0 ||
	    get_place(json, "packages", &job->packages, err) < 0 ||
	    get_place(json, "log", &job->log, err) < 0 ||
	    get_place(json, "report", &job->report, err) < 0 ||
	    get_place(json, "capture", &job->capture, err) < 0 ||
	    get_strings(json_object_get(json, "environment"), "environment", &job->environment,
			err) < 0 ||
	    get_strings(json_object_get(json, "copied-up"), "copied-up", &job->copied_up, err) <
		    0 ||
	    get_commands(json_object_get(json, "commands"), job, err) < 0 ||
	    get_files(json, "puts", &job->puts, &job->n_puts, err) < 0 ||
	    get_files(json, "files", &job->files, &job->n_files, err) < 0 ||
	    get_filesystems(json_object_get(json, "filesystems"), job, err) < 0)
		return -1;
	job->make_namespaces = json_is_true(json_object_get(json, "make-namespaces"));
	job->efi = json_is_true(json_object_get(json, "efi"));
	job->hostname = get_text(json, "hostname");
	job->cmdline = get_text(json, "cmdline");
	job->machine_id = get_text(json, "machine-id");
	job->deadline_s = (uint64_t)json_integer_value(json_object_get(json, "deadline"));
	if (!job->hostname)
		return bad(err, "hostname");
	if (!job->cmdline)
		return bad(err, "cmdline");
	return job->deadline_s ? 0 : bad(err, "deadline");
}

struct job *job_from_json(const char *text, size_t len, struct error *err)
{
	CLEANUP(job_free)
	struct job *job = xcalloc(1, sizeof *job);
	json_error_t why;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int outcome;

	if (!json) {
		error_set(err, ERROR_BUG, "job description: %s", why.text);
		return NULL;
	}
	outcome = job_fill(job, json, err);
	json_decref(json);
	return outcome < 0 ? NULL : steal(job);
}
