/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Down the chain, level by level: the record says what the file at this level and its parent are;
 * its parent-record digest says which record tells about the next level.  Files and records are two
 * lists walked side by side.  A level whose file does not fit does not end the walk: everything
 * that can be compared is, so that one run names all that differs.
 *
 * Below a squashed overlay the two part: its file lies on the base, its record's ancestors speak of
 * overlays that are not in this chain.  Those records are followed, and no file is compared.
 */
#include "record/verify.h"

#include <string.h>

#include "base/checksum.h"
#include "base/file.h"
#include "disk/block.h"
#include "disk/image.h"
#include "record/record.h"

const char *finding_status_name(enum finding_status status)
{
	static const char *const names[] = {[FINDING_OK] = "ok",
					    [FINDING_BAD] = "bad",
					    [FINDING_GAP] = "gap",
					    [FINDING_NOTE] = "note"};

	return names[status];
}

struct walk {
	const struct verify_request *request;
	struct verification *out;
	const struct record_keys *keys;
	struct image *image;	/* NULL: its chain could not be followed */
	struct digest *files;	/* of image->files, taken as the walk needs them */
	size_t n_files;		/* how many of them are taken */
	size_t n_covered;	/* how many of them some record tells of */
	struct digest *content; /* what the first record says of all of them; owned, or NULL */
	bool apart;		/* below a squash: the records are not about image->files */
	bool *used;		/* ancestor records that some record names */
	struct digest *wanted;	/* what the last record that was missing is; owned, or NULL */
};

static struct finding *add(struct walk *walk, enum finding_status status, const char *what,
			   const char *object)
{
	struct finding *finding = ARRAY_ADD(walk->out->findings, walk->out->n_findings);

	finding->status = status;
	finding->what = xstrdup(what);
	finding->object = xstrdup(object);
	return finding;
}

static char *spell(const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return xasprintf("sha256:%s", hex);
}

static void compare(struct walk *walk, const char *what, const char *object,
		    const struct digest *expected, const struct digest *found)
{
	bool equal = digest_equal(expected, found);
	struct finding *finding = add(walk, equal ? FINDING_OK : FINDING_BAD, what, object);

	finding->expected = spell(expected);
	finding->found = spell(found);
}

/* Which overlay of the record is this file?  The one with its digest; names only help to say what
 * was expected when there is none. */
static size_t find_overlay(const struct record *record, const char *path,
			   const struct digest *digest)
{
	const struct record_subject *subject;
	size_t by_name = 0;

	for (size_t i = 0; (subject = record_overlay(record, i)); i++) {
		if (digest_equal(&subject->digest, digest))
			return i;
		if (strcmp(path_last(subject->name), path_last(path)) == 0)
			by_name = i;
	}
	return by_name;
}

/* The digest of the n-th file of the chain; each file is read once. */
static int file_digest(struct walk *walk, size_t n, struct digest *ret, struct error *err)
{
	while (walk->n_files <= n) {
		const struct image_file *file = &walk->image->files[walk->n_files];

		if (monitor_check(walk->request->monitor, err) < 0)
			return -1;
		monitor_progress(walk->request->monitor, "verify", file->path, walk->n_files,
				 walk->image->n_files);
		if (digest_of_fd_monitored(file->fd, walk->request->monitor,
					   &walk->files[walk->n_files], err) < 0)
			return error_prefix(err, "%s", file->path);
		walk->n_files++;
	}
	*ret = walk->files[n];
	return 0;
}

static int check_parent(struct walk *walk, const struct record_dependency *parent, size_t level,
			struct error *err)
{
	struct digest digest;

	if (!parent || level + 1 >= walk->image->n_files) {
		struct finding *finding =
			add(walk, FINDING_BAD, "parent", walk->image->files[level].path);

		finding->expected =
			parent ? spell(&parent->digest) : xstrdup("no parent in the record");
		finding->found = xstrdup(parent ? "no backing file" : "a backing file");
		return 0;
	}
	if (file_digest(walk, level + 1, &digest, err) < 0)
		return -1;
	compare(walk, "parent", walk->image->files[level + 1].path, &parent->digest, &digest);
	return 0;
}

