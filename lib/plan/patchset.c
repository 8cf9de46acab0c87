/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a patchset by libcyaml.  Its schema refuses unknown keys; truth values are an enumeration
 * here, because libcyaml reads every word but a few as true.  The library says what is wrong
 * through a log callback, the line comes in a later message: both are kept and joined.
 */
#include "plan/patchset.h"

#include <cyaml/cyaml.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"

enum { MAX_FILE = 1 << 20, MAX_ITEMS = 10000, PATCHSET_VERSION = 1 };

enum truth { TRUTH_UNSET, TRUTH_YES, TRUTH_NO };

struct document_os {
	char *id, *version;
};
struct document {
	unsigned version;
	char *name, *description;
	struct document_os os;
	enum resolve_scope scope;
	char **packages, **holds;
	unsigned packages_count, holds_count;
	enum truth allow_removals, allow_new;
};

static const cyaml_strval_t scopes[] = {
	{"all", RESOLVE_ALL}, {"security", RESOLVE_SECURITY}, {"named", RESOLVE_NAMED}};
static const cyaml_strval_t truths[] = {{"true", TRUTH_YES}, {"false", TRUTH_NO}};

static const cyaml_schema_value_t text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 256)};

static const cyaml_schema_field_t os_fields[] = {
	CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct document_os, id, 1, 64),
	CYAML_FIELD_STRING_PTR("version", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct document_os, version, 1, 64),
	CYAML_FIELD_END};

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct document, version),
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct document, name, 1, 128),
	CYAML_FIELD_STRING_PTR("description", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
			       struct document, description, 0, 4096),
	CYAML_FIELD_MAPPING("os", CYAML_FLAG_DEFAULT, struct document, os, os_fields),
	CYAML_FIELD_ENUM("scope", CYAML_FLAG_STRICT, struct document, scope, scopes,
			 CYAML_ARRAY_LEN(scopes)),
	CYAML_FIELD_SEQUENCE("packages", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct document,
			     packages, &text_value, 0, MAX_ITEMS),
	CYAML_FIELD_SEQUENCE("holds", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct document,
			     holds, &text_value, 0, MAX_ITEMS),
	CYAML_FIELD_ENUM("allow-removals", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct document,
			 allow_removals, truths, CYAML_ARRAY_LEN(truths)),
	CYAML_FIELD_ENUM("allow-new", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, struct document,
			 allow_new, truths, CYAML_ARRAY_LEN(truths)),
	CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct document, fields)};

static void document_free(struct document *document)
{
	static const cyaml_config_t config = {.mem_fn = cyaml_mem};

	cyaml_free(&config, &schema, document, 0);
}
DEFINE_CLEANUP(struct document, document_free)

static struct document *load(const char *path, const struct buffer *text, struct error *err)
{
	void *document;

	return yaml_load(path, text, &schema, &document, err) < 0 ? NULL : document;
}

static bool is_pattern(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "+-.:_*?[]!^") == strlen(text);
}

/* Where a message is about: the file and one key in it. */
struct place {
	const char *path;
	const struct buffer *text;
};

static int wrong(const struct place *place, const char *key, struct error *err, const char *what)
{
	return error_set(err, ERROR_CONFIG, "%s: line %u: %s: %s", place->path,
			 yaml_line_of(place->text, key), key, what);
}

static int check_names(const struct place *place, const char *key, char **names, unsigned n_names,
		       struct error *err)
{
	for (unsigned i = 0; i < n_names; i++) {
		CLEANUP_FREE char *what = xasprintf("\"%s\" is not a package name", names[i]);

		if (!is_pattern(names[i]))
			return wrong(place, key, err, what);
	}
	return 0;
}

static int check(const struct place *place, const struct document *document, struct error *err)
{
	bool named = document->scope == RESOLVE_NAMED;

	if (document->version != PATCHSET_VERSION)
		return wrong(place, "version", err, "only version 1 is known");
	if (named && document->packages_count == 0)
		return wrong(place, "scope", err, "is named, but packages names none");
	if (!named && document->packages_count)
		return wrong(place, "packages", err, "is only for scope named");
	if (check_names(place, "packages", document->packages, document->packages_count, err) < 0)
		return -1;
	return check_names(place, "holds", document->holds, document->holds_count, err);
}

