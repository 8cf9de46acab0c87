/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the library is: what can be seen without reading a disk.  Whatever is not as it should be is
 * a problem, a line of words; none of them stops the others from being found.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "library/base.h"
#include "session/library_head.h"
#include "session/library_lineage.h"
#include "session/library_publish.h"
#include "session/library_undone.h"
#include "session/outputs.h"
#include "session/strings.h"

enum { MAX_CHAIN = 256 };

struct status {
	struct coldpatch_session *session;
	const struct library *library;
	struct clones clones;
	int64_t now;
	size_t n_problems;
	json_t *templates, *clones_found, *clones_unknown, *bases;
};

static void problem(struct status *status, json_t *list, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void problem(struct status *status, json_t *list, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	json_array_append_new(list, json_bytes(text));
	status->n_problems++;
}

/* --- damage --- */

static void check_disk(struct status *status, const char *path, json_t *problems)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		problem(status, problems, "%s: is not there, or no file", path);
	else if (st.st_mode & 0222)
		problem(status, problems, "%s: can be written to; it was read-only", path);
	else if (st.st_size == 0)
		problem(status, problems, "%s: is empty", path);
}

static bool is_wanted(const struct template *template, uint64_t number)
{
	const struct template_head *last = template_last_head(template);

	for (size_t i = 0; i < template->n_pins; i++)
		if (template->pins[i].generation == number)
			return true;
	return last && last->head && last->head->generation == number;
}

static void check_generations(struct status *status, const struct template *template,
			      json_t *problems)
{
	for (size_t i = 0; i < template->n_generations; i++) {
		const struct template_generation *generation = &template->generations[i];

		if (!generation->named)
			continue;
		if (generation->problem)
			problem(status, problems, "generation %" PRIu64 ": %s", generation->number,
				generation->problem);
		if (generation->pruned && is_wanted(template, generation->number))
			problem(status, problems,
				"generation %" PRIu64
				": was pruned, and is current or pinned; where "
				"the trash has it still, the next change of the template takes it "
				"back",
				generation->number);
		for (size_t j = 0;
		     !generation->problem && !generation->pruned && j < generation->n_disks; j++)
			check_disk(status, generation->disks[j], problems);
	}
}

static void check_current(struct status *status, const struct template *template, json_t *problems)
{
	const struct template_head *last = template_last_head(template);
	CLEANUP_FREE char *expected =
		last && last->head ? xasprintf("%" PRIu64, last->head->generation) : NULL;

	if (expected && (!template->current || strcmp(template->current, expected) != 0))
		problem(status, problems, "current leads to %s, the last head says %s",
			template->current ? template->current : "nothing", expected);
}

static void check_template(struct status *status, const struct template *template, json_t *problems)
{
	if (template_lost_heads(template))
		problem(status, problems, "has generations, and no head");
	for (size_t i = 0; i < template->n_heads; i++)
		if (template->heads[i].problem)
			problem(status, problems, "head %" PRIu64 ": %s", template->heads[i].number,
				template->heads[i].problem);
	for (size_t i = 0; i < template->n_problems; i++)
		problem(status, problems, "%s", template->problems[i]);
	check_generations(status, template, problems);
	check_current(status, template, problems);
}

/* --- what it is --- */

/* When the generation became the current one for the first time. */
static int64_t made_at(const struct template *template, uint64_t number)
{
	for (size_t i = 0; i < template->n_heads; i++) {
		const struct head *head = template->heads[i].head;

		if (head && head->generation == number)
			return head->time;
	}
	return 0;
}

/* What rollbacks keep away. */
static json_t *refused_to_json(const struct template *template, const struct lineage *lineage,
			       int64_t now)
{
	json_t *list = json_array();

	for (size_t i = 0; i < template->n_heads; i++) {
		const struct head *head = template->heads[i].head;
		uint64_t undone;
		json_t *json;

		if (!undone_by(template, lineage, i, now, &undone))
			continue;
		json = json_object();
		json_put_u64(json, "generation", undone);
		json_put_bytes(json, "reason", head->reason);
		json_put(json, "until", json_integer(head->until));
		json_array_append_new(list, json);
	}
	return list;
}

static bool is_below(const struct clone_use *use, const char *name, uint64_t number)
{
	return use->place == CLONE_IN_TEMPLATE && use->target == CLONE_OF_GENERATION &&
	       use->own_number == number && !strcmp(use->own_template, name) &&
	       !strcmp(use->template_name, name);
}

/* Overlays above the base. */
static uint64_t chain_depth(const struct status *status, const char *name, uint64_t number)
{
	uint64_t depth = 1;

	for (bool deeper = true; deeper && depth <= status->clones.n_uses;) {
		deeper = false;
		for (size_t i = 0; i < status->clones.n_uses && !deeper; i++) {
			const struct clone_use *use = &status->clones.uses[i];

			deeper = is_below(use, name, number);
			if (deeper)
				number = use->number;
		}
		depth += deeper;
	}
	return depth;
}

