/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image_options.h"

struct values {
	struct list suites, keyrings, allow, trust, trust_packages, wants, sources;
	const char *output, *patchset, *proxy, *os;
	bool dry_run;
	struct image_options image;
};

enum {
	OPTION_SUITE = 1,
	OPTION_KEYRING,
	OPTION_ALLOW,
	OPTION_OS,
	OPTION_TRUST_DIGEST,
	OPTION_TRUST_PACKAGE,
	OPTION_WANT,
	OPTION_SOURCE,
	OPTION_PROXY,
	OPTION_PATCHSET,
	OPTION_OUTPUT,
	OPTION_DRY_RUN,
};

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	switch (option) {
	case OPTION_WANT:
		list_add(&values->wants, optarg);
		return 0;
	case OPTION_SOURCE:
		list_add(&values->sources, optarg);
		return 0;
	case OPTION_PROXY:
		values->proxy = optarg;
		return 0;
	case OPTION_PATCHSET:
		values->patchset = optarg;
		return 0;
	case OPTION_OUTPUT:
	case 'o':
		values->output = optarg;
		return 0;
	case OPTION_SUITE:
		list_add(&values->suites, optarg);
		return 0;
	case OPTION_KEYRING:
		list_add(&values->keyrings, optarg);
		return 0;
	case OPTION_ALLOW:
		list_add(&values->allow, optarg);
		return 0;
	case OPTION_OS:
		values->os = optarg;
		return 0;
	case OPTION_TRUST_DIGEST:
		list_add(&values->trust, optarg);
		return 0;
	case OPTION_TRUST_PACKAGE:
		list_add(&values->trust_packages, optarg);
		return 0;
	case OPTION_DRY_RUN:
		values->dry_run = true;
		return 0;
	default:
		return image_option(&values->image, option);
	}
}

/* A day, or "-" where there is none. */
static const char *day_of(const json_t *source)
{
	static char day[16];
	time_t date = (time_t)json_integer_value(json_object_get(source, "date"));
	struct tm utc;

	if (!date || !gmtime_r(&date, &utc))
		return "-";
	strftime(day, sizeof day, "%Y-%m-%d", &utc);
	return day;
}

/* What a repository is called; not all have a code name. */
static const char *name_of(const json_t *source)
{
	return field(source,
		     json_is_string(json_object_get(source, "codename")) ? "codename" : "path");
}

static void print_source(const json_t *source)
{
	printf("  %-10s %-24s of %s, ", field(source, "origin"), name_of(source), day_of(source));
	if (json_is_string(json_object_get(source, "signer")))
		printf("signed by %s\n", field(source, "signer"));
	else
		printf("not signed, trusted by digest %s\n", field(source, "index"));
}

static void print_snapshot(const json_t *snapshot)
{
	const json_t *source;
	size_t i;

	printf("mirror snapshot %s, %zu packages\n", field(snapshot, "digest"),
	       json_array_size(json_object_get(snapshot, "packages")));
	if (json_object_get(snapshot, "damaged"))
		printf("  damaged: %s\n", field(snapshot, "damaged"));
	json_array_foreach(json_object_get(snapshot, "sources"), i, source) print_source(source);
}

static int tell_snapshots(const struct global *global, char *text)
{
	json_t *json = print_or_parse(global, text);
	const json_t *snapshot;
	size_t i;

	if (json_is_array(json))
		json_array_foreach(json, i, snapshot) print_snapshot(snapshot);
	else if (json)
		print_snapshot(json);
	json_decref(json);
	return 0;
}

static void print_trial(const json_t *trial)
{
	const json_t *item;
	size_t i;

	if (json_is_string(json_object_get(trial, "digest")))
		printf("mirror snapshot %s %s, %zu packages, of which %lld are new (%s)\n",
		       field(trial, "digest"),
		       json_is_true(json_object_get(trial, "exists")) ? "is there already"
								      : "would be made",
		       json_array_size(json_object_get(trial, "packages")),
		       (long long)json_integer_value(json_object_get(trial, "new_packages")),
		       human_size(json_integer_value(json_object_get(trial, "new_bytes"))));
	else
		printf("no mirror snapshot would be made\n");
	json_array_foreach(json_object_get(trial, "sources"), i, item) print_source(item);
	json_array_foreach(json_object_get(trial, "refused"), i, item)
		printf("  refused: %s\n", field(item, "msg"));
	if (json_integer_value(json_object_get(trial, "more_refused")))
		printf("  refused: %lld more\n",
		       (long long)json_integer_value(json_object_get(trial, "more_refused")));
}

static int tell_trial(const struct global *global, char *text)
{
	json_t *trial = json_loads(text, 0, NULL);
	int code = (int)json_integer_value(json_object_get(trial, "code"));

	json_decref(trial);
	trial = print_or_parse(global, text);
	if (trial)
		print_trial(trial);
	json_decref(trial);
	return code;
}

