/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library as its files: real keys, real files, processes that race and die.  What lies in the
 * overlays is nobody's business here, so they are any bytes.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "library/base.h"
#include "library/change.h"
#include "library/commit.h"
#include "library/library.h"
#include "library/template.h"
#include "record/bundle.h"
#include "suite.h"

static char directory[] = "/tmp/library_test.XXXXXX";
static struct library *library;
static struct record_keys *keys;
static struct key *key;

static struct error err;

static struct library *open_as(const char *host)
{
	CLEANUP_FREE char *path = path_join(directory, "lib");
	struct library *opened = library_open(path, host, &err);

	ck_assert_msg(opened != NULL, "%s", err.msg);
	return opened;
}

static void setup(void)
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

static void teardown(void)
{
	library_free(library);
	record_keys_free(keys);
	key_free(key);
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

__attribute__((format(printf, 1, 2))) static char *in_library(const char *fmt, ...)
{
	CLEANUP_FREE char *relative = NULL;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&relative, fmt, ap), 0);
	va_end(ap);
	return library_path(library, "%s", relative);
}

static void put(const char *path, const char *text)
{
	ck_assert_msg(file_replace(path, text, strlen(text), 0644, &err) == 0, "%s", err.msg);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void write_signed(const char *path, const char *payload, const struct key *with)
{
	CLEANUP_BUFFER struct buffer bytes = {0};

	ck_assert_int_eq(bundle_make(with, payload, strlen(payload), &bytes, &err), 0);
	ck_assert_msg(file_replace(path, bytes.data, bytes.len, 0444, &err) == 0, "%s", err.msg);
}

/* A head that goes on from the last one, as a value. */
static struct head next_head(const struct template *template, enum head_kind kind,
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

static char *stage_head(const struct library *as, const struct head *head)
{
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *payload = json_to_bytes(statement);
	char *path = heads_staged_path(as, head->template_name, "r1");

	write_signed(path, payload, key);
	return path;
}

static struct template *load(void)
{
	struct template *template = template_load(library, "web", keys, &err);

	ck_assert_msg(template != NULL, "%s", err.msg);
	return template;
}

static struct template *load_if_any(void)
{
	return template_load(library, "web", keys, &err);
}

static void append(const struct head *head)
{
	CLEANUP_FREE char *staged = stage_head(library, head);

	ck_assert_msg(heads_append(library, "web", head->number, staged, &err) == 0, "%s", err.msg);
	ck_assert_msg(current_mend(library, "web", head->generation, &err) == 0, "%s", err.msg);
}

static void fill(const struct staging *staging, const char *content, struct digest *ret_record)
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
static uint64_t commit(enum head_kind kind)
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
	head = next_head(template, kind, staging->number, &record);
	append(&head);
	return staging->number;
}

static void build_three(void)
{
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 1);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 2);
}

/* No head has a problem, and this generation is current. */
static void check_sound(size_t n_heads, uint64_t current)
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

static void check_no_temporaries(const char *relative)
{
	char **names;
	size_t n;

	ck_assert_int_eq(library_list_directory(library, relative, &names, &n, &err), 0);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(strncmp(names[i], ".tmp-", 5) != 0, "%s/%s", relative, names[i]);
	names_free(names, n);
}

static void check_clean(void)
{
	check_no_temporaries(".");
	check_no_temporaries("bases");
	check_no_temporaries("templates/web");
	check_no_temporaries("templates/web/heads");
}