/* "debian-12", as the packages of the generation, or of one below, name it; NULL: not known. */
static char *release_of(const struct lineage *lineage, uint64_t number)
{
	static const char key[] = "distro=";
	const struct lineage_step *step = lineage_step(lineage, (int64_t)number);

	for (size_t i = 0; step && step->record && i <= lineage->n; i++) {
		const struct record_dependency *package =
			record_dependency_named(step->record, "package", 0);
		const char *at = package && package->uri ? strstr(package->uri, key) : NULL;

		if (at)
			return xstrndup(at + sizeof key - 1, strcspn(at + sizeof key - 1, "&#"));
		step = lineage_step(lineage, step->before);
	}
	return NULL;
}

/* Of one that was not pruned, it was looked at whether its disks are there. */
static void check_below(struct status *status, const struct lineage *lineage,
			const struct lineage_step *step, json_t *problems)
{
	for (size_t i = 0; step && step->below != LINEAGE_NONE && i < lineage->n; i++) {
		step = lineage_step(lineage, step->below);
		if (step && step->generation->pruned)
			problem(status, problems,
				"%s: was pruned, and backs the current generation; a backup or the "
				"trash may have its disks",
				step->generation->directory);
	}
}

/* What the current generation reads, down to its bases. */
static void check_backing(struct status *status, const struct lineage *lineage, uint64_t number,
			  json_t *problems)
{
	const struct lineage_step *step = lineage_step(lineage, (int64_t)number);
	struct error error = {0};
	char **paths = NULL;
	size_t n = 0;

	if (!step || step->problem || step->generation->problem)
		return;
	check_below(status, lineage, step, problems);
	if (lineage_backing(status->library, lineage, (int64_t)number, &paths, &n, &error) < 0)
		problem(status, problems, "%s", error.msg);
	names_free(paths, n);
}

static void describe_current(struct status *status, struct template *template, json_t *json)
{
	const struct template_head *last = template_last_head(template);
	CLEANUP(lineage_free)
	struct lineage *lineage = lineage_new(template, status->session->keys);
	CLEANUP_FREE char *release = NULL;
	uint64_t number;

	json_put(json, "refused", refused_to_json(template, lineage, status->now));
	if (!last || !last->head)
		return;
	number = last->head->generation;
	release = release_of(lineage, number);
	json_put_u64(json, "generation", number);
	check_backing(status, lineage, number, json_object_get(json, "problems"));
	json_put(json, "made", json_integer(made_at(template, number)));
	json_put_bytes(json, "release", release);
	json_put_u64(json, "chain_depth", chain_depth(status, template->name, number));
}

/* Pins of clones made on this host, whose directory is there and whose file is not. */
static bool is_gone(const struct library *library, const struct template_pin *pin)
{
	CLEANUP_FREE char *directory = NULL;

	if (pin->who[0] != '/' || !pin->host || strcmp(pin->host, library->host) != 0)
		return false;
	directory = outputs_directory(pin->who);
	return access(directory, F_OK) == 0 && access(pin->who, F_OK) < 0 && errno == ENOENT;
}

static json_t *gone_pins(const struct status *status, const struct template *template)
{
	json_t *list = json_array(), *json;

	for (size_t i = 0; i < template->n_pins; i++) {
		const struct template_pin *pin = &template->pins[i];

		if (!is_gone(status->library, pin))
			continue;
		json = json_object();
		json_put_u64(json, "generation", pin->generation);
		json_put_bytes(json, "who", pin->who);
		json_array_append_new(list, json);
	}
	return list;
}

