/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What module streams hide: the packages of streams that are not active, and of those that are of
 * no stream the ones whose name, or a capability they provide, an active stream has a package for.
 *
 * The mirror may know nothing of the stream that an installed package is of: of such a name nothing
 * is taken, for it would be of another stream, or of none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

struct artifact {
	const char *nevra; /* or a name */
	const struct rpm_stream *stream;
};

struct artifacts {
	struct artifact *items;
	size_t n_items;
};

struct hiding {
	const struct rpm_modules *modules;
	struct artifacts artifacts, names;
	const struct rpm_stream **of; /* by solvable: the one that is not active and hides it */
};

static int compare_artifacts(const void *a, const void *b)
{
	const struct artifact *x = a, *y = b;
	int order = strcmp(x->nevra, y->nevra);

	/* of an artifact of several streams, the active one counts */
	return order ? order : (int)y->stream->active - (int)x->stream->active;
}

static const struct artifact *find_artifact(const struct artifacts *artifacts, const char *nevra)
{
	size_t low = 0, high = artifacts->n_items;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(artifacts->items[middle].nevra, nevra) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < artifacts->n_items && strcmp(artifacts->items[low].nevra, nevra) == 0
		       ? &artifacts->items[low]
		       : NULL;
}

static void sort_artifacts(struct artifacts *artifacts)
{
	if (artifacts->n_items)
		qsort(artifacts->items, artifacts->n_items, sizeof *artifacts->items,
		      compare_artifacts);
}

static void list_artifacts(const struct rpm_modules *modules, struct artifacts *ret)
{
	for (size_t i = 0; i < modules->n_streams; i++)
		for (size_t k = 0; k < modules->streams[i].n_artifacts; k++)
			*ARRAY_ADD(ret->items, ret->n_items) = (struct artifact){
				modules->streams[i].artifacts[k], &modules->streams[i]};
	sort_artifacts(ret);
}

/* "NAME" of "NAME-EPOCH:VERSION-RELEASE.ARCH"; NULL for a source package. */
static char *name_of_artifact(const char *nevra)
{
	const char *end = nevra + strlen(nevra), *arch = strrchr(nevra, '.');

	if (!arch || strcmp(arch, ".src") == 0 || strcmp(arch, ".nosrc") == 0)
		return NULL;
	for (int dashes = 0; end > nevra; end--)
		if (end[-1] == '-' && ++dashes == 2)
			return xstrndup(nevra, (size_t)(end - 1 - nevra));
	return NULL;
}

static bool is_demodularized(const struct rpm_modules *modules, const struct rpm_stream *of,
			     const char *name)
{
	for (size_t i = 0; i < modules->n_streams; i++) {
		const struct rpm_stream *stream = &modules->streams[i];

		if (strcmp(stream->module, of->module) != 0 ||
		    strcmp(stream->stream, of->stream) != 0)
			continue;
		for (size_t k = 0; k < stream->n_demodularized; k++)
			if (strcmp(stream->demodularized[k], name) == 0)
				return true;
	}
	return false;
}

/* Names of the binary packages of active streams; each is owned. */
static void list_names(const struct rpm_modules *modules, struct artifacts *ret)
{
	for (size_t i = 0; i < modules->n_streams; i++) {
		const struct rpm_stream *stream = &modules->streams[i];

		for (size_t k = 0; stream->active && k < stream->n_artifacts; k++) {
			char *name = name_of_artifact(stream->artifacts[k]);

			if (name && !is_demodularized(modules, stream, name))
				*ARRAY_ADD(ret->items, ret->n_items) =
					(struct artifact){name, stream};
			else
				free(name);
		}
	}
	sort_artifacts(ret);
}

static char *full_nevra(const struct solve *solve, Id id)
{
	const char *evr = solve_evr(solve, id);

	return xasprintf("%s-%s%s.%s", solve_name(solve, id), strchr(evr, ':') ? "" : "0:", evr,
			 solve_arch(solve, id));
}

/* A name, or a plain capability, that an active stream has a package for. */
static const struct artifact *in_the_way_of(const struct solve *solve,
					    const struct artifacts *names, Id id)
{
	Pool *pool = solve->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	const struct artifact *found = find_artifact(names, solve_name(solve, id));

	for (Id *dep = s->provides ? s->repo->idarraydata + s->provides : NULL;
	     dep && *dep && !found; dep++) {
		Id name = *dep;

		while (ISRELDEP(name))
			name = GETRELDEP(pool, name)->name;
		found = find_artifact(names, pool_id2str(pool, name));
	}
	return found;
}

