/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vendor's own apt-get as the oracle: on a real Debian package state and a real index, with
 * packages put on hold at random, our plan names the same packages and versions as
 * "apt-get -s upgrade --with-new-pkgs".
 *
 * The package state is this machine's (or the directory ORACLE_ROOT: var/lib/dpkg/status,
 * var/lib/apt/extended_states), the index is what its apt has downloaded.  Skipped (77) where apt
 * has no lists.  CHECK_FULL=1 runs 50 rounds instead of 6.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "package/deb/apt_index.h"
#include "package/deb/apt_shim.h"
#include "package/deb/deb.h"
#include "suite.h"

enum { LIMIT = 256 << 20, MAX_SOURCES = 16, ROUNDS_FULL = 50, ROUNDS = 6 };

/* Also outside a test, where Check cannot report. */
#define REQUIRE(condition, ...)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, __VA_ARGS__);                                              \
			fprintf(stderr, " (%s)\n", #condition);                                    \
			exit(EXIT_FAILURE);                                                        \
		}                                                                                  \
	} while (0)

static char *work;
static struct mirror_snapshot snapshot;
static struct package_state state;
static struct guest guest;

static int run_tool(const char *const *argv, const char *const *env, struct buffer *ret)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct process_spec spec = {
		.argv = argv, .env = env, .output_limit = LIMIT, .deadline_ms = 120000};
	struct error err = {0};

	REQUIRE(process_run(&spec, &result, &err) == 0, "%s", err.msg);
	REQUIRE(result.exit_code == 0, "%s: %s", argv[0], result.err.data);
	*ret = result.out;
	result.out = (struct buffer){0};
	return 0;
}

static void must_write(const char *path, const void *data, size_t len)
{
	CLEANUP_FREE char *parent = xstrdup(path);
	struct error err = {0};

	*strrchr(parent, '/') = '\0';
	REQUIRE(directory_make(parent, 0755, &err) == 0, "%s", err.msg);
	REQUIRE(file_replace(path, data, len, 0644, &err) == 0, "%s", err.msg);
}

/* "FILENAME|CODENAME|COMPONENT" of one index that apt has. */
static void add_target(char *line)
{
	static char *components[MAX_SOURCES][1];
	char *save = NULL, *file = strtok_r(line, "|", &save);
	char *codename = strtok_r(NULL, "|", &save), *component = strtok_r(NULL, "|", &save);
	struct mirror_source *source = &snapshot.sources[snapshot.n_sources];
	CLEANUP_FREE char *release = NULL, *release_path = NULL, *packages_path = NULL;
	CLEANUP_BUFFER struct buffer packages = {0};

	if (!component || snapshot.n_sources == MAX_SOURCES)
		return;
	run_tool((const char *[]){"/usr/lib/apt/apt-helper", "cat-file", file, NULL}, NULL,
		 &packages);
	components[snapshot.n_sources][0] = xstrdup(component);
	source->directory = xasprintf("%s/source%zu", work, snapshot.n_sources);
	source->codename = xstrdup(codename);
	source->components = components[snapshot.n_sources];
	source->n_components = 1;
	source->index_path = xasprintf("dists/%s/InRelease", codename);
	source->security = strstr(codename, "-security") != NULL;
	release = xasprintf("Origin: Debian\nLabel: Debian\nCodename: %s\n", codename);
	release_path = path_join(source->directory, source->index_path);
	packages_path = xasprintf("%s/dists/%s/%s/binary-%s/Packages", source->directory, codename,
				  component, guest.packages.architecture);
	must_write(release_path, release, strlen(release));
	must_write(packages_path, packages.data, packages.len);
	snapshot.n_sources++;
}

