/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What grub-probe, grub-mkrelpath, blkid and findmnt would say on the guest's own machine, as far
 * as its partition tables, superblocks and fstab tell.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

enum { DRIVE_SIZE = 128 };

typedef const struct job_filesystem filesystem;

/* Does the mount hold the path?  The length of the match, 0 for none. */
static size_t covers(const char *mountpoint, const char *path)
{
	size_t len = mountpoint ? strlen(mountpoint) : 0;

	if (len == 0 || strncmp(mountpoint, path, len) != 0)
		return 0;
	return len == 1 || path[len] == '\0' || path[len] == '/' ? len : 0;
}

static filesystem *of_path(const struct job *job, const char *path)
{
	CLEANUP_FREE char *real = realpath(path, NULL);
	filesystem *found = NULL;
	size_t best = 0;

	for (size_t i = 0; real && i < job->n_filesystems; i++) {
		size_t len = covers(job->filesystems[i].mountpoint, real);

		if (len > best) {
			best = len;
			found = &job->filesystems[i];
		}
	}
	return found;
}

static filesystem *of_device(const struct job *job, const char *name)
{
	CLEANUP_FREE char *real = realpath(name, NULL);

	for (size_t i = 0; i < job->n_filesystems; i++) {
		filesystem *fs = &job->filesystems[i];

		if (fs->device &&
		    (strcmp(fs->device, name) == 0 || (real && strcmp(fs->device, real) == 0)))
			return fs;
	}
	return NULL;
}

static int say(const char *value)
{
	if (value)
		puts(value);
	return value ? 0 : 1;
}

static const char *grub_scheme(const char *scheme)
{
	return strcmp(scheme, "mbr") == 0 ? "msdos" : scheme;
}

static const char *grub_partmap(filesystem *fs)
{
	return fs->scheme && fs->partition ? grub_scheme(fs->scheme) : "";
}

/* Of a volume: of each part of its group, as GRUB's list of members has it. */
static int say_partmaps(filesystem *fs)
{
	if (!fs->manager)
		return say(grub_partmap(fs));
	for (size_t i = 0; fs->schemes && fs->schemes[i]; i++)
		puts(grub_scheme(fs->schemes[i]));
	return 0;
}

/* "hd0,gpt1"; a volume has a name of its own that no firmware knows. */
static void grub_drive(filesystem *fs, const char *kind, char *ret, size_t size)
{
	if (fs->grub_drive)
		snprintf(ret, size, "%s", fs->grub_drive);
	else if (fs->partition)
		snprintf(ret, size, "%s%llu,%s%llu", kind, (unsigned long long)fs->disk,
			 grub_partmap(fs), (unsigned long long)fs->partition);
	else
		snprintf(ret, size, "%s%llu", kind, (unsigned long long)fs->disk);
}

/* GRUB knows from the name of the device how firmware calls it only for these. */
static bool has_hints(filesystem *fs)
{
	return strncmp(fs->device, "/dev/sd", 7) == 0 || strncmp(fs->device, "/dev/hd", 7) == 0;
}

static int say_hints(filesystem *fs)
{
	char bios[DRIVE_SIZE], ahci[DRIVE_SIZE];

	grub_drive(fs, "hd", bios, sizeof bios);
	grub_drive(fs, "ahci", ahci, sizeof ahci);
	if (fs->grub_drive)
		printf("--hint='%s' ", bios);
	else if (has_hints(fs))
		printf("--hint-bios=%s --hint-efi=%s --hint-baremetal=%s", bios, bios, ahci);
	putchar('\n');
	return 0;
}

static int say_disk(filesystem *fs)
{
	size_t len = strlen(fs->device);

	while (fs->partition && len > 0 && fs->device[len - 1] >= '0' && fs->device[len - 1] <= '9')
		len--;
	if (len > 1 && fs->partition && fs->device[len - 1] == 'p' && fs->device[len - 2] >= '0' &&
	    fs->device[len - 2] <= '9')
		len--;
	printf("%.*s\n", (int)len, fs->device);
	return 0;
}

static int say_drive(filesystem *fs, const char *before, const char *kind, const char *after)
{
	char drive[DRIVE_SIZE];

	grub_drive(fs, kind, drive, sizeof drive);
	printf("%s%s%s\n", before, drive, after);
	return 0;
}

