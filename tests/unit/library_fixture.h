/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of a library as its files: one in a directory of its own, with real keys.  What lies in
 * the overlays is nobody's business here, so they are any bytes.
 */
#ifndef TESTS_UNIT_LIBRARY_FIXTURE_H
#define TESTS_UNIT_LIBRARY_FIXTURE_H

#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "library/base.h"
#include "library/commit.h"
#include "library/library.h"
#include "library/template.h"
#include "record/bundle.h"

static char directory[] = "/tmp/library_test.XXXXXX";
static struct library *library;
static struct record_keys *keys;
static struct key *key;

static struct error err;

static inline struct library *open_as(const char *host)
{
	CLEANUP_FREE char *path = path_join(directory, "lib");
	struct library *opened = library_open(path, host, &err);

	ck_assert_msg(opened != NULL, "%s", err.msg);
	return opened;
}

static inline void setup(void)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *secret = NULL;
	const char *paths[] = {directory};

	err = (struct error){0};
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	path = path_join(directory, "lib");
	secret = path_join(directory, "a.key");
	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
	ck_assert_msg(library_init(path, &err) == 0, "%s", err.msg);
	library = open_as("host-a");
	keys = record_keys_open(paths, 1, &err);
	key = key_open_private(secret, &err);
	ck_assert(keys && key);
}

static inline void teardown(void)
{
	library_free(library);
	record_keys_free(keys);
	key_free(key);
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

__attribute__((format(printf, 1, 2))) static inline char *in_library(const char *fmt, ...)
{
	CLEANUP_FREE char *relative = NULL;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&relative, fmt, ap), 0);
	va_end(ap);
	return library_path(library, "%s", relative);
}

static inline void put(const char *path, const char *text)
{
	ck_assert_msg(file_replace(path, text, strlen(text), 0644, &err) == 0, "%s", err.msg);
}

static inline bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline void write_signed(const char *path, const char *payload, const struct key *with)
{
	CLEANUP_BUFFER struct buffer bytes = {0};

	ck_assert_int_eq(bundle_make(with, payload, strlen(payload), &bytes, &err), 0);
	ck_assert_msg(file_replace(path, bytes.data, bytes.len, 0444, &err) == 0, "%s", err.msg);
}

/* A head that goes on from the last one, as a value. */
static inline struct head next_head(const struct template *template, enum head_kind kind,
				    uint64_t generation, const struct digest *record)
{
	const struct template_head *last = template ? template_last_head(template) : NULL;
	static char name[] = "web", run[] = "r1";
	struct head head = {.kind = kind,
			    .template_name = name,
			    .run = run,
			    .generation = generation,
			    .record = *record,
			    .number = last ? last->number + 1 : 1};

	if (last) {
		head.has_previous = true;
		head.previous = last->digest;
	}
	return head;
}

static inline char *stage_head(const struct library *as, const struct head *head)
{
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *payload = json_to_bytes(statement);
	char *path = heads_staged_path(as, head->template_name, "r1");

	write_signed(path, payload, key);
	return path;
}

static inline struct template *load(void)
{
	struct template *template = template_load(library, "web", keys, &err);

	ck_assert_msg(template != NULL, "%s", err.msg);
	return template;
}

static inline struct template *load_if_any(void)
{
	return template_load(library, "web", keys, &err);
}

static inline void append(const struct head *head)
{
	CLEANUP_FREE char *staged = stage_head(library, head);

	ck_assert_msg(heads_append(library, "web", head->number, staged, &err) == 0, "%s", err.msg);
	ck_assert_msg(current_mend(library, "web", head->generation, &err) == 0, "%s", err.msg);
}

static inline void replace_head(uint64_t number, const struct head *head, const struct key *with)
{
	CLEANUP_FREE char *path = in_library("templates/web/heads/%06" PRIu64, number);
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *payload = json_to_bytes(statement);

	write_signed(path, payload, with);
}

static inline void fill(const struct staging *staging, const char *content,
			struct digest *ret_record)
{
	CLEANUP_FREE char *disk = path_join(staging->path, "disk0.qcow2");
	CLEANUP_FREE char *record = path_join(staging->path, "record.sigstore.json");
	CLEANUP_FREE char *log = path_join(staging->path, "run.log.zst");

	put(disk, content);
	put(log, "log");
	write_signed(record, content, key);
	ck_assert_int_eq(digest_of_file(record, ret_record, &err), 0);
}

/* One more generation; its number. */
static inline uint64_t commit(enum head_kind kind)
{
	CLEANUP(template_free)
	struct template *template = load_if_any();
	CLEANUP(staging_free)
	struct staging *staging = staging_new(library, "web", "r1", &err);
	struct digest record;
	struct head head;

	ck_assert_msg(staging != NULL, "%s", err.msg);
	fill(staging, "disk", &record);
	ck_assert_msg(staging_publish(staging, NULL, &err) == 0, "%s", err.msg);
	if (!template)
		ck_assert_int_eq(
			template_info_write(library, "web", &(struct template_info){0}, &err), 0);
	head = next_head(template, kind, staging->number, &record);
	append(&head);
	return staging->number;
}

static inline void build_three(void)
{
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 1);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 2);
}

/* No head has a problem, and this generation is current. */
static inline void check_sound(size_t n_heads, uint64_t current)
{
	CLEANUP(template_free)
	struct template *template = load();
	const struct template_generation *generation;

	ck_assert_uint_eq(template->n_heads, n_heads);
	for (size_t i = 0; i < n_heads; i++)
		ck_assert_msg(!template->heads[i].problem, "%s", template->heads[i].problem);
	for (size_t i = 0; i < template->n_generations; i++)
		ck_assert_msg(!template->generations[i].problem, "%s",
			      template->generations[i].problem);
	ck_assert_uint_eq(template->n_problems, 0);
	generation = template_find(template, -1, &err);
	ck_assert_msg(generation != NULL, "%s", err.msg);
	ck_assert_uint_eq(generation->number, current);
	ck_assert_uint_eq(strtoull(template->current, NULL, 10), current);
}

static inline void check_no_temporaries(const char *relative)
{
	char **names;
	size_t n;

	ck_assert_int_eq(library_list_directory(library, relative, &names, &n, &err), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(strncmp(names[i], ".tmp-", 5) != 0, "%s/%s", relative, names[i]);
	names_free(names, n);
}

static inline void check_clean(void)
{
	check_no_temporaries(".");
	check_no_temporaries("bases");
	check_no_temporaries("templates/web");
	check_no_temporaries("templates/web/heads");
}

/* A file at `path`, as a base that is left there. */
static inline struct base example_base(char *path, const char *content)
{
	static char format[] = "raw";
	struct base base = {.format = format, .path = path};
	struct stat st;

	put(path, content);
	ck_assert_int_eq(stat(path, &st), 0);
	digest_of(content, strlen(content), &base.digest);
	base.size = (uint64_t)st.st_size;
	base.mtime_s = st.st_mtim.tv_sec;
	base.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return base;
}

static inline int relocate(const struct digest *digest, const char *path)
{
	struct stat seen = {0};

	lstat(path, &seen);
	return base_relocate(library, digest, path, &seen, &err);
}

static inline int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