static int check_files(struct walk *walk, const struct record *record, size_t level,
		       struct error *err)
{
	const char *path = walk->image->files[level].path;
	struct digest digest;
	size_t n;

	if (file_digest(walk, level, &digest, err) < 0)
		return -1;
	n = find_overlay(record, path, &digest);
	compare(walk, "overlay", path, &record_overlay(record, n)->digest, &digest);
	walk->n_covered = level + 2;
	if (level == 0 && record_content(record, n))
		walk->content = xmemdup(record_content(record, n), sizeof *walk->content);
	return check_parent(walk, record_dependency_named(record, "parent", n), level, err);
}

static void note_byproducts(struct walk *walk, const struct record *record)
{
	for (size_t i = 0; i < record->n_byproducts; i++)
		add(walk, FINDING_NOTE, record->byproducts[i].name, "by-product")->expected =
			spell(&record->byproducts[i].digest);
}

/* NULL without an error is a finding. */
static struct record *open_record(struct walk *walk, const char *path, struct error *err)
{
	struct error problem = {0};
	struct record *record = record_read(path, walk->keys, NULL, &problem);

	if (!record && problem.kind != ERROR_TRUST)
		*err = problem;
	else if (record)
		add(walk, FINDING_OK, "signature", path);
	else
		add(walk, FINDING_BAD, "signature", path)->found = xstrdup(problem.msg);
	return record;
}

/* The ancestor record with this digest, or NULL: not given. */
static int find_record(struct walk *walk, const struct digest *digest, const char **ret_path,
		       struct error *err)
{
	*ret_path = NULL;
	for (size_t i = 0; i < walk->request->n_ancestor_records && !*ret_path; i++) {
		const char *path = walk->request->ancestor_records[i];
		struct digest found;

		if (digest_of_file(path, &found, err) < 0)
			return -1;
		if (!digest_equal(&found, digest))
			continue;
		walk->used[i] = true;
		*ret_path = path;
	}
	return 0;
}

/* *ret stays NULL where the history ends: at its start, at a gap, at a record that does not verify.
 */
static int next_record(struct walk *walk, const struct record *record, size_t level,
		       struct record **ret, struct error *err)
{
	const struct record_dependency *named = record_dependency_named(record, "parent-record", 0);
	CLEANUP_FREE char *expected = named ? spell(&named->digest) : NULL;
	const char *path;

	if (!named) {
		if (walk->image && !walk->apart && level + 2 < walk->image->n_files)
			add(walk, FINDING_GAP, "parent-record", walk->image->files[level + 1].path);
		return 0;
	}
	if (find_record(walk, &named->digest, &path, err) < 0)
		return -1;
	if (!path) {
		add(walk, FINDING_GAP, "parent-record", "not given")->expected = steal(expected);
		walk->wanted = xmemdup(&named->digest, sizeof named->digest);
		return 0;
	}
	add(walk, FINDING_OK, "parent-record", path)->expected = steal(expected);
	*ret = open_record(walk, path, err);
	return *ret || err->kind == ERROR_NONE ? 0 : -1;
}

/* A record that was given and that no record names: most likely one that was changed. */
static int name_unused(struct walk *walk, struct error *err)
{
	for (size_t i = 0; i < walk->request->n_ancestor_records; i++) {
		const char *path = walk->request->ancestor_records[i];
		struct finding *finding;
		struct digest found;

		if (walk->used[i])
			continue;
		if (digest_of_file(path, &found, err) < 0)
			return -1;
		finding = add(walk, FINDING_BAD, "parent-record", path);
		finding->found = spell(&found);
		finding->expected = walk->wanted ? spell(walk->wanted)
						 : xstrdup("a record that another one names");
	}
	return 0;
}

/* Without its chain, the overlay alone can still be compared. */
static int check_overlay_alone(struct walk *walk, const struct record *record, struct error *err)
{
	const char *path = walk->request->overlay;
	struct digest digest;
	size_t n;

	if (digest_of_file(path, &digest, err) < 0)
		return -1;
	n = find_overlay(record, path, &digest);
	compare(walk, "overlay", path, &record_overlay(record, n)->digest, &digest);
	return 0;
}

