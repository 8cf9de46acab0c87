/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the resolver cases of tests/scenario/FAMILY, whose README says how they are written: reading
 * a case and telling the outcome is the same for every family, and here.  Check forks for each
 * case, which some resolvers need.
 */
#ifndef COLDPATCH_TESTS_SCENARIO_H
#define COLDPATCH_TESTS_SCENARIO_H

#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/package.h"
#include "suite.h"

enum { MAX_SOURCES = 4, MAX_WORDS = 32 };

/* NAME[:ARCH] VERSION [hold] [auto] [missing] [STATUS][; Field: value]... */
struct line {
	char *name, *arch, *version;
	char *fields; /* as they are written, behind the first semicolon */
	bool hold, automatic, missing;
	const char *status;
};

/* The options of "[mirror NAME WORD...]" are the family's. */
struct source {
	char *name, *options;
	struct buffer packages, more, files; /* the family's: what it makes of the lines */
};

struct scenario {
	struct package_state state; /* files as sections say; the family adds its own */
	struct buffer installed, automatic, expected; /* of them the first two are the family's */
	struct source sources[MAX_SOURCES];
	size_t n_sources;
	struct digest *files;
	size_t n_files;
	struct resolve_request request;
	const char *names[MAX_WORDS], *holds[MAX_WORDS];
	char *default_kernel;
	struct buffer *raw; /* section taken as it is */
	enum { IN_NOTHING, IN_GUEST, IN_MIRROR, IN_REQUEST, IN_RAW } section;
};

struct scenario_family {
	const char *name;	  /* of the directory */
	const char *architecture; /* of lines that say none; it is not printed, nor is */
	const char *independent;  /* this one */
	const char *always;	  /* a line of the guest in every case */
	/* The state file of a section "[NAME]" that only this family has, or NULL. */
	const char *(*section)(const char *name);
	void (*installed)(struct scenario *scenario, const struct line *line);
	void (*offered)(struct source *source, const struct line *line, const char *sha256);
	void (*make_state)(struct scenario *scenario);
	void (*make_source)(const struct source *from, const char *work_dir,
			    struct mirror_source *to);
	int (*describe)(const struct package_state *state, struct guest *guest, struct error *err);
	int (*resolve)(const struct package_state *state, const struct guest *guest,
		       const struct mirror_snapshot *snapshot,
		       const struct resolve_request *request, const char *work_dir,
		       struct resolution *ret, struct error *err);
};

static const struct scenario_family *tested;
static glob_t scenarios;

static char *cut(char **rest, const char *separators)
{
	return strtok_r(NULL, separators, rest);
}

static struct buffer *state_file(struct scenario *scenario, const char *name)
{
	struct package_state_file *file = ARRAY_ADD(scenario->state.files, scenario->state.n_files);

	file->name = xstrdup(name);
	return &file->content;
}

static struct source *source_named(struct scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->n_sources; i++)
		if (strcmp(scenario->sources[i].name, name) == 0)
			return &scenario->sources[i];
	ck_abort_msg("no mirror %s", name);
}

static void source_begin(struct scenario *scenario, char *words)
{
	struct source *source = &scenario->sources[scenario->n_sources++];
	char *options = words + strcspn(words, " ");

	ck_assert(scenario->n_sources <= MAX_SOURCES);
	source->options = xstrdup(*options ? options + 1 : options);
	source->name = xstrndup(words, (size_t)(options - words));
	scenario->section = IN_MIRROR;
}

/* "[NAME]" or "[KIND WORDS]" */
static void section_begin(struct scenario *scenario, const char *line)
{
	CLEANUP_FREE char *name = xstrndup(line + 1, strcspn(line, "]") - 1);

	scenario->section = IN_RAW;
	if (strcmp(name, "guest") == 0)
		scenario->section = IN_GUEST;
	else if (strcmp(name, "request") == 0)
		scenario->section = IN_REQUEST;
	else if (strcmp(name, "expect") == 0)
		scenario->raw = &scenario->expected;
	else if (strncmp(name, "mirror ", 7) == 0)
		source_begin(scenario, name + 7);
	else if (strncmp(name, "more ", 5) == 0)
		scenario->raw = &source_named(scenario, name + 5)->more;
	else if (strncmp(name, "file ", 5) == 0)
		scenario->raw = state_file(scenario, name + 5);
	else if (tested->section(name))
		scenario->raw = state_file(scenario, tested->section(name));
	else
		ck_abort_msg("unknown section %s", line);
}

static struct line read_line(char *text)
{
	struct line line = {.status = "installed"};
	char *semicolon = strchr(text, ';'), *save = NULL;

	line.fields = semicolon ? semicolon + 1 : text + strlen(text);
	if (semicolon)
		*semicolon = '\0';
	line.name = strtok_r(text, " ", &save);
	line.version = cut(&save, " ");
	ck_assert_msg(line.version, "%s has no version", line.name);
	line.arch = strchr(line.name, ':');
	if (line.arch)
		*line.arch++ = '\0';
	for (char *word; (word = cut(&save, " "));) {
		if (strcmp(word, "hold") == 0)
			line.hold = true;
		else if (strcmp(word, "auto") == 0)
			line.automatic = true;
		else if (strcmp(word, "missing") == 0)
			line.missing = true;
		else
			line.status = word;
	}
	return line;
}

