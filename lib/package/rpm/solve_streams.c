/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which module streams are active: those that the guest has enabled, the default ones of modules of
 * which it says nothing, and what they require.  As dnf does it, libsolv finds out, in a pool of
 * its own, where each build of a stream is a package "MODULE:STREAM:REQUIREMENTS" that provides
 * "module(MODULE:STREAM)" and conflicts with all others of its module.
 */
#include <solv/pool_parserpmrichdep.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

static Id capability(Pool *pool, const char *module, const char *stream, size_t len)
{
	CLEANUP_FREE char *text = len ? xasprintf("module(%s:%.*s)", module, (int)len, stream)
				      : xasprintf("module(%s)", module);

	return pool_str2id(pool, text, 1);
}

/* "platform:el8", as "base-module(platform:el8)" of the package with the release files says it. */
static char *platform_of(const struct solve *solve)
{
	static const char prefix[] = "base-module(platform:";
	Pool *pool = solve->pool;
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(solve->installed, id, s)
	{
		for (Id *dep = s->provides ? s->repo->idarraydata + s->provides : NULL; dep && *dep;
		     dep++) {
			const char *name = ISRELDEP(*dep) ? "" : pool_id2str(pool, *dep);

			if (strncmp(name, prefix, sizeof prefix - 1) == 0)
				return xstrndup(name + sizeof prefix - 1,
						strcspn(name + sizeof prefix - 1, ")"));
		}
	}
	return NULL;
}

static void add_requirement(Pool *pool, Solvable *s, const char *module, const char *streams)
{
	Id any = 0;

	if (!*streams)
		solvable_add_deparray(s, SOLVABLE_REQUIRES, capability(pool, module, "", 0), 0);
	for (size_t len; *streams; streams += len + (streams[len] == ',')) {
		len = strcspn(streams, ",");
		if (*streams == '-') {
			solvable_add_deparray(s, SOLVABLE_CONFLICTS,
					      capability(pool, module, streams + 1, len - 1), 0);
			continue;
		}
		Id one = capability(pool, module, streams, len);

		any = any ? pool_rel2id(pool, any, one, REL_OR, 1) : one;
	}
	if (any)
		solvable_add_deparray(s, SOLVABLE_REQUIRES, any, 0);
}

/* Where the guest does not say what platform it is, nothing is asked of that. */
static void add_requirements(Pool *pool, Solvable *s, const struct rpm_stream *stream,
			     bool knows_platform)
{
	for (size_t i = 0; i < stream->n_requires; i++) {
		CLEANUP_FREE char *module = xstrdup(stream->requires[i]);
		char *colon = strchr(module, ':');

		if (colon)
			*colon++ = '\0';
		if (knows_platform || strcmp(module, "platform") != 0)
			add_requirement(pool, s, module, colon ? colon : "");
	}
}

static char *stream_name(const struct rpm_stream *stream)
{
	struct buffer name = {0};

	buffer_printf(&name, "%s:%s", stream->module, stream->stream);
	for (size_t i = 0; i < stream->n_requires; i++)
		buffer_printf(&name, ":%s", stream->requires[i]);
	return buffer_steal(&name);
}

static void add_build(Repo *repo, const struct rpm_stream *stream, bool knows_platform)
{
	Pool *pool = repo->pool;
	CLEANUP_FREE char *name = stream_name(stream);
	Id id = repo_add_solvable(repo), module = capability(pool, stream->module, "", 0);
	Solvable *s = pool_id2solvable(pool, id);

	s->name = pool_str2id(pool, name, 1);
	s->evr = pool_str2id(pool, stream->version, 1);
	s->arch = pool_str2id(pool, stream->architecture, 1);
	solvable_add_deparray(s, SOLVABLE_PROVIDES, module, 0);
	solvable_add_deparray(
		s, SOLVABLE_PROVIDES,
		capability(pool, stream->module, stream->stream, strlen(stream->stream)), 0);
	solvable_add_deparray(s, SOLVABLE_CONFLICTS, module, 0);
	add_requirements(pool, s, stream, knows_platform);
}