/* `template` may be NULL: every member is there, and null when it is not known. */
static void describe(struct status *status, struct template *template, json_t *json)
{
	static const char *const members[] = {"generation", "made", "release", "chain_depth"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_put(json, members[i], json_null());
	json_put(json, "hold",
		 hold_to_json(template ? template_hold(template, status->now) : NULL));
	json_put(json, "refused", json_array());
	json_put_u64(json, "pins", template ? template->n_pins : 0);
	json_put(json, "pins_gone", template ? gone_pins(status, template) : json_array());
	json_put_bytes(json, "owner", template ? template->info.owner : NULL);
	json_put_bytes(json, "review_by", template ? template->info.review_by : NULL);
	if (template)
		describe_current(status, template, json);
}

/* NULL: there is no such template. */
static json_t *template_to_json(struct status *status, const char *name, struct error *err)
{
	json_t *json, *problems;
	struct error error = {0};
	CLEANUP(template_free)
	struct template *template = session_template(status->session, name, &error);

	if (!template && error.kind == ERROR_MISSING) {
		*err = error;
		return NULL;
	}
	json = json_object();
	problems = json_array();
	json_put_string(json, "template", name);
	json_put(json, "problems", problems);
	describe(status, template, json);
	if (template)
		check_template(status, template, problems);
	else
		problem(status, problems, "%s", error.msg);
	return json;
}

/* --- the library as a whole --- */

static bool is_asked_for(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return n == 0;
}

static void look_at_clones(struct status *status, const char *const *names, size_t n)
{
	for (size_t i = 0; i < status->clones.n_uses; i++) {
		const struct clone_use *use = &status->clones.uses[i];
		json_t *json;

		if (use->target != CLONE_OF_CURRENT || !is_asked_for(use->template_name, names, n))
			continue;
		json = json_object();
		json_put_bytes(json, "path", use->path);
		json_put_bytes(json, "template", use->template_name);
		json_array_append_new(status->clones_found, json);
		status->n_problems++;
	}
}

/* The trash is closed to others than the library's owner, and no clone of anybody's lies there. */
static void look_at_unknown(struct status *status)
{
	CLEANUP_FREE char *trash = library_path(status->library, "trash");

	for (size_t i = 0; i < status->clones.n_unknown; i++)
		if (!status->clones.unknown[i].denied ||
		    strcmp(status->clones.unknown[i].path, trash))
			problem(status, status->clones_unknown,
				"%s: %s: what it is backed by is not known",
				status->clones.unknown[i].path, status->clones.unknown[i].why);
}

static bool is_on(const struct status *status, struct digest top, const struct digest *digest)
{
	for (int i = 0; i < MAX_CHAIN && !digest_equal(&top, digest); i++) {
		struct error ignored;
		CLEANUP(base_free)
		struct base *base = base_load(status->library, &top, &ignored);

		if (!base || !base->backing_name)
			return false;
		top = base->backing;
	}
	return true;
}

/* By what is there and not only being made. */
static bool is_needed(const struct status *status, const struct digest *digest)
{
	for (size_t i = 0; i < status->clones.n_uses; i++) {
		const struct clone_use *use = &status->clones.uses[i];

		if (use->target == CLONE_OF_BASE &&
		    (use->place == CLONE_IN_TEMPLATE || use->place == CLONE_OUTSIDE) &&
		    is_on(status, use->base, digest))
			return true;
	}
	return false;
}

/* One that is not there and that nothing needs is in the making, or what a killed import left. */
static int look_at_bases(struct status *status, struct error *err)
{
	CLEANUP_FREE struct digest *digests = NULL;
	size_t n = 0;

	if (library_list_bases(status->library, &digests, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct error error = {0};
		CLEANUP(base_free)
		struct base *base = base_load(status->library, &digests[i], &error);
		CLEANUP_BASE_CHAIN struct base_chain chain = {0};
		char hex[DIGEST_HEX_SIZE];

		if (base && base_check_unchanged(base, &error) == 0 &&
		    base_chain_load(status->library, &digests[i], &chain, &error) == 0 &&
		    base_chain_check(&chain, &error) == 0)
			continue;
		if (error.kind == ERROR_MISSING && !is_needed(status, &digests[i]))
			continue;
		digest_to_hex(&digests[i], hex);
		problem(status, status->bases, "base %s: %s", hex, error.msg);
	}
	return 0;
}

static int look_at_templates(struct status *status, const char *const *names, size_t n,
			     struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		json_t *json;

		if (monitor_check(&status->session->monitor, err) < 0 ||
		    template_name_check(names[i], err) < 0)
			return -1;
		json = template_to_json(status, names[i], err);
		if (!json)
			return -1;
		json_array_append_new(status->templates, json);
	}
	return 0;
}

static int look(struct status *status, const char *const *names, size_t n, struct error *err)
{
	char **all = NULL;
	size_t n_all = 0;
	int result;

	if (strings_check(names, n, "template", err) < 0)
		return -1;
	status->library = session_library(status->session, err);
	if (!status->library || !session_keys(status->session, err) ||
	    library_clones(status->session, &status->clones, err) < 0)
		return -1;
	look_at_clones(status, names, n);
	look_at_unknown(status);
	if (look_at_bases(status, err) < 0)
		return -1;
	if (n)
		return look_at_templates(status, names, n, err);
	if (library_list_templates(status->library, &all, &n_all, err) < 0)
		return -1;
	result = look_at_templates(status, (const char *const *)all, n_all, err);
	names_free(all, n_all);
	return result;
}

int coldpatch_library_status(struct coldpatch_session *session, const char *const *names,
			     size_t n_names, char **ret_json, struct coldpatch_error *ret_err)
{
	struct status status = {.session = session,
				.now = time(NULL),
				.templates = json_array(),
				.clones_found = json_array(),
				.clones_unknown = json_array(),
				.bases = json_array()};
	CLEANUP_JSON json_t *json = json_object();
	struct error err = {0};
	int result = look(&status, names, n_names, &err);

	json_put(json, "templates", status.templates);
	json_put(json, "clones_through_current", status.clones_found);
	json_put(json, "clones_unknown", status.clones_unknown);
	json_put(json, "base_problems", status.bases);
	json_put_u64(json, "code", status.n_problems ? COLDPATCH_FOUND : COLDPATCH_OK);
	json_put(json, "now", json_integer(status.now));
	clones_free(&status.clones);
	if (result < 0)
		return session_fail(ret_err, &err);
	json_put_string(json, "library", status.library->path);
	*ret_json = session_text(json);
	return 0;
}