START_TEST(init_wants_an_empty_directory)
{
	CLEANUP_FREE char *path = path_join(directory, "other");
	CLEANUP_FREE char *part = path_join(path, "bases");
	CLEANUP_FREE char *file = path_join(path, "notes.txt");

	ck_assert_ptr_null(library_open(path, "h", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_int_eq(directory_make(part, 0755, &err), 0);
	ck_assert_ptr_null(library_open(path, "h", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "no library (coldpatch.yaml is missing)"));
	put(file, "x");
	ck_assert_int_lt(library_init(path, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not empty (notes.txt)"));
	unlink(file);
	ck_assert_msg(library_init(path, &err) == 0, "%s", err.msg);
	ck_assert_int_lt(library_init(path, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not empty (coldpatch.yaml)"));
}
END_TEST

START_TEST(policy_is_read_and_checked)
{
	static const char *const bad[][2] = {
		{"chain-depth: 0\n", "chain-depth: 0 is not 1 to 64"},
		{"publish: pool\n", "publish: pool is no absolute path"},
		{"clone-roots: [vms]\n", "clone-roots: vms is no absolute path"},
		{"executors: [docker]\n", "executors: docker is neither sandbox nor appliance"},
		{"chain-dept: 3\n", "line 1"},
	};
	CLEANUP_FREE char *path = in_library("coldpatch.yaml");

	ck_assert_uint_eq(library->policy.chain_depth, 4);
	put(path, "publish: /srv/pool\nclone-roots: [/srv/vms]\ntrash-days: 0\n");
	library_free(library);
	library = open_as("host-a");
	ck_assert_uint_eq(library->policy.chain_depth, 4);
	ck_assert_uint_eq(library->policy.trash_days, 0);
	ck_assert_uint_eq(library->policy.run_days, 30);
	ck_assert_str_eq(library->policy.publish, "/srv/pool");
	ck_assert_str_eq(library->policy.clone_roots[0], "/srv/vms");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(path, bad[i][0]);
		ck_assert_ptr_null(library_open(library->path, "h", &err));
		ck_assert_int_eq(err.kind, ERROR_CONFIG);
		ck_assert_msg(strstr(err.msg, bad[i][1]) != NULL, "%s", err.msg);
	}
}
END_TEST

START_TEST(names_and_references)
{
	static const char *const bad[] = {"",
					  ".web",
					  "-web",
					  "web@",
					  "web@x",
					  "web@-1",
					  "we/b",
					  "web@1@2",
					  "w\xc3\xa9"
					  "b",
					  "web@99999999999999999999"};
	CLEANUP_FREE char *name = NULL;
	CLEANUP_FREE char *other = NULL;
	int64_t generation;

	ck_assert_int_eq(template_reference_parse("web-1.2_x", &name, &generation, &err), 0);
	ck_assert_str_eq(name, "web-1.2_x");
	ck_assert_int_eq(generation, -1);
	ck_assert_int_eq(template_reference_parse("web@12", &other, &generation, &err), 0);
	ck_assert_str_eq(other, "web");
	ck_assert_int_eq(generation, 12);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLEANUP_FREE char *none = NULL;

		ck_assert_msg(template_reference_parse(bad[i], &none, &generation, &err) < 0, "%s",
			      bad[i]);
		ck_assert_int_eq(err.kind, ERROR_USAGE);
	}
	template_reference_parse("web@x", &name, &generation, &err);
	ck_assert_str_eq(err.msg, "web@x: behind the @ stands a generation's number");
	template_name_check(".web", &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "template name '.web'"));
}
END_TEST

START_TEST(three_generations)
{
	CLEANUP_FREE char *disk = in_library("templates/web/2/disk0.qcow2");
	CLEANUP_FREE char *log = in_library("templates/web/2/run.log.zst");
	CLEANUP_FREE char *owner = in_library("templates/web/2/.owner");
	struct stat st;
	char **names;
	size_t n;

	ck_assert_ptr_null(load_if_any());
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "web: no such template"));
	build_three();
	check_sound(3, 2);
	check_clean();
	ck_assert(stat(disk, &st) == 0 && (st.st_mode & 07777) == 0444);
	ck_assert(stat(log, &st) == 0 && (st.st_mode & 07777) == 0440);
	ck_assert(!is_there(owner));
	ck_assert_int_eq(library_list_templates(library, &names, &n, &err), 0);
	ck_assert(n == 1 && strcmp(names[0], "web") == 0);
	names_free(names, n);
}
END_TEST

START_TEST(new_disks_are_like_the_parents)
{
	CLEANUP_FREE char *like = path_join(directory, "parent.qcow2");
	CLEANUP(staging_free)
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP_FREE char *disk = NULL;
	struct digest record;
	struct stat st;

	put(like, "parent");
	ck_assert_int_eq(chmod(like, 0640), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(like, 12, 34), 0);
	fill(staging, "disk", &record);
	ck_assert_msg(staging_publish(staging, like, &err) == 0, "%s", err.msg);
	disk = path_join(staging->path, "disk0.qcow2");
	ck_assert_int_eq(stat(disk, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0440);
	if (geteuid() == 0)
		ck_assert(st.st_uid == 12 && st.st_gid == 34);
}
END_TEST

START_TEST(what_no_head_names_is_dropped)
{
	CLEANUP_FREE char *template = in_library("templates/web");
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP_FREE char *path = NULL;
	struct digest record;

	staging_free(staging);
	ck_assert(!is_there(template));
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	staging = staging_new(library, "web", "r2", &err);
	fill(staging, "other", &record);
	ck_assert_int_eq(staging_publish(staging, NULL, &err), 0);
	ck_assert_uint_eq(staging->number, 1);
	path = xstrdup(staging->path);
	ck_assert(is_there(path));
	staging_free(staging);
	ck_assert(!is_there(path));
	check_sound(1, 0);
	check_clean();
}
END_TEST

START_TEST(a_number_is_never_used_again)
{
	CLEANUP_FREE char *last = in_library("templates/web/2");

	build_three();
	ck_assert_int_eq(directory_remove(last, &err), 0);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 3);
}
END_TEST

/* A message of the template's second head, after a change of its file or its neighbours. */
static void expect_problem(size_t head, const char *message)
{
	CLEANUP(template_free)
	struct template *template = load();

	ck_assert_uint_gt(template->n_heads, head);
	ck_assert_msg(template->heads[head].problem != NULL, "head %zu: no problem, not: %s", head,
		      message);
	ck_assert_msg(strstr(template->heads[head].problem, message) != NULL, "%s",
		      template->heads[head].problem);
}

static void replace_head(uint64_t number, const struct head *head, const struct key *with)
{
	CLEANUP_FREE char *path = in_library("templates/web/heads/%06" PRIu64, number);
	CLEANUP_JSON json_t *statement = head_to_json(head);
	CLEANUP_FREE char *payload = json_to_bytes(statement);

	write_signed(path, payload, with);
}

START_TEST(forged_head)
{
	CLEANUP(key_free)
	struct key *other = NULL;
	CLEANUP(template_free)
	struct template *template = NULL;
	CLEANUP_FREE char *elsewhere = path_join(directory, "thief");
	CLEANUP_FREE char *secret = path_join(elsewhere, "b.key");
	struct head head;

	build_three();
	template = load();
	ck_assert_int_eq(key_generate(elsewhere, "b", NULL, &err), 0);
	other = key_open_private(secret, &err);
	head = next_head(template, HEAD_ROLLBACK, 0, &template->heads[0].head->record);
	replace_head(4, &head, other);
	expect_problem(3, "which is none of the 1 known public keys");
	template_free(template);
	template = load();
	ck_assert_ptr_nonnull(template->heads[3].claimed);
	ck_assert_ptr_null(template_find(template, -1, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(template_find(template, 2, &err));
}
END_TEST

START_TEST(edited_head)
{
	CLEANUP_FREE char *path = in_library("templates/web/heads/000002");
	CLEANUP_BUFFER struct buffer text = {0};

	build_three();
	ck_assert_int_eq(file_read(path, HEAD_MAX_SIZE, &text, &err), 0);
	text.data[text.len / 2] ^= 1;
	ck_assert_int_eq(file_replace(path, text.data, text.len, 0444, &err), 0);
	expect_problem(1, "000002");
	expect_problem(2, "was made to follow another head 2");
	put(path, "");
	expect_problem(1, "line 1");
}
END_TEST

START_TEST(reordered_heads)
{
	CLEANUP_FREE char *second = in_library("templates/web/heads/000002");
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *aside = in_library("aside");

	build_three();
	ck_assert(rename(second, aside) == 0 && rename(third, second) == 0 &&
		  rename(aside, third) == 0);
	expect_problem(1, "is head 3, put into this place");
	expect_problem(2, "is head 2, put into this place");
}
END_TEST

START_TEST(missing_and_foreign_heads)
{
	CLEANUP_FREE char *second = in_library("templates/web/heads/000002");
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *stray = in_library("templates/web/heads/3");
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;
	char db[] = "db";

	build_three();
	unlink(second);
	expect_problem(1, "head 2, before it, is missing");
	template = load();
	head = next_head(template, HEAD_COMMIT, 1, &template->heads[0].head->record);
	head.template_name = db;
	replace_head(4, &head, key);
	expect_problem(2, "is a head of template db");
	unlink(third);
	put(stray, "x");
	template_free(template);
	template = load();
	ck_assert_uint_eq(template->n_problems, 1);
	ck_assert_ptr_nonnull(strstr(template->problems[0], "heads/3: is no head"));
}
END_TEST

START_TEST(hold_that_moves_and_record_that_differs)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	struct digest other;
	struct head head;

	build_three();
	template = load();
	head = next_head(template, HEAD_HOLD, 1, &template->heads[1].head->record);
	replace_head(4, &head, key);
	expect_problem(3, "a hold that names another generation than head 3");
	digest_of("other", 5, &other);
	head = next_head(template, HEAD_ROLLBACK, 1, &other);
	replace_head(4, &head, key);
	expect_problem(3, "names another record of generation 1 than head 2");
}
END_TEST

static void make_old(const char *path, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
				    {.tv_sec = time(NULL) - seconds}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* The library stays as it is, whatever heads say, when its tail is cut off. */
START_TEST(cut_tail_deletes_nothing)
{
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *made = in_library("templates/web/2");
	CLEANUP_FREE char *generation = in_library("templates/web/2/disk0.qcow2");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(third);
	make_old(made, OWNER_GONE_S + 60);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(is_there(generation));
	template = load();
	ck_assert_uint_eq(template->n_generations, 3);
	ck_assert(!template->generations[2].named);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 3);
}
END_TEST

static void expect_bad_generation(uint64_t number, const char *message)
{
	CLEANUP(template_free)
	struct template *template = load();

	ck_assert_ptr_null(template_find(template, (int64_t)number, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

START_TEST(damaged_generations)
{
	CLEANUP_FREE char *disk = in_library("templates/web/1/disk0.qcow2");
	CLEANUP_FREE char *record = in_library("templates/web/1/record.sigstore.json");
	CLEANUP_FREE char *second = in_library("templates/web/2");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	put(record, "{}");
	expect_bad_generation(1, "is not the record with sha256");
	unlink(record);
	expect_bad_generation(1, "record.sigstore.json: not there");
	unlink(disk);
	expect_bad_generation(1, "disk0.qcow2: is missing");
	ck_assert_int_eq(symlink("/etc/passwd", disk), 0);
	expect_bad_generation(1, "disk0.qcow2: is no regular file");
	ck_assert_int_eq(directory_remove(second, &err), 0);
	expect_bad_generation(2, "2: is missing: head 3 names it");
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(is_there(disk));
	template = load();
	ck_assert_ptr_null(template_find(template, 9, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "web: has no generation 9");
}
END_TEST

START_TEST(pruned_generation_is_no_damage)
{
	CLEANUP_FREE char *disk = in_library("templates/web/1/disk0.qcow2");
	CLEANUP_FREE char *mark = in_library("templates/web/1/pruned.json");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(disk);
	put(mark, "{}");
	check_sound(3, 2);
	template = load();
	ck_assert_ptr_null(template_find(template, 1, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "web: generation 1 was pruned");
}
END_TEST

/* Each place that could be a link is one, in turn; nothing is read or changed behind it. */
START_TEST(planted_links_lead_nowhere)
{
	static const char *const places[] = {"templates/web", "templates/web/heads",
					     "templates/web/heads/000003", "templates/web/2"};
	CLEANUP_FREE char *place = in_library("%s", places[_i]);
	CLEANUP_FREE char *aside = path_join(directory, "aside");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	ck_assert_int_eq(rename(place, aside), 0);
	ck_assert_int_eq(symlink(aside, place), 0);
	template = load_if_any();
	if (template) {
		ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
		ck_assert_ptr_null(template_find(template, -1, &err));
	} else {
		ck_assert_int_lt(template_recover(library, "web", keys, &err), 0);
	}
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, "is a link, or lies behind one") != NULL, "%s", err.msg);
	ck_assert(is_there(place) && is_there(aside));
}
END_TEST

START_TEST(current_is_only_a_view)
{
	CLEANUP_FREE char *current = in_library("templates/web/current");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(current);
	ck_assert_int_eq(symlink("/etc", current), 0);
	template = load();
	ck_assert_str_eq(template->current, "/etc");
	ck_assert_uint_eq(template_find(template, -1, &err)->number, 2);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	check_sound(3, 2);
	/* Whoever comes too late with an old head does no harm. */
	ck_assert_int_eq(current_mend(library, "web", 1, &err), 0);
	check_sound(3, 2);
	unlink(current);
	put(current, "x");
	ck_assert_int_lt(current_mend(library, "web", 2, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "current: is no link; move it out of the way"));
}
END_TEST

START_TEST(holds_begin_and_end)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	const struct digest *record;
	struct digest plan;
	struct head head;

	build_three();
	digest_of("plan", 4, &plan);
	template = load();
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_ROLLBACK, 1, record);
	head.has_undone = true;
	head.undone_plan = plan;
	head.until = 2000;
	append(&head);
	template_free(template);
	template = load();
	ck_assert_ptr_null(template_hold(template, 1000));
	ck_assert(template_is_held_by_rollback(template, 3, 1999));
	ck_assert(!template_is_held_by_rollback(template, 3, 2000));
	ck_assert(!template_is_held_by_rollback(template, 2, 1999));
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_HOLD, 1, record);
	head.until = 3000;
	append(&head);
	template_free(template);
	template = load();
	ck_assert_uint_eq(template_hold(template, 2999)->number, 5);
	ck_assert_ptr_null(template_hold(template, 3000));
	record = &template->heads[1].head->record;
	head = next_head(template, HEAD_RELEASE, 1, record);
	append(&head);
	check_sound(6, 1);
	template_free(template);
	template = load();
	ck_assert_ptr_null(template_hold(template, 1000));
	ck_assert(!template_is_held_by_rollback(template, 3, 1000));
}
END_TEST

static void revoke_up_to(uint64_t number)
{
	CLEANUP_FREE char *head = in_library("templates/web/heads/%06" PRIu64, number);
	CLEANUP_FREE char *path = path_join(directory, "a.revoked");
	CLEANUP_FREE char *text = NULL;
	const char *paths[] = {directory};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	ck_assert_int_eq(digest_of_file(head, &digest, &err), 0);
	digest_to_hex(&digest, hex);
	text = xasprintf("{\"revoked\":1,\"good\":{\"web\":{\"head\":%" PRIu64
			 ",\"digest\":\"%s\"}}}",
			 number, hex);
	put(path, text);
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	ck_assert_ptr_nonnull(keys);
}

START_TEST(revoked_key_is_good_up_to_a_head)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;

	build_three();
	revoke_up_to(2);
	template = load();
	ck_assert_ptr_null(template->heads[0].problem);
	ck_assert_ptr_null(template->heads[1].problem);
	expect_problem(2, "which is revoked, and is not one of the heads that the revocation calls "
			  "good");
	/* Made anew by the thief, with another head 2. */
	head = next_head(NULL, HEAD_COMMIT, 1, &template->heads[1].head->record);
	head.number = 2;
	head.has_previous = true;
	head.previous = template->heads[0].digest;
	head.time = 5;
	replace_head(2, &head, key);
	expect_problem(0, "which is revoked");
	expect_problem(1, "which is revoked");
}
END_TEST

START_TEST(retired_key_is_good_up_to_a_head)
{
	CLEANUP_FREE char *revoked = path_join(directory, "a.revoked");
	CLEANUP_FREE char *retired = path_join(directory, "a.retired");
	const char *paths[] = {directory};
	CLEANUP_BUFFER struct buffer text = {0};
	char *word;

	build_three();
	revoke_up_to(2);
	ck_assert_int_eq(file_read(revoked, 4096, &text, &err), 0);
	buffer_append(&text, "", 1);
	word = strstr(text.data, "revoked");
	memcpy(word, "retired", strlen("retired"));
	ck_assert_int_eq(unlink(revoked), 0);
	put(retired, text.data);
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	ck_assert_ptr_nonnull(keys);
	expect_problem(2, "which is retired, and is not one of the heads that the retirement calls "
			  "good");
	ck_assert_ptr_null(record_keys_end(keys, "another"));
	/* Without heads, the time that the signer said. */
	put(retired, "{\"retired\":4000000000}");
	record_keys_free(keys);
	keys = record_keys_open(paths, 1, &err);
	{
		CLEANUP(template_free)
		struct template *template = load();

		ck_assert_ptr_null(template->heads[2].problem);
	}
}
END_TEST

START_TEST(info_and_pins)
{
	CLEANUP_FREE char *path = in_library("templates/web/template.json");
	CLEANUP_FREE char *bad = in_library("templates/web/pins/2-x.json");
	CLEANUP_FREE char *pin = NULL;
	char owner[] = "team", domain[] = "customer\xff";
	struct template_info info = {.owner = owner, .trust_domain = domain};
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	template = load();
	ck_assert_str_eq(template->info.trust_domain, "own");
	ck_assert_int_eq(template_info_write(library, "web", &info, &err), 0);
	ck_assert_int_eq(template_pin_add(library, "web", 1, "/vms/a.qcow2", &pin, &err), 0);
	ck_assert_int_eq(template_pin_add(library, "web", 1, "/vms/b.qcow2", NULL, &err), 0);
	template_free(template);
	template = load();
	ck_assert_str_eq(template->info.owner, "team");
	ck_assert_str_eq(template->info.trust_domain, "customer\xff");
	ck_assert_uint_eq(template->n_pins, 2);
	ck_assert_uint_eq(template->pins[0].generation, 1);
	ck_assert(is_there(pin));
	ck_assert_uint_eq(template->n_problems, 0);
	put(path, "{\"owner\": 3}");
	put(bad, "");
	template_free(template);
	template = load();
	ck_assert_str_eq(template->info.trust_domain, "unknown");
	ck_assert_uint_eq(template->n_pins, 3);
	ck_assert_uint_eq(template->n_problems, 2);
	ck_assert_ptr_nonnull(strstr(template->problems[0], "template.json: member owner"));
}
END_TEST

static int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum { RACERS = 6, ROUNDS = 12 };

/* Two hosts, three processes each, all with a head of the same number. */
static int race(const struct template *template, int racer, int gate)
{
	const struct head *goal = template->heads[racer % 3].head;
	struct head head = next_head(template, HEAD_ROLLBACK, goal->generation, &goal->record);
	CLEANUP(library_free)
	struct library *own = open_as(racer % 2 ? "host-a" : "host-b");
	CLEANUP_FREE char *staged = NULL;
	char byte;

	head.time = racer;
	staged = stage_head(own, &head);
	if (read(gate, &byte, 1) != 0)
		return 99;
	if (heads_append(own, "web", head.number, staged, &err) < 0)
		return err.kind;
	return current_mend(own, "web", head.generation, &err) < 0 ? 98 : 0;
}

static pid_t start_racer(const struct template *template, int racer, int gate[2])
{
	pid_t pid = fork();

	if (pid == 0) {
		close(gate[1]);
		_exit(race(template, racer, gate[0]));
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

START_TEST(one_wins_each_number)
{
	build_three();
	for (size_t round = 0; round < ROUNDS; round++) {
		CLEANUP(template_free)
		struct template *template = load();
		pid_t pids[RACERS];
		int gate[2], won = 0;

		ck_assert_int_eq(pipe(gate), 0);
		for (int i = 0; i < RACERS; i++)
			pids[i] = start_racer(template, i, gate);
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < RACERS; i++) {
			int code = wait_for(pids[i]);

			ck_assert_msg(code == 0 || code == ERROR_BUSY, "exit code %d", code);
			won += code == 0;
		}
		ck_assert_int_eq(won, 1);
		template_free(template);
		template = load();
		check_sound(4 + round, template_last_head(template)->head->generation);
	}
	check_clean();
}
END_TEST

START_TEST(late_head_says_who_was_faster)
{
	CLEANUP(template_free)
	struct template *template = NULL;
	CLEANUP_FREE char *staged = NULL;
	CLEANUP_FREE char *far = NULL;
	struct head head;

	build_three();
	template = load();
	head = next_head(template, HEAD_ROLLBACK, 1, &template->heads[1].head->record);
	staged = stage_head(library, &head);
	ck_assert_int_lt(heads_append(library, "web", 3, staged, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "web: somebody else was faster with head 3; try again");
	ck_assert(!is_there(staged));
	far = stage_head(library, &head);
	ck_assert_int_lt(heads_append(library, "web", 6, far, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "web: head 5 is gone: nothing can follow it");
	check_clean();
}
END_TEST

/* A process that is killed with a generation in the making, at one of its stages. */
static void die_at(const char *host, int stage)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct library *own = open_as(host);
		struct template *template = load_if_any();
		struct staging *staging = staging_new(own, "web", "dead", &err);
		struct owner_file *lease = template_lease(own, "web", "dead", &err);
		struct digest record;
		struct head head;

		fill(staging, "dead", &record);
		if (stage >= 1)
			staging_publish(staging, NULL, &err);
		head = next_head(template, template ? HEAD_COMMIT : HEAD_IMPORT, staging->number,
				 &record);
		if (stage >= 2)
			stage_head(own, &head);
		(void)lease;
		raise(SIGKILL);
	}
	ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
}

START_TEST(what_the_dead_leave_is_cleared)
{
	CLEANUP_FREE char *first = in_library("templates/web/1");
	CLEANUP_FREE char *left = in_library("templates/web/lease");
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-a", _i);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	check_clean();
	ck_assert(!is_there(first));
	check_sound(1, 0);
	ck_assert(!is_there(left));
	lease = template_lease(library, "web", "r2", &err);
	ck_assert_msg(lease != NULL, "%s", err.msg);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 1);
}
END_TEST

START_TEST(killed_import_leaves_no_template)
{
	CLEANUP_FREE char *template = in_library("templates/web");
	char **names;
	size_t n;

	die_at("host-a", _i);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(!is_there(template));
	ck_assert_int_eq(library_list_templates(library, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	names_free(names, n);
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
}
END_TEST

/* All owner files of a template, and what has none, were last touched that long ago. */
static void age(time_t seconds)
{
	static const char *const relatives[] = {"templates/web", "templates/web/heads"};

	for (size_t i = 0; i < 2; i++) {
		char **names;
		size_t n;

		ck_assert_int_eq(library_list_directory(library, relatives[i], &names, &n, &err),
				 0);
		for (size_t j = 0; j < n; j++) {
			CLEANUP_FREE char *path = in_library("%s/%s", relatives[i], names[j]);
			CLEANUP_FREE char *owner = path_join(path, ".owner");

			if (is_there(owner))
				make_old(owner, seconds);
			make_old(path, seconds);
		}
		names_free(names, n);
	}
}

START_TEST(other_hosts_have_ten_minutes)
{
	CLEANUP_FREE char *first = in_library("templates/web/1");

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-b", 0);
	die_at("host-b", 2);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	age(OWNER_GONE_S - 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first));
	ck_assert_ptr_null(template_lease(library, "web", "r2", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "template web: lease: host host-b has it, process"));
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(!is_there(first));
	check_clean();
	check_sound(1, 0);
	owner_file_free(template_lease(library, "web", "r2", &err));
}
END_TEST

START_TEST(the_living_keep_what_is_theirs)
{
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;
	CLEANUP(staging_free)
	struct staging *staging = NULL;
	CLEANUP_FREE char *disk = NULL;
	struct digest record;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	lease = template_lease(library, "web", "r1", &err);
	ck_assert_ptr_nonnull(lease);
	ck_assert_ptr_null(template_lease(library, "web", "r2", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "host host-a has it"));
	staging = staging_new(library, "web", "r1", &err);
	fill(staging, "mine", &record);
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert_int_eq(staging_publish(staging, NULL, &err), 0);
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	disk = path_join(staging->path, "disk0.qcow2");
	ck_assert(is_there(disk));
	owner_file_free(steal(lease));
	lease = template_lease(library, "web", "r2", &err);
	ck_assert_ptr_nonnull(lease);
}
END_TEST

/* Only what claims a generation counts, not who signed it. */
START_TEST(what_a_forged_head_names_is_kept)
{
	CLEANUP(key_free)
	struct key *other = NULL;
	CLEANUP_FREE char *elsewhere = path_join(directory, "thief");
	CLEANUP_FREE char *secret = path_join(elsewhere, "b.key");
	CLEANUP_FREE char *first = in_library("templates/web/1");
	CLEANUP_FREE char *second = in_library("templates/web/2");
	CLEANUP_FREE char *garbage = in_library("templates/web/heads/000002");
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-a", 1);
	template = load();
	ck_assert_int_eq(key_generate(elsewhere, "b", NULL, &err), 0);
	other = key_open_private(secret, &err);
	put(garbage, "nothing");
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first));
	unlink(garbage);
	die_at("host-a", 1);
	head = next_head(template, HEAD_COMMIT, 2, &template->heads[0].head->record);
	replace_head(2, &head, other);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first) && is_there(second));
}
END_TEST