static int grub_target(filesystem *fs, const char *target)
{
	if (strcmp(target, "device") == 0)
		return say(fs->device);
	if (strcmp(target, "fs") == 0)
		return say(fs->grub_type);
	if (strcmp(target, "fs_uuid") == 0)
		return say(fs->uuid);
	if (strcmp(target, "fs_label") == 0)
		return say(fs->label ? fs->label : "");
	if (strcmp(target, "partuuid") == 0)
		return say(fs->manager ? "" : fs->partuuid);
	if (strcmp(target, "partmap") == 0)
		return say_partmaps(fs);
	if (strcmp(target, "abstraction") == 0)
		return say(fs->manager ? fs->manager : "");
	if (strcmp(target, "cryptodisk_uuid") == 0 || strcmp(target, "arc_hint") == 0 ||
	    strcmp(target, "ieee1275_hint") == 0)
		return say("");
	if (strcmp(target, "disk") == 0)
		return say_disk(fs);
	if (strcmp(target, "drive") == 0)
		return say_drive(fs, "(", "hd", ")");
	if (strcmp(target, "hints_string") == 0)
		return say_hints(fs);
	if (strcmp(target, "baremetal_hints") == 0)
		return say_drive(fs, "", "ahci", "");
	if (strcmp(target, "compatibility_hint") == 0 || strcmp(target, "bios_hints") == 0 ||
	    strcmp(target, "efi_hints") == 0)
		return say_drive(fs, "", "hd", "");
	fprintf(stderr, "grub-probe: error: no answer for target %s.\n", target);
	return 1;
}