/* Cuts "centos:7" in place and gives the version; NULL where there is none. */
static char *cut_version(char *os)
{
	char *colon = os ? strchr(os, ':') : NULL;

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int make(struct coldpatch_session *session, const struct global *global,
		const struct values *values, int n, char **directories)
{
	struct coldpatch_error err = {0};
	char *os = values->os ? strdup(values->os) : NULL, *text;
	const char *version = cut_version(os);
	const struct coldpatch_mirror_options options = {
		.size = sizeof options,
		.mirrors = (const char *const *)directories,
		.n_mirrors = (size_t)n,
		.suites = values->suites.items,
		.n_suites = values->suites.n,
		.keyrings = values->keyrings.items,
		.n_keyrings = values->keyrings.n,
		.allow_digests = values->allow.items,
		.n_allow_digests = values->allow.n,
		.os_id = os,
		.os_version = version,
		.trust_digests = values->trust.items,
		.n_trust_digests = values->trust.n,
		.trust_packages = values->trust_packages.items,
		.n_trust_packages = values->trust_packages.n,
		.dry_run = values->dry_run,
	};
	int result = os && (!*os || (version && !*version));

	if (result)
		result = usage_error(global, &command_mirror, "--os %s: not ID or ID:VERSION",
				     values->os);
	else if (coldpatch_mirror_snapshot(session, &options, &text, &err) < 0)
		result = tell_error(global, &err);
	else
		result = values->dry_run ? tell_trial(global, text) : tell_snapshots(global, text);
	free(os);
	return result;
}

/* ---- want ---- */

/* Every argument is an image of its own, a template where it has no / in it; the disks of one that
 * has several are told by --disk. */
static struct coldpatch_image *images_of(const struct image_options *options, int n,
					 char **arguments, size_t *ret_n)
{
	struct coldpatch_image *images = calloc((size_t)n + 1, sizeof *images);

	*ret_n = 0;
	if (!images)
		abort();
	for (int i = 0; i < n; i++) {
		struct coldpatch_image *image = &images[(*ret_n)++];

		if (strchr(arguments[i], '/')) {
			image->disks = (const char *const *)&arguments[i];
			image->n_disks = 1;
		} else {
			image->template_name = arguments[i];
		}
	}
	if (options->disks.n)
		images[(*ret_n)++] = (struct coldpatch_image){.disks = options->disks.items,
							      .n_disks = options->disks.n};
	for (size_t i = 0; i < *ret_n; i++) {
		images[i].size = sizeof *images;
		images[i].disk_keys = options->keys.items;
		images[i].n_disk_keys = options->keys.n;
		if (images[i].template_name)
			continue;
		images[i].backing = options->backing.items;
		images[i].n_backing = options->backing.n;
	}
	return images;
}

/* The file's text has line ends, and nothing else that steers a terminal. */
static void print_want(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	const char *want = json_string_value(json_object_get(json, "want"));

	progress_finish();
	if (want)
		print_text(want);
	json_decref(json);
}

static int tell_want(const struct global *global, const char *output, char *text)
{
	json_t *json;

	if (!output && !global->json) {
		print_want(text);
		free(text);
		return 0;
	}
	json = print_or_parse(global, text);
	if (json)
		printf("%s: %lld images, %lld different, %lld packages\n", field(json, "file"),
		       (long long)json_integer_value(json_object_get(json, "images")),
		       (long long)json_integer_value(json_object_get(json, "blocks")),
		       (long long)json_integer_value(json_object_get(json, "packages")));
	json_decref(json);
	return 0;
}

static int want(struct coldpatch_session *session, const struct global *global,
		const struct values *values, int n, char **arguments)
{
	struct coldpatch_error err = {0};
	struct coldpatch_want_options options = {
		.size = sizeof options, .patchset = values->patchset, .output = values->output};
	struct coldpatch_image *images = images_of(&values->image, n, arguments, &options.n_images);
	char *text;
	int result;

	options.images = images;
	if (options.n_images == 0)
		result = usage_error(global, &command_mirror, "want: no image");
	else if (coldpatch_mirror_want(session, &options, &text, &err) < 0)
		result = tell_error(global, &err);
	else
		result = tell_want(global, values->output, text);
	free(images);
	return result;
}

/* ---- fetch ---- */

static int tell_fetch(const struct global *global, char *text)
{
	json_t *json = print_or_parse(global, text);
	const json_t *item;
	size_t i;

	if (!json)
		return 0;
	printf("%s: %lld packages, of which %lld were fetched now (%s)\n", field(json, "directory"),
	       (long long)json_integer_value(json_object_get(json, "packages")),
	       (long long)json_integer_value(json_object_get(json, "fetched")),
	       human_size(json_integer_value(json_object_get(json, "fetched_bytes"))));
	json_array_foreach(json_object_get(json, "suites"), i, item) printf(
		"  %-24s of %s, %s%s\n", field(item, "name"), day_of(item),
		json_is_string(json_object_get(item, "signer")) ? "signed by " : "not signed",
		json_is_string(json_object_get(item, "signer")) ? field(item, "signer") : "");
	json_array_foreach(json_object_get(json, "missing"), i, item)
		printf("  %-24s no source has it\n", json_string_value(item));
	json_decref(json);
	return 0;
}

static int fetch(struct coldpatch_session *session, const struct global *global,
		 const struct values *values)
{
	struct coldpatch_error err = {0};
	const struct coldpatch_fetch_options options = {
		.size = sizeof options,
		.directory = values->output,
		.wants = values->wants.items,
		.n_wants = values->wants.n,
		.sources = values->sources.items,
		.n_sources = values->sources.n,
		.keyrings = values->keyrings.items,
		.n_keyrings = values->keyrings.n,
		.allow_digests = values->allow.items,
		.n_allow_digests = values->allow.n,
		.proxy = values->proxy,
		.trust_digests = values->trust.items,
		.n_trust_digests = values->trust.n,
	};
	char *text;

	if (!options.n_wants || !options.directory || !options.n_sources)
		return usage_error(global, &command_mirror, "fetch: %s is missing",
				   !options.n_wants	? "--want"
				   : !options.directory ? "--output"
							: "--source");
	if (coldpatch_mirror_fetch(session, &options, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_fetch(global, text);
}

static int run(struct coldpatch_session *session, const struct global *global, void *values, int n,
	       char **arguments)
{
	const struct values *given = values;
	struct coldpatch_error err = {0};
	char *text;

	if (given->dry_run && (n == 0 || strcmp(arguments[0], "snapshot")))
		return usage_error(global, &command_mirror, "--dry-run belongs to snapshot");
	if (n >= 1 && !strcmp(arguments[0], "snapshot"))
		return make(session, global, values, n - 1, arguments + 1);
	if (n == 2 && !strcmp(arguments[0], "verify")) {
		if (coldpatch_mirror_verify(session, arguments[1], &text, &err) < 0)
			return tell_error(global, &err);
		return tell_snapshots(global, text);
	}
	if (n == 1 && !strcmp(arguments[0], "list")) {
		if (coldpatch_mirror_list(session, &text, &err) < 0)
			return tell_error(global, &err);
		return tell_snapshots(global, text);
	}
	if (n >= 1 && !strcmp(arguments[0], "want"))
		return want(session, global, values, n - 1, arguments + 1);
	if (n == 1 && !strcmp(arguments[0], "fetch"))
		return fetch(session, global, values);
	return usage_error(global, &command_mirror,
			   "snapshot [DIR...], verify ID, list, want IMAGE... or fetch");
}

static const struct option options_table[] = {
	{"suite", required_argument, NULL, OPTION_SUITE},
	{"keyring", required_argument, NULL, OPTION_KEYRING},
	{"allow", required_argument, NULL, OPTION_ALLOW},
	{"os", required_argument, NULL, OPTION_OS},
	{"trust-digest", required_argument, NULL, OPTION_TRUST_DIGEST},
	{"trust-package", required_argument, NULL, OPTION_TRUST_PACKAGE},
	{"want", required_argument, NULL, OPTION_WANT},
	{"source", required_argument, NULL, OPTION_SOURCE},
	{"proxy", required_argument, NULL, OPTION_PROXY},
	{"patchset", required_argument, NULL, OPTION_PATCHSET},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	IMAGE_OPTIONS,
	{0},
};

const struct command command_mirror = {
	.name = "mirror",
	.synopsis = "snapshot [OPTIONS] [DIR...] | verify ID | list |\n"
		    "       coldpatch mirror want [OPTIONS] IMAGE... |\n"
		    "       coldpatch mirror fetch --want FILE -o DIR --source URL|DIR [OPTIONS]",
	.summary = "Pin and check an offline mirror, and bring one into an air gap",
	.help = "  --keyring FILE   whose signatures count; again for each further one\n"
		"  --suite NAME     only this suite; again for each further one\n"
		"  --allow SHA256   accept this signed index although it is old or expired\n"
		"  --os ID[:VERSION]  the mirrors are for these guests, as os-release has it\n"
		"  --trust-digest SHA256   accept this index (repomd.xml) although it is not "
		"signed\n"
		"  --trust-package SHA256  accept this package although no keyring has its signer\n"
		"  --dry-run        snapshot: tell what would be taken and refused, and write "
		"nothing\n"
		"  --patchset P     want only what this patchset asks for\n"
		"  --want FILE      fetch what is wanted there; again for each further one\n"
		"  --source FROM    fetch from this URL or directory; again for each further one\n"
		"  --proxy URL      fetch through this proxy\n"
		"  -o, --output TO  the want file to write, or the directory to fetch "
		"into\n" IMAGE_OPTIONS_HELP,
	.options = options_table,
	.shorts = "o:",
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