/* False when apt has no lists. */
static bool make_mirror(void)
{
	CLEANUP_BUFFER struct buffer targets = {0};
	char *save = NULL;

	snapshot.sources = xcalloc(MAX_SOURCES, sizeof *snapshot.sources);
	run_tool((const char *[]){"apt-get", "indextargets", "--format",
				  "$(FILENAME)|$(CODENAME)|$(COMPONENT)", "Created-By: Packages",
				  "Origin: Debian", NULL},
		 NULL, &targets);
	for (char *line = targets.len ? strtok_r(targets.data, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		add_target(line);
	return snapshot.n_sources > 0;
}

static void add_state(const char *root, const char *name, const char *path)
{
	CLEANUP_FREE char *full = path_join(root, path + 1);
	struct buffer content = {0};
	struct package_state_file *file;
	struct error err = {0};

	if (access(full, F_OK) < 0)
		return;
	REQUIRE(file_read(full, LIMIT, &content, &err) == 0, "%s", err.msg);
	file = ARRAY_ADD(state.files, state.n_files);
	file->name = xstrdup(name);
	file->content = content;
}

static struct buffer *status_text(void)
{
	return &state.files[0].content;
}

/* Puts every package whose turn it is on hold, by a generator of our own: equal everywhere. */
static void hold_some(unsigned seed)
{
	struct buffer held = {0};
	const char *at = status_text()->data, *end = at + status_text()->len, *next;
	static const char from[] = "Status: install ok installed";
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	while (seed && (next = strstr(at, from))) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		buffer_append(&held, at, (size_t)(next - at));
		buffer_puts(&held,
			    (x >> 33) % 100 < 3 * seed % 40 ? "Status: hold ok installed" : from);
		at = next + sizeof from - 1;
	}
	buffer_append(&held, at, (size_t)(end - at));
	buffer_free(status_text());
	*status_text() = held;
}

static bool always(void *opaque, const char *sha256)
{
	(void)opaque;
	(void)sha256;
	return true;
}

static void note_change(void *opaque, const struct apt_change *change)
{
	if (change->to)
		buffer_printf(opaque, "%s %s\n", change->name, change->to);
	else
		buffer_printf(opaque, "%s removed\n", change->name);
}

static void ignore_step(void *opaque, enum apt_operation operation, size_t change)
{
	(void)opaque;
	(void)operation;
	(void)change;
}

static void ignore_left(void *opaque, const struct apt_left *left)
{
	(void)opaque;
	REQUIRE(left->detail[0], "%s is left without a word", left->name);
}

static void write_root(const char *root)
{
	for (size_t i = 0; i < state.n_files; i++) {
		CLEANUP_FREE char *path = path_join(root, state.files[i].name);

		must_write(path, state.files[i].content.data, state.files[i].content.len);
	}
}

static void ask_us(const char *root, const struct apt_index *index, struct buffer *ret)
{
	static const bool security[MAX_SOURCES];
	struct apt_job job = {.root = root,
			      .lists = index->lists,
			      .sources_list = index->sources_list,
			      .cache = index->cache,
			      .architecture = guest.packages.architecture,
			      .security = security,
			      .n_sources = snapshot.n_sources,
			      .allow_new = true};
	struct apt_sink sink = {.opaque = ret,
				.has_file = always,
				.change = note_change,
				.step = ignore_step,
				.left = ignore_left};
	struct error err = {0};

	REQUIRE(apt_resolve(&job, &sink, &err) == 0, "%s", err.msg);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "Inst NAME [OLD] (NEW ...", "Remv NAME ..." as "NAME NEW", sorted. */
static void read_simulation(struct buffer *text, struct buffer *ret)
{
	char *lines[4096], *save = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text->data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *paren = strchr(line, '('), *name = line + 5;

		if (strncmp(line, "Inst ", 5) != 0 && strncmp(line, "Remv ", 5) != 0)
			continue;
		REQUIRE(n < 4096, "too many lines");
		lines[n++] = *line == 'R'
				     ? xasprintf("%.*s removed", (int)strcspn(name, " :"), name)
				     : xasprintf("%.*s %.*s", (int)strcspn(name, " :"), name,
						 (int)strcspn(paren + 1, " "), paren + 1);
	}
	qsort(lines, n, sizeof *lines, compare_lines);
	for (size_t i = 0; i < n; i++)
		buffer_printf(ret, "%s\n", lines[i]);
}

static void ask_apt(const char *root, const struct apt_index *index, struct buffer *ret)
{
	CLEANUP_FREE char *conf_path = path_join(root, "apt.conf");
	CLEANUP_FREE char *env = xasprintf("APT_CONFIG=%s", conf_path);
	CLEANUP_BUFFER struct buffer conf = {0}, out = {0};

	buffer_printf(&conf, "Dir \"%s\";\nDir::State::status \"%s/status\";\n", root, root);
	buffer_printf(&conf, "Dir::State::extended_states \"%s/extended_states\";\n", root);
	buffer_printf(&conf,
		      "Dir::State::Lists \"%s\";\nDir::Bin::methods \"/usr/lib/apt/methods\";\n",
		      index->lists);
	buffer_printf(&conf,
		      "Dir::Cache::srcpkgcache \"%s/oracle.bin\";\nDir::Cache::pkgcache \"\";\n",
		      work);
	buffer_printf(&conf, "Dir::Etc::sourcelist \"%s\";\n", index->sources_list);
	buffer_printf(&conf, "APT::Architecture \"%s\";\nAPT::Architectures { \"%s\"; };\n",
		      guest.packages.architecture, guest.packages.architecture);
	buffer_puts(&conf, "APT::Get::Always-Include-Phased-Updates \"true\";\n"
			   "Acquire::Languages \"none\";\n");
	must_write(conf_path, conf.data, conf.len);
	run_tool((const char *[]){"apt-get", "-s", "-o", "Debug::NoLocking=1", "upgrade",
				  "--with-new-pkgs", NULL},
		 (const char *[]){env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL},
		 &out);
	read_simulation(&out, ret);
}

START_TEST(same_as_apt_get)
{
	CLEANUP_APT_INDEX struct apt_index index = {0};
	CLEANUP_FREE char *ours = xasprintf("%s/ours%d", work, _i);
	CLEANUP_FREE char *theirs = xasprintf("%s/theirs%d", work, _i);
	struct buffer our_plan = {0}, their_plan = {0};
	struct error err = {0};

	buffer_puts(&our_plan, "");
	buffer_puts(&their_plan, "");
	hold_some((unsigned)_i);
	REQUIRE(apt_index_open(&snapshot, &guest.packages, work, &index, &err) == 0, "%s", err.msg);
	write_root(ours);
	write_root(theirs);
	ask_us(ours, &index, &our_plan);
	ask_apt(theirs, &index, &their_plan);
	ck_assert_msg(strcmp(our_plan.data, their_plan.data) == 0,
		      "round %d\n--- apt-get\n%s--- ours\n%s", _i, their_plan.data, our_plan.data);
	if (getenv("ORACLE_VERBOSE"))
		printf("round %d:\n%s", _i, our_plan.data);
}
END_TEST

static int prepare(void)
{
	const char *root = getenv("ORACLE_ROOT");
	struct error err = {0};

	add_state(root ? root : "/", "status", "/var/lib/dpkg/status");
	add_state(root ? root : "/", "extended_states", "/var/lib/apt/extended_states");
	if (state.n_files == 0 || deb_state_describe(&state, &guest, &err) < 0)
		return -1;
	work = directory_make_temporary("/tmp", "oracle", &err);
	return work && make_mirror() ? 0 : -1;
}

int main(void)
{
	Suite *suite = suite_create("oracle");
	TCase *tcase = tcase_create("oracle");
	struct error err = {0};
	int status;

	if (access("/usr/lib/apt/apt-helper", X_OK) < 0 || prepare() < 0) {
		if (work)
			directory_remove(work, &err);
		puts("no Debian package state here, or apt has no lists");
		return 77;
	}
	tcase_add_loop_test(tcase, same_as_apt_get, 0, getenv("CHECK_FULL") ? ROUNDS_FULL : ROUNDS);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	status = suite_run(suite);
	directory_remove(work, &err);
	return status;
}