/* Its repository is meant to mend what streams have, as dnf's option of that name says. */
static bool is_hotfix(const struct solve *solve, Id id)
{
	const struct mirror_source *source = solve_source_of(solve, id);

	return source && source->module_hotfixes;
}

static void hide_one(struct solve *solve, struct hiding *hiding, Id id)
{
	CLEANUP_FREE char *nevra = full_nevra(solve, id);
	const struct artifact *artifact = find_artifact(&hiding->artifacts, nevra);

	if (artifact && artifact->stream->active)
		return;
	if (artifact) {
		solve_hide(solve, id, HIDDEN_MODULE,
			   "it is of the module stream %s:%s, which is not enabled in the guest",
			   artifact->stream->module, artifact->stream->stream);
		hiding->of[id] = artifact->stream;
		return;
	}
	artifact = in_the_way_of(solve, &hiding->names, id);
	if (!artifact)
		return;
	solve_hide(solve, id, HIDDEN_MODULE,
		   "the active module stream %s:%s has a package of this name",
		   artifact->stream->module, artifact->stream->stream);
	/* Is its repository a hotfix one, and nobody said so? */
	MAPSET(&solve->told, id);
}

/* Is the label "MODULE:STREAM:VERSION:CONTEXT" of this stream? */
static bool is_labelled(const char *label, const struct rpm_stream *stream)
{
	size_t len = strlen(stream->module);

	if (strncmp(label, stream->module, len) != 0 || label[len] != ':')
		return false;
	label += len + 1;
	len = strlen(stream->stream);
	return strncmp(label, stream->stream, len) == 0 && (label[len] == ':' || !label[len]);
}

static bool knows_stream(const struct rpm_modules *modules, const char *label)
{
	for (size_t i = 0; i < modules->n_streams; i++)
		if (is_labelled(label, &modules->streams[i]))
			return true;
	return false;
}

/* "MODULE:STREAM" of the label "MODULE:STREAM:VERSION:CONTEXT" */
static int stream_length(const char *label)
{
	const char *colon = strchr(label, ':');

	return (int)(colon ? (size_t)(colon - label) + 1 + strcspn(colon + 1, ":") : strlen(label));
}

/* Of a package of a stream, what the stream keeps away is worth telling. */
static void guard_installed(struct solve *solve, const struct hiding *hiding,
			    const struct solve_label *label)
{
	bool known = knows_stream(hiding->modules, label->text);
	Pool *pool = solve->pool;
	Id id, pp;

	FOR_PROVIDES(id, pp, pool_id2solvable(pool, label->id)->name)
	{
		if (solve_is_installed(solve, id) || !solve_is_kin(solve, label->id, id) ||
		    is_hotfix(solve, id))
			continue;
		if (!known)
			solve_hide(solve, id, HIDDEN_MODULE,
				   "the installed one is of the module stream %.*s, of which the "
				   "mirror knows nothing",
				   stream_length(label->text), label->text);
		if (!known || (hiding->of[id] && is_labelled(label->text, hiding->of[id])))
			MAPSET(&solve->told, id);
	}
}

static void free_names(struct artifacts *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		free((void *)(uintptr_t)names->items[i].nevra);
	free(names->items);
}

static void hide_all(struct solve *solve, const struct rpm_modules *modules)
{
	CLEANUP_FREE const struct rpm_stream **of =
		xcalloc((size_t)solve->pool->nsolvables, sizeof *of);
	struct hiding hiding = {.modules = modules, .of = of};

	list_artifacts(modules, &hiding.artifacts);
	list_names(modules, &hiding.names);
	for (Id id = 1; modules->n_streams && id < solve->pool->nsolvables; id++)
		if (solve_is_package(solve, id) && !solve_is_installed(solve, id) &&
		    !is_hotfix(solve, id))
			hide_one(solve, &hiding, id);
	for (size_t i = 0; i < solve->n_labels; i++)
		guard_installed(solve, &hiding, &solve->labels[i]);
	free(hiding.artifacts.items);
	free_names(&hiding.names);
}

int solve_hide_modules(struct solve *solve, const struct package_state *state, struct error *err)
{
	CLEANUP_RPM_MODULES struct rpm_modules modules = {0};
	CLEANUP_RPM_MODULE_CHOICES struct rpm_module_choices choices = {0};

	if (solve_read_modules(solve, &modules, err) < 0 ||
	    solve_override_defaults(&modules, state, err) < 0)
		return -1;
	rpm_module_choices_read(state, &choices);
	if (modules.n_streams)
		solve_find_active_streams(solve, &modules, &choices);
	hide_all(solve, &modules);
	return 0;
}