static void add_installed(struct scenario *scenario, const char *text)
{
	CLEANUP_FREE char *copy = xstrdup(text), *arch = xstrdup(tested->architecture);
	struct line line = read_line(copy);

	if (!line.arch)
		line.arch = arch;
	tested->installed(scenario, &line);
}

static void add_offered(struct scenario *scenario, char *text)
{
	CLEANUP_FREE char *arch = xstrdup(tested->architecture), *id = NULL;
	struct line line = read_line(text);
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	if (!line.arch)
		line.arch = arch;
	id = xasprintf("%s %s %s", line.name, line.version, line.arch);
	digest_of(id, strlen(id), &digest);
	digest_to_hex(&digest, hex);
	tested->offered(&scenario->sources[scenario->n_sources - 1], &line, hex);
	if (!line.missing)
		*ARRAY_ADD(scenario->files, scenario->n_files) = digest;
}

static void add_request(struct scenario *scenario, char *text)
{
	struct resolve_request *request = &scenario->request;
	char *save = NULL, *word = strtok_r(text, " ", &save), *value = cut(&save, " ");

	if (strcmp(word, "scope") == 0)
		request->scope = strcmp(value, "all") == 0	  ? RESOLVE_ALL
				 : strcmp(value, "security") == 0 ? RESOLVE_SECURITY
								  : RESOLVE_NAMED;
	else if (strcmp(word, "name") == 0)
		scenario->names[request->n_names++] = xstrdup(value);
	else if (strcmp(word, "hold") == 0)
		scenario->holds[request->n_holds++] = xstrdup(value);
	else if (strcmp(word, "removals") == 0)
		request->allow_removals = true;
	else if (strcmp(word, "no-new") == 0)
		request->allow_new = false;
	else if (strcmp(word, "default-kernel") == 0)
		scenario->default_kernel = xstrdup(value);
	else
		ck_abort_msg("unknown request %s", word);
}

/* Configuration files of guests have sections, too. */
static bool is_section(const char *line)
{
	static const char *const kinds[] = {"[guest]",	"[request]", "[expect]",
					    "[mirror ", "[more ",    "[file "};
	CLEANUP_FREE char *name = xstrndup(line, strcspn(line, "]"));

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(line, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return line[0] == '[' && tested->section(name + 1);
}

static void take_line(struct scenario *scenario, char *line)
{
	if (is_section(line))
		section_begin(scenario, line);
	else if (scenario->section == IN_RAW)
		buffer_printf(scenario->raw, "%s\n", line);
	else if (line[0] == '#' || line[0] == '\0')
		return;
	else if (scenario->section == IN_GUEST)
		add_installed(scenario, line);
	else if (scenario->section == IN_MIRROR)
		add_offered(scenario, line);
	else if (scenario->section == IN_REQUEST)
		add_request(scenario, line);
	else
		ck_abort_msg("line outside a section: %s", line);
}

static void scenario_read(const char *path, struct scenario *ret)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};
	char *line, *rest;

	ck_assert_msg(file_read(path, 1 << 20, &text, &err) == 0, "%s", err.msg);
	ret->request.allow_new = true;
	ret->request.names = ret->names;
	ret->request.holds = ret->holds;
	for (rest = text.data; (line = strsep(&rest, "\n"));)
		take_line(ret, line);
	if (!strstr(text.data, "# nothing else is installed"))
		add_installed(ret, tested->always);
}

static void must_write(const char *directory, const char *name, const struct buffer *content)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *parent = xstrdup(path);
	struct error err = {0};

	*strrchr(parent, '/') = '\0';
	ck_assert_msg(directory_make(parent, 0755, &err) == 0, "%s", err.msg);
	ck_assert_msg(file_replace(path, content->data ? content->data : "", content->len, 0644,
				   &err) == 0,
		      "%s", err.msg);
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static void make_snapshot(struct scenario *scenario, const char *work_dir,
			  struct mirror_snapshot *ret)
{
	ret->sources = xcalloc(MAX_SOURCES, sizeof *ret->sources);
	for (size_t i = 0; i < scenario->n_sources; i++) {
		ret->sources[i].directory = path_join(work_dir, scenario->sources[i].name);
		ret->sources[i].security = strcmp(scenario->sources[i].name, "security") == 0;
		ret->sources[i].priority = MIRROR_PRIORITY;
		tested->make_source(&scenario->sources[i], work_dir, &ret->sources[i]);
	}
	ret->n_sources = scenario->n_sources;
	qsort(scenario->files, scenario->n_files, sizeof *scenario->files, compare_digests);
	ret->packages = scenario->files;
	ret->n_packages = scenario->n_files;
}

