/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs every tests/scenario/NAME.txt: a guest's packages, a mirror, a request, and the plan that
 * must come out.  tests/scenario/README.md says how they are written.  Check forks for each, which
 * libapt-pkg needs.
 */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/deb/deb.h"
#include "suite.h"

enum { MAX_SOURCES = 4, MAX_WORDS = 32 };

struct source {
	char *name;
	struct buffer packages;
};

struct scenario {
	struct buffer status, extended_states, preferences, arch, expected;
	struct source sources[MAX_SOURCES];
	size_t n_sources;
	struct digest *files;
	size_t n_files;
	struct resolve_request request;
	const char *names[MAX_WORDS], *holds[MAX_WORDS];
	struct buffer *raw; /* section taken as it is */
	enum { IN_NOTHING, IN_GUEST, IN_MIRROR, IN_REQUEST, IN_RAW } section;
};

static glob_t scenarios;

static char *cut(char **rest, const char *separators)
{
	return strtok_r(NULL, separators, rest);
}

static void section_begin(struct scenario *scenario, const char *line)
{
	scenario->section = IN_RAW;
	if (strcmp(line, "[guest]") == 0)
		scenario->section = IN_GUEST;
	else if (strcmp(line, "[request]") == 0)
		scenario->section = IN_REQUEST;
	else if (strcmp(line, "[expect]") == 0)
		scenario->raw = &scenario->expected;
	else if (strcmp(line, "[preferences]") == 0)
		scenario->raw = &scenario->preferences;
	else if (strcmp(line, "[architectures]") == 0)
		scenario->raw = &scenario->arch;
	else if (strncmp(line, "[mirror ", 8) == 0) {
		scenario->section = IN_MIRROR;
		ck_assert(scenario->n_sources < MAX_SOURCES);
		scenario->sources[scenario->n_sources++].name =
			xstrndup(line + 8, strlen(line + 8) - 1);
	} else
		ck_abort_msg("unknown section %s", line);
}

/* "Field: value; Field: value" */
static void add_fields(struct buffer *to, char *fields)
{
	char *save = NULL;

	for (char *field = strtok_r(fields, ";", &save); field; field = strtok_r(NULL, ";", &save))
		buffer_printf(to, "%s\n", field + strspn(field, " "));
}

struct line {
	char *name, *arch, *version, *fields;
	bool hold, automatic, missing;
	const char *status;
};

/* NAME[:ARCH] VERSION [hold] [auto] [missing] [STATUS]; Field: value; ... */
static struct line read_line(char *text)
{
	struct line line = {.arch = "amd64", .status = "installed"};
	char *semicolon = strchr(text, ';'), *save = NULL;