static struct base example_base(char *path, const char *content)
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

START_TEST(referenced_base)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	CLEANUP_FREE char *moved = path_join(directory, "moved.raw");
	struct base base = example_base(path, "base"), twin = base;
	char name[] = "below";
	CLEANUP(base_free)
	struct base *read = NULL;
	struct digest *digests;
	size_t n;

	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(base_add(library, &base, &err), 0);
	twin.backing_name = name;
	ck_assert_int_lt(base_add(library, &twin, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "with another format or another file below it"));
	read = base_load(library, &base.digest, &err);
	ck_assert_msg(read != NULL, "%s", err.msg);
	ck_assert_str_eq(read->path, path);
	ck_assert_int_eq(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(library_list_bases(library, &digests, &n, &err), 0);
	ck_assert(n == 1 && digest_equal(&digests[0], &base.digest));
	free(digests);

	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_lt(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "coldpatch relocate"));
	ck_assert_int_lt(base_relocate(library, &base.digest, "moved.raw", &err), 0);
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_msg(base_relocate(library, &base.digest, moved, &err) == 0, "%s", err.msg);
	base_free(read);
	read = base_load(library, &base.digest, &err);
	ck_assert_str_eq(read->path, moved);
	ck_assert_int_eq(base_check_unchanged(read, &err), 0);
	put(moved, "bases");
	ck_assert_int_lt(base_check_unchanged(read, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "edited behind our back"));
	ck_assert_int_lt(base_relocate(library, &base.digest, moved, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "has another size than the base"));
	check_no_temporaries("bases");
}
END_TEST