static char *short_name(const struct package_change *change)
{
	if (strcmp(change->architecture, tested->architecture) == 0 ||
	    strcmp(change->architecture, tested->independent) == 0)
		return xstrdup(change->name);
	return xasprintf("%s:%s", change->name, change->architecture);
}

static void print_change(const struct package_change *change, struct buffer *ret)
{
	CLEANUP_FREE char *name = short_name(change);

	if (!change->to)
		buffer_printf(ret, "remove %s %s", name, change->from);
	else if (!change->from)
		buffer_printf(ret, "install %s %s", name, change->to);
	else
		buffer_printf(ret, "upgrade %s %s %s", name, change->from, change->to);
	if (change->security)
		buffer_puts(ret, " security");
	if (change->automatic)
		buffer_puts(ret, " auto");
	buffer_putc(ret, '\n');
}

static void print_resolution(const struct resolution *resolution, bool steps, struct buffer *ret)
{
	static const char *const operations[] = {"unpack", "configure", "remove", "install-beside"};

	for (size_t i = 0; i < resolution->n_changes; i++)
		print_change(&resolution->changes[i], ret);
	for (size_t i = 0; steps && i < resolution->n_steps; i++) {
		const struct package_step *step = &resolution->steps[i];
		CLEANUP_FREE char *name = short_name(&resolution->changes[step->change]);

		buffer_printf(ret, "step %s %s\n", operations[step->operation], name);
	}
	for (size_t i = 0; i < resolution->n_left; i++)
		buffer_printf(ret, "left %s %s: %s\n", resolution->left[i].name,
			      resolution->left[i].reason, resolution->left[i].detail);
	if (resolution->without_documents)
		buffer_puts(ret, "without documents\n");
}

/* Replaces the temporary directory by "WORK": messages may name it. */
static char *without_directory(struct buffer *text, const char *work_dir)
{
	struct buffer result = {0};
	const char *rest = text->data ? text->data : "", *found;

	buffer_puts(&result, "");
	for (; (found = strstr(rest, work_dir)); rest = found + strlen(work_dir)) {
		buffer_append(&result, rest, (size_t)(found - rest));
		buffer_puts(&result, "WORK");
	}
	buffer_puts(&result, rest);
	return buffer_steal(&result);
}

static void scenario_resolve(struct scenario *scenario, const struct mirror_snapshot *snapshot,
			     const char *work_dir, struct buffer *ret)
{
	struct resolution resolution = {0};
	struct guest guest = {0};
	struct error err = {0};
	bool steps = scenario->expected.len && strstr(scenario->expected.data, "\nstep ");

	guest.boot.default_kernel = scenario->default_kernel;
	if (tested->describe(&scenario->state, &guest, &err) < 0 ||
	    tested->resolve(&scenario->state, &guest, snapshot, &scenario->request, work_dir,
			    &resolution, &err) < 0)
		buffer_printf(ret, "error %s: %s\n", error_kind_name(err.kind), err.msg);
	else
		print_resolution(&resolution, steps, ret);
}

/* Blank lines and comments do not count. */
static char *meaning(const char *text)
{
	CLEANUP_FREE char *copy = xstrdup(text ? text : "");
	struct buffer kept = {0};
	char *save = NULL;

	buffer_puts(&kept, "");
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#')
			buffer_printf(&kept, "%s\n", line);
	return buffer_steal(&kept);
}

static void scenario_check(struct scenario *it, const struct mirror_snapshot *snapshot,
			   const char *work_dir, const char *path)
{
	CLEANUP_FREE char *want = meaning(it->expected.data), *got = NULL, *plain = NULL;
	CLEANUP_BUFFER struct buffer outcome = {0};

	scenario_resolve(it, snapshot, work_dir, &outcome);
	plain = without_directory(&outcome, work_dir);
	got = meaning(plain);
	ck_assert_msg(strcmp(want, got) == 0, "%s\n--- expected\n%s--- got\n%s", path, want, got);
}

START_TEST(resolves)
{
	const char *path = scenarios.gl_pathv[_i];
	CLEANUP_FREE char *work_dir = NULL;
	struct mirror_snapshot snapshot = {0};
	struct scenario it = {0};
	struct error err = {0};

	scenario_read(path, &it);
	work_dir = directory_make_temporary("/tmp", "scenario", &err);
	ck_assert_msg(work_dir, "%s", err.msg);
	tested->make_state(&it);
	make_snapshot(&it, work_dir, &snapshot);
	scenario_check(&it, &snapshot, work_dir, path);
	directory_remove(work_dir, &err);
}
END_TEST

static int scenario_main(const struct scenario_family *family)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *pattern =
		xasprintf("%s/tests/scenario/%s/*.txt", top ? top : ".", family->name);
	Suite *suite = suite_create("scenario");
	TCase *tcase = tcase_create(family->name);
	int status;

	tested = family;
	if (glob(pattern, 0, NULL, &scenarios) != 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(tcase, resolves, 0, (int)scenarios.gl_pathc);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	status = suite_run(suite);
	globfree(&scenarios);
	return status;
}

#endif
