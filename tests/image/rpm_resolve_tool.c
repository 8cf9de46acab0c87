/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The resolver of the rpm family as a program:
 *
 *     rpm_resolve_tool [OPTION...] DATABASE BACKEND WORK_DIR REPOSITORY...
 *
 * DATABASE is a directory that librpm reads by itself with its BACKEND (sqlite, bdb_ro).  Each
 * REPOSITORY is a directory that createrepo_c was run on, with a file "packages.sha256" beside its
 * repodata: sha256sum of the packages that are there.  Prints what is changed, then what is left;
 * with --steps, the steps too.
 */
#include <dirent.h>
#include <endian.h>
#include <getopt.h>
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "package/rpm/rpm.h"

static void die(const char *what)
{
	fprintf(stderr, "rpm_resolve_tool: %s\n", what);
	exit(1);
}

static void read_database(const char *database, const char *backend, struct buffer *ret)
{
	rpmts ts;
	rpmdbMatchIterator it;
	Header header;

	rpmPushMacro(NULL, "_dbpath", NULL, database, RMIL_CMDLINE);
	rpmPushMacro(NULL, "_db_backend", NULL, backend, RMIL_CMDLINE);
	ts = rpmtsCreate();
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES | RPMVSF_MASK_NODIGESTS | RPMVSF_NOHDRCHK);
	it = rpmtsInitIterator(ts, RPMDBI_PACKAGES, NULL, 0);
	while ((header = rpmdbNextIterator(it))) {
		unsigned size = 0;
		CLEANUP_FREE void *blob = NULL;
		uint32_t length;

		if (strcmp(headerGetString(header, RPMTAG_NAME), "gpg-pubkey") == 0)
			continue;
		blob = headerExport(header, &size);
		length = htobe32(size);
		buffer_append(ret, &length, sizeof length);
		buffer_append(ret, blob, size);
	}
	rpmdbFreeIterator(it);
	rpmtsFree(ts);
}

static void add_packages(const char *repository, struct mirror_snapshot *snapshot)
{
	CLEANUP_FREE char *path = path_join(repository, "packages.sha256");
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	if (file_read(path, 64 << 20, &text, &err) < 0)
		die(err.msg);
	for (char *rest = text.data, *line; (line = strsep(&rest, "\n"));) {
		struct digest digest;

		line[strcspn(line, " ")] = '\0';
		if (digest_from_hex(line, &digest))
			*ARRAY_ADD(snapshot->packages, snapshot->n_packages) = digest;
	}
}

static void add_repository(const char *repository, struct mirror_snapshot *snapshot)
{
	struct mirror_source *source = ARRAY_ADD(snapshot->sources, snapshot->n_sources);
	CLEANUP_FREE char *repodata = path_join(repository, "repodata");
	struct dirent *entry;
	struct error err = {0};
	DIR *dir = opendir(repodata);

	if (!dir)
		die(repository);
	source->directory = realpath(repository, NULL);
	source->index_path = xstrdup("repodata/repomd.xml");
	source->label = xstrdup(strrchr(source->directory, '/') + 1);
	source->priority = MIRROR_PRIORITY;
	while ((entry = readdir(dir))) {
		CLEANUP_FREE char *path = path_join(repodata, entry->d_name);
		struct mirror_file *file;

		if (entry->d_name[0] == '.')
			continue;
		file = ARRAY_ADD(source->files, source->n_files);
		file->path = path_join("repodata", entry->d_name);
		if (digest_of_file(path, &file->sha256, &err) < 0)
			die(err.msg);
		if (strcmp(entry->d_name, "repomd.xml") == 0)
			source->index = file->sha256;
	}
	closedir(dir);
	add_packages(repository, snapshot);
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static void print_resolution(const struct resolution *resolution, bool steps)
{
	static const char *const operations[] = {"unpack", "configure", "remove", "install-beside"};

	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];

		printf("%s.%s %s %s\n", change->name, change->architecture,
		       change->from ? change->from : "-", change->to ? change->to : "-");
	}
	for (size_t i = 0; steps && i < resolution->n_steps; i++)
		printf("step %s %s\n", operations[resolution->steps[i].operation],
		       resolution->changes[resolution->steps[i].change].name);
	for (size_t i = 0; i < resolution->n_left; i++)
		printf("left %s %s %s %s: %s\n", resolution->left[i].name,
		       resolution->left[i].installed, resolution->left[i].candidate,
		       resolution->left[i].reason, resolution->left[i].detail);
}

static void add_state(struct package_state *state, const char *spec)
{
	const char *colon = strchr(spec, '=');
	struct package_state_file *file = ARRAY_ADD(state->files, state->n_files);
	struct error err = {0};

	if (!colon)
		die(spec);
	file->name = xstrndup(spec, (size_t)(colon - spec));
	if (file_read(colon + 1, 1 << 20, &file->content, &err) < 0)
		die(err.msg);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"arch", required_argument, NULL, 'a'},	 {"name", required_argument, NULL, 'n'},
		{"hold", required_argument, NULL, 'h'},	 {"security", no_argument, NULL, 's'},
		{"steps", no_argument, NULL, 't'},	 {"removals", no_argument, NULL, 'r'},
		{"time", no_argument, NULL, 'T'},	 {"no-new", no_argument, NULL, 'N'},
		{"state", required_argument, NULL, 'S'}, {0}};
	struct resolve_request request = {.allow_new = true};
	const char *names[64], *holds[64];
	struct mirror_snapshot snapshot = {0};
	struct package_state state = {0};
	struct guest guest = {.packages.architecture = xstrdup("x86_64")};
	struct resolution resolution = {0};
	struct error err = {0};
	bool steps = false, timed = false;
	int64_t start;

	request.names = names;
	request.holds = holds;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (c) {
		case 'a':
			guest.packages.architecture = optarg;
			break;
		case 'n':
			request.scope = RESOLVE_NAMED;
			names[request.n_names++] = optarg;
			break;
		case 'h':
			holds[request.n_holds++] = optarg;
			break;
		case 's':
			request.scope = RESOLVE_SECURITY;
			break;
		case 't':
			steps = true;
			break;
		case 'r':
			request.allow_removals = true;
			break;
		case 'T':
			timed = true;
			break;
		case 'N':
			request.allow_new = false;
			break;
		case 'S':
			add_state(&state, optarg);
			break;
		default:
			return 64;
		}
	if (argc - optind < 4)
		die("too few arguments");
	ARRAY_ADD(state.files, state.n_files)->name = xstrdup(RPM_STATE_HEADERS);
	read_database(argv[optind], argv[optind + 1], &state.files[state.n_files - 1].content);
	for (int i = optind + 3; i < argc; i++)
		add_repository(argv[i], &snapshot);
	qsort(snapshot.packages, snapshot.n_packages, sizeof *snapshot.packages, compare_digests);
	start = clock_ms();
	if (rpm_resolve(&state, &guest, &snapshot, &request, argv[optind + 2], &resolution, &err) <
	    0) {
		printf("error %s: %s\n", error_kind_name(err.kind), err.msg);
		return err.kind;
	}
	print_resolution(&resolution, steps);
	if (timed)
		printf("time %lld ms\n", (long long)(clock_ms() - start));
	return 0;
}