	line.fields = semicolon ? semicolon + 1 : text + strlen(text);
	if (semicolon)
		*semicolon = '\0';
	line.name = strtok_r(text, " ", &save);
	line.version = cut(&save, " ");
	ck_assert_msg(line.version, "%s has no version", line.name);
	if (strchr(line.name, ':')) {
		line.arch = strchr(line.name, ':') + 1;
		line.arch[-1] = '\0';
	}
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

static void add_installed(struct scenario *scenario, char *text)
{
	struct line line = read_line(text);

	buffer_printf(&scenario->status,
		      "Package: %s\nStatus: %s ok %s\nArchitecture: %s\nVersion: %s\n"
		      "Installed-Size: 20\n",
		      line.name, line.hold ? "hold" : "install", line.status, line.arch,
		      line.version);
	add_fields(&scenario->status, line.fields);
	buffer_putc(&scenario->status, '\n');
	if (line.automatic)
		buffer_printf(&scenario->extended_states,
			      "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", line.name,
			      line.arch);
}

static void add_offered(struct scenario *scenario, char *text)
{
	struct buffer *to = &scenario->sources[scenario->n_sources - 1].packages;
	struct line line = read_line(text);
	CLEANUP_FREE char *id = xasprintf("%s %s %s", line.name, line.version, line.arch);
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	digest_of(id, strlen(id), &digest);
	digest_to_hex(&digest, hex);
	buffer_printf(to,
		      "Package: %s\nArchitecture: %s\nVersion: %s\nInstalled-Size: 20\n"
		      "Filename: pool/%s_%s_%s.deb\nSize: 1000\nSHA256: %s\n",
		      line.name, line.arch, line.version, line.name, line.version, line.arch, hex);
	add_fields(to, line.fields);
	buffer_putc(to, '\n');
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
	else
		ck_abort_msg("unknown request %s", word);
}

static void take_line(struct scenario *scenario, char *line)
{
	if (line[0] == '[')
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
	add_installed(ret, (char[]){"dpkg 1.21"});
}

static void add_state(struct package_state *state, const char *name, const struct buffer *content)
{
	struct package_state_file *file;

	if (!content->len)
		return;
	file = ARRAY_ADD(state->files, state->n_files);
	file->name = xstrdup(name);
	buffer_append(&file->content, content->data, content->len);
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

static void make_source(const struct source *from, const char *work_dir, struct mirror_source *to)
{
	static char component[] = "main", *components[] = {component};
	CLEANUP_FREE char *packages = NULL;
	CLEANUP_BUFFER struct buffer release = {0};
	bool is_main = strcmp(from->name, "main") == 0;

	to->directory = path_join(work_dir, from->name);
	to->origin = xstrdup("Debian");
	to->codename = is_main ? xstrdup("bookworm") : xasprintf("bookworm-%s", from->name);
	to->suite = is_main ? xstrdup("stable") : xasprintf("stable-%s", from->name);
	to->components = components;
	to->n_components = 1;
	to->index_path = xasprintf("dists/%s/InRelease", to->codename);
	to->security = strcmp(from->name, "security") == 0;
	buffer_printf(&release, "Origin: Debian\nLabel: Debian\nSuite: %s\nCodename: %s\n",
		      to->suite, to->codename);
	if (strcmp(from->name, "backports") == 0)
		buffer_puts(&release, "NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
	must_write(to->directory, to->index_path, &release);
	packages = xasprintf("dists/%s/main/binary-amd64/Packages", to->codename);
	must_write(to->directory, packages, &from->packages);
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

static void make_snapshot(struct scenario *scenario, const char *work_dir,
			  struct mirror_snapshot *ret)
{
	ret->sources = xcalloc(MAX_SOURCES, sizeof *ret->sources);
	for (size_t i = 0; i < scenario->n_sources; i++)
		make_source(&scenario->sources[i], work_dir, &ret->sources[i]);
	ret->n_sources = scenario->n_sources;
	qsort(scenario->files, scenario->n_files, sizeof *scenario->files, compare_digests);
	ret->packages = scenario->files;
	ret->n_packages = scenario->n_files;
}

static char *short_name(const struct package_change *change)
{
	if (strcmp(change->architecture, "amd64") == 0 || strcmp(change->architecture, "all") == 0)
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
	static const char *const operations[] = {"unpack", "configure", "remove"};

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
}

static void scenario_run(struct scenario *scenario, const char *work_dir, struct buffer *ret)
{
	CLEANUP_PACKAGE_STATE struct package_state state = {0};
	struct mirror_snapshot snapshot = {0};
	struct resolution resolution = {0};
	struct guest guest = {0};
	struct error err = {0};
	bool steps = scenario->expected.len && strstr(scenario->expected.data, "\nstep ");

	add_state(&state, "status", &scenario->status);
	add_state(&state, "extended_states", &scenario->extended_states);
	add_state(&state, "preferences", &scenario->preferences);
	add_state(&state, "arch", &scenario->arch);
	make_snapshot(scenario, work_dir, &snapshot);
	if (deb_state_describe(&state, &guest, &err) < 0 ||
	    deb_resolve(&state, &guest, &snapshot, &scenario->request, work_dir, &resolution,
			&err) < 0)
		buffer_printf(ret, "error %s: %s\n", error_kind_name(err.kind), err.msg);
	else
		print_resolution(&resolution, steps, ret);
}

/* Blank lines and comments do not count. */
static char *meaning(const struct buffer *text)
{
	CLEANUP_FREE char *copy = xstrdup(text->data ? text->data : "");
	struct buffer kept = {0};
	char *save = NULL;

	buffer_puts(&kept, "");
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[0] != '#')
			buffer_printf(&kept, "%s\n", line);
	return buffer_steal(&kept);
}

START_TEST(scenario)
{
	const char *path = scenarios.gl_pathv[_i];
	CLEANUP_FREE char *want = NULL, *got = NULL, *work_dir = NULL;
	struct buffer outcome = {0};
	struct scenario it = {0};
	struct error err = {0};

	scenario_read(path, &it);
	work_dir = directory_make_temporary("/tmp", "scenario", &err);
	ck_assert_msg(work_dir, "%s", err.msg);
	scenario_run(&it, work_dir, &outcome);
	directory_remove(work_dir, &err);
	want = meaning(&it.expected);
	got = meaning(&outcome);
	ck_assert_msg(strcmp(want, got) == 0, "%s\n--- expected\n%s--- got\n%s", path, want, got);
}
END_TEST

int main(void)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *pattern = xasprintf("%s/tests/scenario/*.txt", top ? top : ".");
	Suite *suite = suite_create("scenario");
	TCase *tcase = tcase_create("scenario");
	int status;

	if (glob(pattern, 0, NULL, &scenarios) != 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(tcase, scenario, 0, (int)scenarios.gl_pathc);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	status = suite_run(suite);
	globfree(&scenarios);
	return status;
}