int answer_grub_probe(const struct job *job, int argc, char **argv)
{
	static const struct option options[] = {{"target", required_argument, NULL, 't'},
						{"device", no_argument, NULL, 'd'},
						{"device-map", required_argument, NULL, 'm'},
						{"verbose", no_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	const char *target = "fs";
	bool by_device = false;
	filesystem *fs;
	int option;

	while ((option = getopt_long(argc, argv, "t:dm:v0", options, NULL)) != -1) {
		if (option == '?')
			return 1;
		if (option == 't')
			target = optarg;
		by_device |= option == 'd';
	}
	if (optind >= argc)
		return 1;
	fs = by_device ? of_device(job, argv[optind]) : of_path(job, argv[optind]);
	if (!fs || !fs->device) {
		fprintf(stderr, "grub-probe: error: cannot find a device for %s.\n", argv[optind]);
		return 1;
	}
	return grub_target(fs, target);
}

int answer_grub_mkrelpath(const struct job *job, int argc, char **argv)
{
	CLEANUP_FREE char *real = argc > 1 ? realpath(argv[argc - 1], NULL) : NULL;
	filesystem *fs = real ? of_path(job, real) : NULL;
	size_t strip;

	if (!real)
		return 1;
	strip = fs && strcmp(fs->mountpoint, "/") != 0 ? strlen(fs->mountpoint) : 0;
	return say(real[1] ? real + strip : "");
}

/* A column of findmnt, a tag of blkid. */
static const char *value_of(filesystem *fs, const char *name)
{
	const struct {
		const char *name, *value;
	} values[] = {
		{"SOURCE", fs->device},
		{"DEVNAME", fs->device},
		{"TARGET", fs->mountpoint},
		{"FSTYPE", fs->type},
		{"TYPE", fs->type},
		{"UUID", fs->uuid},
		{"LABEL", fs->label},
		{"PARTUUID", fs->partuuid},
		{"FSROOT", "/"},
		{"OPTIONS", fs->options ? fs->options : "rw"},
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (strcasecmp(values[i].name, name) == 0)
			return values[i].value;
	return NULL;
}

struct blkid_query {
	const char *tags[16];
	size_t n_tags;
	const char *format;
	const char *token; /* "UUID=x" */
};

static bool wanted(const struct blkid_query *query, const char *tag)
{
	for (size_t i = 0; i < query->n_tags; i++)
		if (strcmp(query->tags[i], tag) == 0)
			return true;
	return query->n_tags == 0;
}

static bool matches(filesystem *fs, const char *token)
{
	const char *equals = strchr(token, '=');
	CLEANUP_FREE char *name = equals ? xstrndup(token, (size_t)(equals - token)) : NULL;
	const char *value = name ? value_of(fs, name) : NULL;

	return value && strcmp(value, equals + 1) == 0;
}

static void blkid_print(const struct blkid_query *query, filesystem *fs)
{
	static const char *const tags[] = {"LABEL", "UUID", "TYPE", "PARTUUID"};
	bool value_only = strcmp(query->format, "value") == 0;
	bool export = strcmp(query->format, "export") == 0;
	bool udev = strcmp(query->format, "udev") == 0;

	if (strcmp(query->format, "device") == 0) {
		puts(fs->device);
		return;
	}
	if (export)
		printf("DEVNAME=%s\n", fs->device);
	else if (!value_only && !udev)
		printf("%s:", fs->device);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		const char *value = value_of(fs, tags[i]);

		if (!value || !wanted(query, tags[i]))
			continue;
		if (value_only)
			printf("%s\n", value);
		else if (export || udev)
			printf("%s%s=%s\n", udev ? "ID_FS_" : "", tags[i], value);
		else
			printf(" %s=\"%s\"", tags[i], value);
	}
	if (!value_only && !export && !udev)
		putchar('\n');
}

static bool asked_for(const struct job *job, filesystem *fs, const struct blkid_query *query,
		      char *const *devices)
{
	if (!fs->device || (query->token && !matches(fs, query->token)))
		return false;
	for (size_t i = 0; devices[i]; i++)
		if (of_device(job, devices[i]) == fs)
			return true;
	return !devices[0];
}

int answer_blkid(const struct job *job, int argc, char **argv)
{
	struct blkid_query query = {.format = "full"};
	CLEANUP_FREE char *token = NULL;
	bool found = false;
	int option;

	while ((option = getopt(argc, argv, "s:o:pn:t:L:U:lc:w:gku:iO:S:dDhV")) != -1) {
		if (option == 's' && query.n_tags < 16)
			query.tags[query.n_tags++] = optarg;
		if (option == 'o')
			query.format = optarg;
		if (option == 't')
			query.token = optarg;
		if (option == 'L' || option == 'U') {
			free(token);
			token = xasprintf("%s=%s", option == 'L' ? "LABEL" : "UUID", optarg);
			query.token = token;
			query.format = "device";
		}
	}
	for (size_t i = 0; i < job->n_filesystems; i++) {
		filesystem *fs = &job->filesystems[i];

		if (!asked_for(job, fs, &query, argv + optind))
			continue;
		found = true;
		blkid_print(&query, fs);
	}
	return found ? 0 : 2;
}

struct findmnt_query {
	char *columns;
	const char *path, *mountpoint, *source;
	bool pairs, heading;
};

static void findmnt_print(const struct findmnt_query *query, filesystem *fs)
{
	CLEANUP_FREE char *columns = xstrdup(query->columns);
	char *rest = NULL;
	bool first = true;

	for (char *name = strtok_r(columns, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		const char *value = fs ? value_of(fs, name) : name;

		if (query->pairs && fs)
			printf("%s%s=\"%s\"", first ? "" : " ", name, value ? value : "");
		else
			printf("%s%s", first ? "" : " ", value ? value : "");
		first = false;
	}
	putchar('\n');
}

static bool findmnt_matches(const struct job *job, const struct findmnt_query *query,
			    filesystem *fs)
{
	if (!fs->mountpoint || fs->mountpoint[0] != '/')
		return false;
	if (query->path && of_path(job, query->path) != fs)
		return false;
	if (query->mountpoint && strcmp(query->mountpoint, fs->mountpoint) != 0)
		return false;
	return !query->source || of_device(job, query->source) == fs || matches(fs, query->source);
}

static void findmnt_word(struct findmnt_query *query, const char *word)
{
	if (strncmp(word, "/dev/", 5) == 0 || strchr(word, '='))
		query->source = word;
	else
		query->mountpoint = word;
}

static const struct option findmnt_options[] = {{"output", required_argument, NULL, 'o'},
						{"target", required_argument, NULL, 'T'},
						{"mountpoint", required_argument, NULL, 'M'},
						{"source", required_argument, NULL, 'S'},
						{"types", required_argument, NULL, 't'},
						{"options", required_argument, NULL, 'O'},
						{"noheadings", no_argument, NULL, 'n'},
						{"pairs", no_argument, NULL, 'P'},
						{"raw", no_argument, NULL, 'r'},
						{"list", no_argument, NULL, 'l'},
						{"fstab", no_argument, NULL, 's'},
						{"mtab", no_argument, NULL, 'm'},
						{"kernel", no_argument, NULL, 'k'},
						{"evaluate", no_argument, NULL, 'e'},
						{"canonicalize", no_argument, NULL, 'c'},
						{"first-only", no_argument, NULL, 'f'},
						{"nofsroot", no_argument, NULL, 'v'},
						{"notruncate", no_argument, NULL, 'u'},
						{"real", no_argument, NULL, 'R'},
						{NULL, 0, NULL, 0}};

int answer_findmnt(const struct job *job, int argc, char **argv)
{
	static char default_columns[] = "TARGET,SOURCE,FSTYPE,OPTIONS";
	struct findmnt_query query = {.columns = default_columns, .heading = true};
	bool found = false;
	int option;

	while ((option = getopt_long(argc, argv, "o:T:M:S:t:O:nPrlsmkecfvuRF:Aabd:ip:w:xyD",
				     findmnt_options, NULL)) != -1) {
		if (option == '?')
			return 1;
		if (option == 'o')
			query.columns = optarg;
		if (option == 'T')
			query.path = optarg;
		if (option == 'M')
			query.mountpoint = optarg;
		if (option == 'S')
			query.source = optarg;
		query.heading &= option != 'n' && option != 'P';
		query.pairs |= option == 'P';
	}
	for (; optind < argc; optind++)
		findmnt_word(&query, argv[optind]);
	for (size_t i = 0; i < job->n_filesystems; i++) {
		if (!findmnt_matches(job, &query, &job->filesystems[i]))
			continue;
		if (query.heading && !found)
			findmnt_print(&query, NULL);
		found = true;
		findmnt_print(&query, &job->filesystems[i]);
	}
	return found ? 0 : 1;
}