START_TEST(base_link_leads_where_its_json_says)
{
	CLEANUP_FREE char *path = path_join(directory, "base.raw");
	struct base base = example_base(path, "base");
	CLEANUP_FREE char *link = NULL;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base.digest, hex);
	link = in_library("bases/%s", hex);
	ck_assert_int_eq(base_add(library, &base, &err), 0);
	unlink(link);
	ck_assert_int_eq(symlink("/etc/passwd", link), 0);
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "leads to /etc/passwd, not to"));
	unlink(link);
	put(link, "base");
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "is no link to"));
	unlink(link);
	ck_assert_ptr_null(base_load(library, &base.digest, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_msg(base_add(library, &base, &err) == 0, "%s", err.msg);
	base_free(base_load(library, &base.digest, &err));
}
END_TEST

START_TEST(copied_bases_make_a_chain)
{
	CLEANUP_FREE char *lower_path = base_staged_path(library, "r1");
	CLEANUP_FREE char *upper_path = base_staged_path(library, "r1");
	struct base lower = example_base(lower_path, "lower");
	struct base upper = example_base(upper_path, "upper");
	struct base_chain chain = {0};
	struct stat st;
	char hex[DIGEST_HEX_SIZE];

	lower.mode = upper.mode = BASE_COPY;
	digest_to_hex(&lower.digest, hex);
	upper.backing_name = hex;
	upper.backing = lower.digest;
	ck_assert_msg(base_add(library, &lower, &err) == 0, "%s", err.msg);
	ck_assert_msg(base_add(library, &upper, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(base_chain_load(library, &upper.digest, &chain, &err), 0);
	ck_assert_uint_eq(chain.n, 2);
	ck_assert(stat(chain.bases[1]->path, &st) == 0 && (st.st_mode & 07777) == 0444);
	ck_assert_msg(base_chain_check(&chain, &err) == 0, "%s", err.msg);
	base_chain_free(&chain);
	ck_assert_int_lt(base_may_relocate(library, &lower.digest, "/x", &err), 0);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "lies in the library itself, and stays there"));
	check_no_temporaries("bases");
	/* One that was begun and never finished. */
	if (fork() == 0) {
		CLEANUP_FREE char *dead = base_staged_path(library, "r2");

		put(dead, "half");
		_exit(0);
	}
	wait(NULL);
	ck_assert_int_eq(library_recover(library, &err), 0);
	check_no_temporaries("bases");
}
END_TEST

static void must_not_move(const struct base *base, const char *path, const char *why)
{
	ck_assert_int_lt(base_may_relocate(library, &base->digest, path, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, why));
}

static void moves(const struct base *base, const char *path)
{
	ck_assert_msg(base_may_relocate(library, &base->digest, path, &err) == 0, "%s", err.msg);
	ck_assert_msg(base_relocate(library, &base->digest, path, &err) == 0, "%s", err.msg);
}

static int chain_is_whole(const struct base *top)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};

	ck_assert_msg(base_chain_load(library, &top->digest, &chain, &err) == 0, "%s", err.msg);
	return base_chain_check(&chain, &err);
}