static void part(struct walk *walk, size_t level)
{
	if (walk->image && !walk->apart && level + 2 < walk->image->n_files)
		add(walk, FINDING_GAP, "parent-record", walk->image->files[level + 1].path);
	walk->apart = true;
}

static int check_level(struct walk *walk, const struct record *record, size_t level,
		       struct error *err)
{
	if (walk->image && !walk->apart && level < walk->image->n_files)
		return check_files(walk, record, level, err);
	return level == 0 ? check_overlay_alone(walk, record, err) : 0;
}

/* Of files that no record tells of. */
static int check_content(struct walk *walk, struct error *err)
{
	CLEANUP(block_free)
	struct block *block = NULL;
	struct digest digest;

	if (!walk->image || !walk->content || !walk->request->work_dir ||
	    walk->n_covered >= walk->image->n_files || verification_has(walk->out, FINDING_BAD))
		return 0;
	block = image_attach(walk->image, false, walk->request->work_dir, err);
	if (!block || image_content_digest(block, walk->request->monitor, &digest, err) < 0)
		return -1;
	compare(walk, "content", walk->request->overlay, walk->content, &digest);
	return 0;
}

static int walk_down(struct walk *walk, struct error *err)
{
	CLEANUP(record_free)
	struct record *record = open_record(walk, walk->request->record, err);

	if (!record && err->kind != ERROR_NONE)
		return -1;
	for (size_t level = 0; record; level++) {
		CLEANUP(record_free)
		struct record *next = NULL;

		if (check_level(walk, record, level, err) < 0)
			return -1;
		note_byproducts(walk, record);
		if (record_is_squashed(record))
			part(walk, level);
		if (next_record(walk, record, level, &next, err) < 0)
			return -1;
		record_free(record);
		record = steal(next);
	}
	return name_unused(walk, err) < 0 ? -1 : check_content(walk, err);
}

/* An image that cannot be opened is a finding, but for one that is not there or not ours to read.
 */
static int open_chain(struct walk *walk, bool trust_headers, struct error *err)
{
	const struct image_options options = {.backing = walk->request->backing,
					      .n_backing = walk->request->n_backing,
					      .trust_headers = trust_headers};
	struct error problem = {0};

	walk->image = image_open(walk->request->overlay, &options, &problem);
	if (walk->image) {
		walk->files = xcalloc(walk->image->n_files, sizeof *walk->files);
		return 0;
	}
	if (problem.kind != ERROR_IMAGE && problem.kind != ERROR_TRUST) {
		*err = problem;
		return -1;
	}
	add(walk, FINDING_BAD, "chain", walk->request->overlay)->found =
		trust_headers || walk->request->n_backing
			? xstrdup(problem.msg)
			: xasprintf("not followed, as the overlay is not the record's: %s",
				    problem.msg);
	return 0;
}

/* Is the overlay one that a record signed by a known key speaks of?  Then its header is no longer a
 * stranger's word. */
static int is_recorded(const struct walk *walk, bool *ret, struct error *err)
{
	const struct verify_request *request = walk->request;
	struct error ignored = {0};
	CLEANUP(record_free)
	struct record *record = record_read(request->record, walk->keys, NULL, &ignored);
	const struct record_subject *subject;
	CLEANUP_CLOSE int fd = -1;
	struct digest digest;

	*ret = false;
	if (!record)
		return 0;
	fd = file_open(request->overlay, "an overlay", ERROR_IMAGE, err);
	if (fd < 0)
		return -1;
	if (digest_of_fd_monitored(fd, request->monitor, &digest, err) < 0)
		return error_prefix(err, "%s", request->overlay);
	for (size_t i = 0; (subject = record_overlay(record, i)); i++)
		*ret = *ret || digest_equal(&subject->digest, &digest);
	return 0;
}

/* --- an exported file --- */

