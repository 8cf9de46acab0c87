/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing into a directory what want files ask for.
 *
 *     DIRECTORY/dists, pool             the mirror, in the vendor's layout,
 *     DIRECTORY/REPOSITORY              or one for each repository
 *     DIRECTORY/.fetch/lock             held while somebody fetches
 *     DIRECTORY/.fetch/partial          what did not arrive whole
 *     DIRECTORY/.fetch/state            the newest signed indexes seen
 *     DIRECTORY/.fetch/index            the signed indexes of this call, until they are published
 *     DIRECTORY/.fetch/store            a mirror snapshot of them, to choose packages from
 *
 * Package files and the package indexes, which lie under the names of their digests, go to their
 * places as they come.  The signed index of a suite is what makes them a state of the mirror: it is
 * put there last, when all that it was needed for is there.  So the directory is always as whole as
 * it was.
 */
#ifndef COLDPATCH_SESSION_FETCH_H
#define COLDPATCH_SESSION_FETCH_H

#include "fetch/layout.h"
#include "session/session.h"

/* One call.  Each step below fills what the next ones need. */
struct fetch {
	struct coldpatch_session *session;
	const struct coldpatch_fetch_options *options;
	char *directory;
	char *work;  /* DIRECTORY/.fetch */
	char *stage; /* DIRECTORY/.fetch/index */
	char *store; /* DIRECTORY/.fetch/store */
	int lock;
	char **sources;	   /* URLs, absolute paths of directories, and mirror lists */
	json_t *wanted;	   /* what task want gave */
	json_t *suites;	   /* {"name", "layout", "architectures", "source", "signature"?}: those
			      that were found */
	const char *os_id; /* of the blocks of layout repomd, borrowed; NULL: there are none */
	json_t *missing;   /* names of the others */
	json_t *indexes;   /* {"suite", "layout", "path", "size", "checksum", "by_hash"} */
	json_t *snapshot;  /* manifest */
	json_t *packages;  /* place -> {"suite", "path", "size", "checksum"} */
	uint64_t n_fetched, fetched_bytes;
};

/* fetch_suites.c: which source has which suite; the signed indexes are in the stage then.  Fills
 * suites and missing. */
int fetch_find_suites(struct fetch *fetch, struct error *err);
/* fetch_indexes.c: verifies the signed indexes, brings what they name of packages, and verifies all
 * of it.  Fills indexes and snapshot. */
int fetch_bring_indexes(struct fetch *fetch, struct error *err);
/* fetch_packages.c: fills packages; then n_fetched and fetched_bytes. */
int fetch_choose(struct fetch *fetch, struct error *err);
int fetch_bring_packages(struct fetch *fetch, struct error *err);
/* fetch_indexes.c: the new state becomes that of the mirror. */
int fetch_publish(struct fetch *fetch, struct error *err);

/* fetch_lists.c: the URL of a source that is a mirror list, "mirrorlist=URL" or "metalink=URL";
 * NULL: it is none. */
const char *fetch_list_url(const char *source);
/* *ret is an array of the URLs that it names.  ERROR_MIRROR: it does not answer, or is no list. */
int fetch_list(struct fetch *fetch, const char *source, json_t **ret, struct error *err);

/* fetch_acquire.c: a file for task acquire; with size and digest of `like`, unless it is NULL. */
json_t *fetch_file(const char *source, const char *remote, const char *path, const json_t *like,
		   bool optional);
/* Has a worker bring `files` (stolen); *ret_states is an array of "absent", "there" and "fetched".
 */
int fetch_acquire(struct fetch *fetch, json_t *files, json_t **ret_states, struct error *err);
bool fetch_is(const json_t *states, size_t i, const char *state);

/* fetch_indexes.c: whose signatures count. */
json_t *fetch_keyrings(const struct fetch *fetch);
/* fetch_suites.c: a suite that was found, and where it is taken from. */
const json_t *fetch_suite_of(const struct fetch *fetch, const char *suite);
const char *fetch_source_of(const struct fetch *fetch, const char *suite);
const struct fetch_layout *fetch_layout_of(const struct fetch *fetch, const char *suite);

#endif