/* Names that are relative are meant from the directory, so that is what the link leads to. */
START_TEST(base_with_a_relative_name)
{
	CLEANUP_FREE char *lower_path = path_join(directory, "lower");
	CLEANUP_FREE char *upper_path = path_join(directory, "upper");
	CLEANUP_FREE char *elsewhere = path_join(directory, "elsewhere");
	CLEANUP_FREE char *new_lower = path_join(elsewhere, "lower");
	CLEANUP_FREE char *new_upper = path_join(elsewhere, "upper");
	struct base lower = example_base(lower_path, "lower");
	struct base upper = example_base(upper_path, "upper");
	char name[] = "lower", target[PATH_MAX] = "", hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *link = NULL, *expected = NULL, *named = NULL;

	upper.backing_name = name;
	upper.backing = lower.digest;
	digest_to_hex(&upper.digest, hex);
	link = in_library("bases/%s", hex);
	expected = xasprintf("../../../bases/%s/upper", hex);
	ck_assert_msg(base_add(library, &lower, &err) == 0, "%s", err.msg);
	ck_assert_msg(base_add(library, &upper, &err) == 0, "%s", err.msg);
	ck_assert_int_gt(readlink(link, target, sizeof target - 1), 0);
	ck_assert_str_eq(target, directory);
	named = base_overlay_backing(&upper);
	ck_assert_str_eq(named, expected);
	ck_assert_int_eq(chain_is_whole(&upper), 0);

	/* One of the two alone cannot go, or not without a link in its place. */
	ck_assert_int_eq(mkdir(elsewhere, 0755), 0);
	ck_assert_int_eq(rename(lower_path, new_lower), 0);
	must_not_move(&lower, new_lower, "its header names lower, that is ");
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	must_not_move(&upper, new_upper, "coldpatch relocate");
	ck_assert_int_eq(symlink(new_lower, lower_path), 0);
	moves(&lower, new_lower);
	ck_assert_int_eq(chain_is_whole(&upper), 0);
	unlink(lower_path);
	put(lower_path, "lower");
	ck_assert_int_lt(chain_is_whole(&upper), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "leave a link there (ln -s "));

	/* Both, under their names. */
	ck_assert_int_eq(rename(upper_path, new_upper), 0);
	must_not_move(&upper, new_lower, "call the file so there, too");
	moves(&upper, new_upper);
	ck_assert_int_gt(readlink(link, target, sizeof target - 1), 0);
	ck_assert_str_eq(target, elsewhere);
	ck_assert_int_eq(chain_is_whole(&upper), 0);
}
END_TEST