/* Sorted and without repetitions, so that equal meanings are equal values. */
static char **copy_names(char **names, unsigned n_names, size_t *ret_n)
{
	char **copies = xcalloc(n_names, sizeof *copies);
	size_t n = 0;

	if (n_names)
		qsort(names, n_names, sizeof *names, strings_compare);
	for (unsigned i = 0; i < n_names; i++)
		if (n == 0 || strcmp(copies[n - 1], names[i]) != 0)
			copies[n++] = xstrdup(names[i]);
	*ret_n = n;
	return copies;
}

static void compute_digest(struct patchset *patchset)
{
	CLEANUP_JSON json_t *json = json_object();

	json_put_u64(json, "version", PATCHSET_VERSION);
	json_put_bytes(json, "os_id", patchset->os_id);
	json_put_bytes(json, "os_version", patchset->os_version);
	json_put_u64(json, "scope", patchset->scope);
	json_put(json, "packages", json_strings(patchset->packages, patchset->n_packages));
	json_put(json, "holds", json_strings(patchset->holds, patchset->n_holds));
	json_put_bool(json, "allow_removals", patchset->allow_removals);
	json_put_bool(json, "allow_new", patchset->allow_new);
	json_digest(json, &patchset->digest);
}

static struct patchset *convert(struct document *document)
{
	struct patchset *patchset = xcalloc(1, sizeof *patchset);

	patchset->name = xstrdup(document->name);
	patchset->description = xstrdup(document->description ? document->description : "");
	patchset->os_id = xstrdup(document->os.id);
	patchset->os_version = document->os.version ? xstrdup(document->os.version) : NULL;
	patchset->scope = document->scope;
	patchset->packages =
		copy_names(document->packages, document->packages_count, &patchset->n_packages);
	patchset->holds = copy_names(document->holds, document->holds_count, &patchset->n_holds);
	patchset->allow_removals = document->allow_removals == TRUTH_YES;
	patchset->allow_new = document->allow_new != TRUTH_NO;
	compute_digest(patchset);
	return patchset;
}

struct patchset *patchset_read(const char *path, struct error *err)
{
	CLEANUP(document_free)
	struct document *document = NULL;
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read_document(path, MAX_FILE, ERROR_CONFIG, &text, err) < 0)
		return NULL;
	document = load(path, &text, err);
	if (!document || check(&(struct place){path, &text}, document, err) < 0)
		return NULL;
	return convert(document);
}

static void free_names(char **names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		free(names[i]);
	free(names);
}

void patchset_free(struct patchset *patchset)
{
	if (!patchset)
		return;
	free_names(patchset->packages, patchset->n_packages);
	free_names(patchset->holds, patchset->n_holds);
	free(patchset->name);
	free(patchset->description);
	free(patchset->os_id);
	free(patchset->os_version);
	free(patchset);
}

/* "9" fits "9" and "9.1", but neither "90" nor "19". */
static bool fits_version(const char *wanted, const char *version)
{
	size_t len = wanted ? strlen(wanted) : 0;

	return !wanted || (strncmp(version, wanted, len) == 0 && strchr(".", version[len]));
}

int patchset_check_guest(const struct patchset *patchset, const char *os_id, const char *version_id,
			 struct error *err)
{
	const char *id = os_id ? os_id : "unknown", *version = version_id ? version_id : "unknown";

	if (strcmp(patchset->os_id, id) == 0 && fits_version(patchset->os_version, version))
		return 0;
	return error_set(
		err, ERROR_CONFIG,
		"patchset %s is for %s%s%s, but the guest is %s %s: choose another patchset",
		patchset->name, patchset->os_id, patchset->os_version ? " " : "",
		patchset->os_version ? patchset->os_version : "", id, version);
}

void patchset_request(const struct patchset *patchset, struct resolve_request *ret)
{
	*ret = (struct resolve_request){
		.scope = patchset->scope,
		.names = (const char *const *)patchset->packages,
		.n_names = patchset->n_packages,
		.holds = (const char *const *)patchset->holds,
		.n_holds = patchset->n_holds,
		.allow_removals = patchset->allow_removals,
		.allow_new = patchset->allow_new,
	};
}