/* Which file of the record is this?  By its digest; else by its name. */
static int check_exported(struct walk *walk, const struct record *record, struct error *err)
{
	const char *path = walk->request->overlay;
	CLEANUP_CLOSE int fd = file_open(path, "a file", ERROR_IO, err);
	const struct record_subject *subject;
	struct checksum sha512;
	struct digest digest;
	struct finding *finding;

	if (fd < 0 || digest_of_fd_monitored(fd, walk->request->monitor, &digest, err) < 0)
		return -1;
	subject = record_overlay(record, find_overlay(record, path, &digest));
	compare(walk, "export", path, &subject->digest, &digest);
	if (!subject->sha512)
		return 0;
	if (checksum_of_fd(fd, CHECKSUM_SHA512, walk->request->monitor, &sha512, err) < 0)
		return error_prefix(err, "%s", path);
	finding = add(walk, strcmp(subject->sha512, sha512.hex) ? FINDING_BAD : FINDING_OK,
		      "sha512", path);
	finding->expected = xstrdup(subject->sha512);
	finding->found = xstrdup(sha512.hex);
	return 0;
}

/* The record that the export names, where it was given. */
static int check_generation(struct walk *walk, const struct record *record, struct error *err)
{
	const struct record_dependency *named =
		record_dependency_named(record, "generation-record", 0);
	const char *path;

	if (!named)
		return 0;
	if (find_record(walk, &named->digest, &path, err) < 0)
		return -1;
	add(walk, path ? FINDING_OK : FINDING_GAP, "generation-record", path ? path : "not given")
		->expected = spell(&named->digest);
	if (path) {
		CLEANUP(record_free)
		struct record *generation = open_record(walk, path, err);

		if (!generation && err->kind != ERROR_NONE)
			return -1;
	}
	return name_unused(walk, err);
}

/* It stands alone: what it is backed by, or of what format, is no question. */
static int verify_export(struct walk *walk, const struct record *record, struct error *err)
{
	add(walk, FINDING_OK, "signature", walk->request->record);
	return check_exported(walk, record, err) < 0 ? -1 : check_generation(walk, record, err);
}

static int verify(struct walk *walk, struct error *err)
{
	struct error ignored = {0};
	CLEANUP(record_free)
	struct record *record = record_read(walk->request->record, walk->keys, NULL, &ignored);
	bool trust_headers = false;

	if (record && record->build_type == RECORD_EXPORT)
		return verify_export(walk, record, err);
	if (walk->request->n_backing == 0 && is_recorded(walk, &trust_headers, err) < 0)
		return -1;
	if (open_chain(walk, trust_headers, err) < 0)
		return -1;
	return walk_down(walk, err);
}

int record_verify(const struct verify_request *request, struct verification *ret, struct error *err)
{
	struct verification out = {0};
	struct error problem = {0};
	struct walk walk = {.request = request, .out = &out};
	CLEANUP(record_keys_free)
	struct record_keys *keys =
		record_keys_open(request->public_keys, request->n_public_keys, err);
	int result;

	if (!keys)
		return -1;

	walk.keys = keys;
	walk.used = xcalloc(request->n_ancestor_records + 1, sizeof *walk.used);
	result = verify(&walk, &problem);
	image_free(walk.image);
	free(walk.files);
	free(walk.used);
	free(walk.wanted);
	free(walk.content);
	if (result < 0) {
		verification_free(&out);
		*err = problem;
		return -1;
	}
	*ret = out;
	return 0;
}

bool verification_has(const struct verification *verification, enum finding_status status)
{
	for (size_t i = 0; i < verification->n_findings; i++)
		if (verification->findings[i].status == status)
			return true;
	return false;
}

json_t *verification_to_json(const struct verification *verification)
{
	json_t *list = json_array();

	for (size_t i = 0; i < verification->n_findings; i++) {
		const struct finding *finding = &verification->findings[i];
		json_t *item = json_object();

		json_put_string(item, "status", finding_status_name(finding->status));
		json_put_string(item, "what", finding->what);
		json_put_bytes(item, "object", finding->object);
		json_put_string(item, "expected", finding->expected);
		json_put_string(item, "found", finding->found);
		json_array_append_new(list, item);
	}
	return list;
}

void verification_free(struct verification *verification)
{
	for (size_t i = 0; i < verification->n_findings; i++) {
		free(verification->findings[i].what);
		free(verification->findings[i].object);
		free(verification->findings[i].expected);
		free(verification->findings[i].found);
	}
	free(verification->findings);
	*verification = (struct verification){0};
}