/* A full disk says so, and leaves no half of anything. */
START_TEST(full_disk_is_no_space)
{
	CLEANUP_FREE char *path = in_library("templates/web/template.json");
	char owner[] = "team";
	struct template_info info = {.owner = owner};
	struct rlimit none = {0, RLIM_INFINITY}, before;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_lt(template_info_write(library, "web", &info, &err), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_eq(err.kind, ERROR_SPACE);
	ck_assert_ptr_nonnull(strstr(err.msg, "templates/web/.tmp-new"));
	ck_assert(!is_there(path));
	check_clean();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library");
	TCase *tcase = tcase_create("library");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, init_wants_an_empty_directory);
	tcase_add_test(tcase, policy_is_read_and_checked);
	tcase_add_test(tcase, names_and_references);
	tcase_add_test(tcase, three_generations);
	tcase_add_test(tcase, new_disks_are_like_the_parents);
	tcase_add_test(tcase, what_no_head_names_is_dropped);
	tcase_add_test(tcase, a_number_is_never_used_again);
	tcase_add_test(tcase, forged_head);
	tcase_add_test(tcase, edited_head);
	tcase_add_test(tcase, reordered_heads);
	tcase_add_test(tcase, missing_and_foreign_heads);
	tcase_add_test(tcase, hold_that_moves_and_record_that_differs);
	tcase_add_test(tcase, cut_tail_deletes_nothing);
	tcase_add_test(tcase, damaged_generations);
	tcase_add_test(tcase, pruned_generation_is_no_damage);
	tcase_add_loop_test(tcase, planted_links_lead_nowhere, 0, 4);
	tcase_add_test(tcase, current_is_only_a_view);
	tcase_add_test(tcase, holds_begin_and_end);
	tcase_add_test(tcase, revoked_key_is_good_up_to_a_head);
	tcase_add_test(tcase, retired_key_is_good_up_to_a_head);
	tcase_add_test(tcase, info_and_pins);
	tcase_add_test(tcase, one_wins_each_number);
	tcase_add_test(tcase, late_head_says_who_was_faster);
	tcase_add_loop_test(tcase, what_the_dead_leave_is_cleared, 0, 3);
	tcase_add_loop_test(tcase, killed_import_leaves_no_template, 0, 3);
	tcase_add_test(tcase, other_hosts_have_ten_minutes);
	tcase_add_test(tcase, the_living_keep_what_is_theirs);
	tcase_add_test(tcase, what_a_forged_head_names_is_kept);
	tcase_add_test(tcase, referenced_base);
	tcase_add_test(tcase, base_link_leads_where_its_json_says);
	tcase_add_test(tcase, copied_bases_make_a_chain);
	tcase_add_test(tcase, base_with_a_relative_name);
	tcase_add_test(tcase, full_disk_is_no_space);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