static void add_platform(Pool *pool, const char *platform)
{
	Repo *repo = repo_create(pool, "@System");
	Solvable *s = pool_id2solvable(pool, repo_add_solvable(repo));

	s->name = pool_str2id(pool, "platform", 1);
	s->evr = pool_str2id(pool, "1", 1);
	s->arch = ARCH_NOARCH;
	solvable_add_deparray(s, SOLVABLE_PROVIDES, capability(pool, "platform", "", 0), 0);
	solvable_add_deparray(s, SOLVABLE_PROVIDES,
			      capability(pool, "platform", platform, strlen(platform)), 0);
	pool_set_installed(pool, repo);
}

static bool is_default(const struct rpm_modules *modules, const struct rpm_stream *stream)
{
	for (size_t i = 0; i < modules->n_defaults; i++)
		if (strcmp(modules->defaults[i].module, stream->module) == 0 &&
		    *modules->defaults[i].stream)
			return strcmp(modules->defaults[i].stream, stream->stream) == 0;
	return false;
}

/* A job for each stream that is enabled, a weak one for each default.  Modules that are disabled
 * are not in the pool at all. */
static void add_jobs(Pool *pool, const struct rpm_modules *modules,
		     const struct rpm_module_choices *choices, int weak, Queue *job)
{
	for (size_t i = 0; i < modules->n_streams; i++) {
		const struct rpm_stream *stream = &modules->streams[i];
		const struct rpm_module_choice *choice =
			rpm_module_choice_of(choices, stream->module);
		bool chosen = choice && choice->state == RPM_MODULE_ENABLED;
		Id what = capability(pool, stream->module, stream->stream, strlen(stream->stream));

		if (chosen && strcmp(choice->stream, stream->stream) == 0)
			queue_push2(job, SOLVER_INSTALL | SOLVER_SOLVABLE_PROVIDES | weak, what);
		else if (!chosen && !(choice && choice->state == RPM_MODULE_DISABLED) &&
			 is_default(modules, stream))
			queue_push2(job, SOLVER_INSTALL | SOLVER_SOLVABLE_PROVIDES | SOLVER_WEAK,
				    what);
	}
}

static Solver *solve_streams(Pool *pool, const struct rpm_modules *modules,
			     const struct rpm_module_choices *choices)
{
	Solver *solver = solver_create(pool);
	Queue job;

	queue_init(&job);
	add_jobs(pool, modules, choices, 0, &job);
	/* Streams that do not go together: as many as do. */
	if (solver_solve(solver, &job) != 0) {
		queue_empty(&job);
		add_jobs(pool, modules, choices, SOLVER_WEAK, &job);
		solver_free(solver);
		solver = solver_create(pool);
		solver_solve(solver, &job);
	}
	queue_free(&job);
	return solver;
}

/* A build that was chosen stands for all builds of its stream that require the same. */
static void mark_active(Solver *solver, struct rpm_modules *modules)
{
	Pool *pool = solver->pool;
	Queue chosen;

	queue_init(&chosen);
	solver_get_decisionqueue(solver, &chosen);
	for (size_t i = 0; i < modules->n_streams; i++) {
		CLEANUP_FREE char *text = stream_name(&modules->streams[i]);
		Id name = pool_str2id(pool, text, 0);

		for (int k = 0; name && k < chosen.count; k++)
			if (chosen.elements[k] > 0 &&
			    pool_id2solvable(pool, chosen.elements[k])->name == name)
				modules->streams[i].active = true;
	}
	queue_free(&chosen);
}

void solve_find_active_streams(const struct solve *solve, struct rpm_modules *modules,
			       const struct rpm_module_choices *choices)
{
	CLEANUP_FREE char *platform = platform_of(solve);
	Pool *pool = pool_create();
	Repo *repo = repo_create(pool, "available");
	Solver *solver;

	pool_setdisttype(pool, DISTTYPE_RPM);
	pool_setarch(pool, solve->guest->packages.architecture);
	if (platform)
		add_platform(pool, platform);
	for (size_t i = 0; i < modules->n_streams; i++) {
		const struct rpm_module_choice *choice =
			rpm_module_choice_of(choices, modules->streams[i].module);

		if (!choice || choice->state != RPM_MODULE_DISABLED)
			add_build(repo, &modules->streams[i], platform != NULL);
	}
	pool_createwhatprovides(pool);
	solver = solve_streams(pool, modules, choices);
	mark_active(solver, modules);
	solver_free(solver);
	pool_free(pool);
}
