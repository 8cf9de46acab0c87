/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coldpatch: patch VM images that are switched off.
 *
 * The API follows five values: open an image, get a guest; guest, mirror snapshot and patchset give
 * a plan; the plan gives a layer; the layer gives an overlay and its record.  Values cross this
 * interface as JSON documents (docs/ has a schema of each); each function that returns one gives an
 * allocated, NUL-terminated string that the caller frees with free(3).
 *
 * A session holds the host's configuration and the callbacks.  It is used by one thread at a time;
 * work on an image happens in processes of its own, so that neither hostile bytes nor a library's
 * global state reach the caller.  The library never prints, exits, asks, or reads the environment.
 *
 * Functions return 0 or -1; on failure outputs are untouched and *err says why.
 */
#ifndef COLDPATCH_H
#define COLDPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COLDPATCH_API __attribute__((visibility("default")))

/* What went wrong.  `code` is one of the codes below, which are the program's exit codes too. */
struct coldpatch_error {
	int code;
	int os_errno;	/* 0 when the failure is not the operating system's */
	char msg[1024]; /* one line: image, stage, object, what to do next */
	/* Of a verb that changes something, what it was about; "" where it failed before that was
	 * known. */
	char run[64], image[1024], plan[65];
};

enum coldpatch_code {
	COLDPATCH_OK = 0,
	COLDPATCH_FOUND = 1,	   /* verify or a check found something */
	COLDPATCH_LEFT_BEHIND = 2, /* done, but packages had to be left behind */
	COLDPATCH_SOME_FAILED = 3,
	COLDPATCH_USAGE = 64,
	COLDPATCH_IMAGE = 65,
	COLDPATCH_MISSING = 66,
	COLDPATCH_MIRROR = 69,
	COLDPATCH_BUG = 70,
	COLDPATCH_HOST = 71,
	COLDPATCH_SPACE = 73,
	COLDPATCH_IO = 74,
	COLDPATCH_BUSY = 75,
	COLDPATCH_TRUST = 76,
	COLDPATCH_DENIED = 77,
	COLDPATCH_CONFIG = 78,
	COLDPATCH_GUEST = 79,
};

/* "image", "trust", ...: the name of an error's code, as JSON output spells it. */
COLDPATCH_API const char *coldpatch_code_name(int code);
COLDPATCH_API const char *coldpatch_version(void);

struct coldpatch_progress {
	const char *stage; /* "inspect", "plan", "copy", "unpack", "configure", "capture", "commit",
			      ... */
	const char *object;   /* what is worked on now, or NULL */
	uint64_t done, total; /* total 0: not known */
};

enum coldpatch_log_level { COLDPATCH_LOG_DEBUG, COLDPATCH_LOG_INFO, COLDPATCH_LOG_WARNING };

/* All may be NULL.  They are called by the thread that is inside the library. */
struct coldpatch_callbacks {
	void (*log)(void *opaque, enum coldpatch_log_level level, const char *msg);
	void (*progress)(void *opaque, const struct coldpatch_progress *progress);
	bool (*cancelled)(
		void *opaque); /* true: drop everything within 5 s and fail with COLDPATCH_BUSY */
	void *opaque;
};

struct coldpatch_session;

struct coldpatch_settings {
	size_t size;		 /* sizeof(struct coldpatch_settings) */
	const char *config_path; /* NULL: /etc/coldpatch/config.yaml if it is there; docs:
				    coldpatch-config(5) */
	const char *libexec_dir; /* where the worker, the runner and the signer are; NULL: as
				    installed */
	const char *store;	 /* instead of the configuration's; NULL: the configuration's */
	const char *scratch;	 /* likewise */
	const char *patchsets; /* where patchsets are found by name, unless the configuration says;
				  NULL: as installed */
	const char *library;   /* instead of the configuration's; it is the store, too, unless
				  `store` is given */
};

/* Reads the configuration.  COLDPATCH_CONFIG, COLDPATCH_MISSING.  Free with coldpatch_session_free.
 */
COLDPATCH_API struct coldpatch_session *coldpatch_session_new(
	const struct coldpatch_settings *settings, const struct coldpatch_callbacks *callbacks,
	struct coldpatch_error *err);
/* Accepts NULL. */
COLDPATCH_API void coldpatch_session_free(struct coldpatch_session *session);

/* What this host can do: {"checks": [{"name", "state": "ok"|"warn"|"missing", "found", "cost",
 * "action"}]}. */
COLDPATCH_API int coldpatch_host_doctor(struct coldpatch_session *session, char **ret_json,
					struct coldpatch_error *err);

/* One image of a guest: its disks, and the files that may back them; or a generation of a template
 * of the library. */
struct coldpatch_image {
	size_t size;
	const char *const *disks; /* paths */
	size_t n_disks;
	const char *const
		*backing; /* paths of the only files that a header of the image may name */
	size_t n_backing;
	const char *template_name;    /* "NAME" or "NAME@N", and no disks; NULL: the disks above */
	const char *const *disk_keys; /* files; each may open encrypted volumes of the guest */
	size_t n_disk_keys;
};

/* docs/guest.schema.json.  Runs nothing of the guest. */
COLDPATCH_API int coldpatch_image_inspect(struct coldpatch_session *session,
					  const struct coldpatch_image *image, char **ret_json,
					  struct coldpatch_error *err);

struct coldpatch_mirror_options {
	size_t size;
	const char *const *mirrors; /* directories; none: those of the configuration */
	size_t n_mirrors;
	const char *const *suites; /* none: all that are there */
	size_t n_suites;
	const char *const *keyrings; /* none: those of the configuration */
	size_t n_keyrings;
	const char *const *allow_digests; /* signed indexes (sha256, hex) that may be old or older
					     than seen before */
	size_t n_allow_digests;
	/* These are for mirrors on this list, not for those of the configuration. */
	const char *os_id, *os_version;	  /* whose they are, as os-release has it; NULL: as they say
					     themselves */
	const char *const *trust_digests; /* indexes that need no signature */
	size_t n_trust_digests;
	const char *const *trust_packages; /* package files that need none */
	size_t n_trust_packages;
	bool dry_run; /* say what would be taken and refused, and write nothing */
};

/* docs/mirror-snapshot.schema.json; with `dry_run`, docs/mirror-trial.schema.json, whose "code"
 * says whether something is refused. */
COLDPATCH_API int coldpatch_mirror_snapshot(struct coldpatch_session *session,
					    const struct coldpatch_mirror_options *options,
					    char **ret_json, struct coldpatch_error *err);
COLDPATCH_API int coldpatch_mirror_verify(struct coldpatch_session *session, const char *snapshot,
					  char **ret_json, struct coldpatch_error *err);
COLDPATCH_API int coldpatch_mirror_list(struct coldpatch_session *session, char **ret_json,
					struct coldpatch_error *err);

struct coldpatch_want_options {
	size_t size;
	const struct coldpatch_image *images;
	size_t n_images;
	const char *patchset; /* whose updates are wanted; NULL: all */
	const char *output;   /* file to write; must not exist; NULL: none */
};

/* What the guests in these images want to have brought into an air gap (docs/air-gap.md): {"want":
 * the text of the file, "images", "blocks", "packages": counts, "file"}. */
COLDPATCH_API int coldpatch_mirror_want(struct coldpatch_session *session,
					const struct coldpatch_want_options *options,
					char **ret_json, struct coldpatch_error *err);

struct coldpatch_fetch_options {
	size_t size;
	const char *directory;	  /* becomes, or is, a mirror */
	const char *const *wants; /* want files */
	size_t n_wants;
	/* http or https URLs, or directories, the first that has a suite gives it; or
	 * "mirrorlist=URL" and "metalink=URL", lists of the mirrors of a repository */
	const char *const *sources;
	size_t n_sources;
	const char *const *keyrings; /* none: those of the configuration */
	size_t n_keyrings;
	const char *const *allow_digests; /* as for a mirror snapshot */
	size_t n_allow_digests;
	const char *proxy;		  /* http URL; NULL: none */
	const char *const *trust_digests; /* as for a mirror snapshot */
	size_t n_trust_digests;
};

/* Brings what want files ask for into a directory.  The only call that opens network connections.
 * docs/fetch.schema.json. */
COLDPATCH_API int coldpatch_mirror_fetch(struct coldpatch_session *session,
					 const struct coldpatch_fetch_options *options,
					 char **ret_json, struct coldpatch_error *err);

struct coldpatch_plan_options {
	size_t size;
	const char *patchset; /* a path, or the name of one that ships with coldpatch */
	const char *snapshot; /* digest or a unique prefix; NULL: the newest in the store */
	const char *output;   /* coldpatch_image_plan writes what it returns there too, over a file
				 that is there; NULL: nowhere */
};

/* {"plan": docs/plan.schema.json, "fit": ..., "digest": ..., "code": 0|2}. */
COLDPATCH_API int coldpatch_image_plan(struct coldpatch_session *session,
				       const struct coldpatch_image *image,
				       const struct coldpatch_plan_options *options,
				       char **ret_json, struct coldpatch_error *err);

struct coldpatch_apply_options {
	size_t size;
	struct coldpatch_plan_options plan; /* ignored when plan_file is given */
	const char
		*plan_file; /* do exactly this plan (as coldpatch_image_plan gave it) or refuse */
	const char *const *outputs; /* the overlay to make for each disk; must not exist */
	size_t n_outputs;
	const char *record;	    /* the record to write; must not exist */
	const char *parent_record;  /* of the image, when it is an overlay of ours; NULL: none */
	const char *key;	    /* private key (PEM); NULL: the configuration's */
	const char *executor;	    /* "auto", "sandbox", "appliance"; NULL: the configuration's */
	const char *actor, *reason; /* recorded as claimed */
	unsigned deadline_s;	    /* for the guest's package manager; 0: the default, 3600 */
	bool dry_run;
	bool boot_test; /* boot a throw-away overlay to its login prompt before anything becomes
			   visible */
};

/* {"run", "image", "changed", "failed", "code", "msg", "plan", "layer", "record", "outputs",
 * "warnings", "timings", ...}.  Timings are in milliseconds, by the stage that progress names. */
COLDPATCH_API int coldpatch_image_apply(struct coldpatch_session *session,
					const struct coldpatch_image *image,
					const struct coldpatch_apply_options *options,
					char **ret_json, struct coldpatch_error *err);

struct coldpatch_verify_options {
	size_t size;
	const char *const *overlays; /* the disks of one generation */
	size_t n_overlays;
	const char *record;
	const char *const *parent_records; /* of the generations below, in any order */
	size_t n_parent_records;
	const char *const *public_keys; /* files; none: the configuration's */
	size_t n_public_keys;
	const char *const *backing;
	size_t n_backing;
};

/* {"findings": [{"status": "ok"|"bad"|"gap"|"note", "what", "object", "expected", "found"}],
 * "code": 0|1}. */
COLDPATCH_API int coldpatch_record_verify(struct coldpatch_session *session,
					  const struct coldpatch_verify_options *options,
					  char **ret_json, struct coldpatch_error *err);

struct coldpatch_generate_options {
	size_t size;
	const char *directory; /* NULL: the configuration's */
	const char *name;
	bool dry_run;
};
/* Makes NAME.key and NAME.pub in the directory; {"id", "private", "public"}.  With `dry_run` only
 * whether they could be made is looked at, and "id" is null. */
COLDPATCH_API int coldpatch_key_generate(struct coldpatch_session *session,
					 const struct coldpatch_generate_options *options,
					 char **ret_json, struct coldpatch_error *err);

/* The public keys of the configuration: {"keys": [{"name", "id", "file", "state": "active"|
 * "retired"|"revoked", "since", "signs", "good"}]}. */
COLDPATCH_API int coldpatch_key_list(struct coldpatch_session *session, char **ret_json,
				     struct coldpatch_error *err);

struct coldpatch_key_options {
	size_t size;
	const char *name; /* of a public key of the configuration: its file without .pub, or its id
			   */
	const char *good; /* revoke: a file with what coldpatch_library_log gave on a day when all
			     was well; NULL: nothing that the key signed is good */
	bool dry_run;
};
/* {"name", "id", "state", "changed", "files", "good"}.  A retired key signs nothing more; what it
 * signed stays good, up to the present heads of the session's library where there is one. */
COLDPATCH_API int coldpatch_key_retire(struct coldpatch_session *session,
				       const struct coldpatch_key_options *options, char **ret_json,
				       struct coldpatch_error *err);
COLDPATCH_API int coldpatch_key_revoke(struct coldpatch_session *session,
				       const struct coldpatch_key_options *options, char **ret_json,
				       struct coldpatch_error *err);

/*
 * The library (docs/library.md).  What changes it gives {"run", "image", "changed", "failed",
 * "code", "msg", "generation", "plan", "record"}; of several templates, "results" has one such
 * object for each, and "code" is COLDPATCH_SOME_FAILED when one of them failed.
 *
 * A "reference" is "NAME", the current generation, or "NAME@N".  `until` is a day, "YYYY-MM-DD", of
 * which all is meant (UTC), or a time from now on, "30d".
 */

/* Makes the library that the session names; {"library", "changed"}.  With `dry_run` nothing is
 * made, and "changed" says whether it would be. */
COLDPATCH_API int coldpatch_library_init(struct coldpatch_session *session, bool dry_run,
					 char **ret_json, struct coldpatch_error *err);

enum coldpatch_import_mode {
	COLDPATCH_IMPORT_REFERENCE, /* the files stay where they are */
	COLDPATCH_IMPORT_COPY,
	COLDPATCH_IMPORT_MOVE, /* a copy, and then the files are removed */
};

struct coldpatch_import_options {
	size_t size;
	const char *const *paths; /* the disks of one guest, or one directory of images */
	size_t n_paths;
	const char *const *backing; /* as of an image; bases of the library need not be named */
	size_t n_backing;
	const char *name; /* of the new template; NULL: as the first file is called */
	const char *into; /* a template that gets a new generation, instead */
	enum coldpatch_import_mode mode;
	const char *owner, *purpose, *review_by, *trust_domain; /* NULL: not said */
	const char *key, *actor, *reason;
	bool dry_run;
	const char *const *disk_keys; /* as of an image */
	size_t n_disk_keys;
};
COLDPATCH_API int coldpatch_library_import(struct coldpatch_session *session,
					   const struct coldpatch_import_options *options,
					   char **ret_json, struct coldpatch_error *err);

struct coldpatch_path_options {
	size_t size;
	const char *reference;
	const char *pin;   /* who needs the generation; NULL: nobody */
	const char *unpin; /* who does not need it any more, instead */
	bool dry_run;	   /* pins and unpins nothing; "pin" is NULL unless it is there already */
};
/* {"template", "generation", "disks": [PATH...], "pin"}.  The paths mean this generation for ever;
 * with `pin`, no prune takes it. */
COLDPATCH_API int coldpatch_template_path(struct coldpatch_session *session,
					  const struct coldpatch_path_options *options,
					  char **ret_json, struct coldpatch_error *err);
/* Ends the pins of `unpin` on the generation, or where the reference has no number, on all of the
 * template.  The summary of a changing verb, with "unpinned": [{"generation", "pin"}]. */
COLDPATCH_API int coldpatch_template_unpin(struct coldpatch_session *session,
					   const struct coldpatch_path_options *options,
					   char **ret_json, struct coldpatch_error *err);
struct coldpatch_clone_options {
	size_t size;
	const char *reference;
	const char *const *files; /* to make, one for each disk; must not exist */
	size_t n_files;
	bool dry_run;
};
/* Makes a linked clone and pins the generation; a summary, with "disks", "files" and "pin". */
COLDPATCH_API int coldpatch_template_clone(struct coldpatch_session *session,
					   const struct coldpatch_clone_options *options,
					   char **ret_json, struct coldpatch_error *err);
/* {"template", "owner", "purpose", "review_by", "trust_domain", "current", "hold", "generations",
 * "heads", "pins"} */
COLDPATCH_API int coldpatch_template_history(struct coldpatch_session *session, const char *name,
					     char **ret_json, struct coldpatch_error *err);

/* Of rollback, hold and unhold. */
struct coldpatch_head_options {
	size_t size;
	const char *const *names;
	size_t n_names;
	const char *run;   /* rollback: the templates that this run changed, instead of names */
	const char *to;	   /* rollback: the number of a generation; NULL: the one before */
	const char *until; /* rollback: of its hold against what it undoes; NULL: 30d */
	const char *key, *actor, *reason;
	bool dry_run;
};
COLDPATCH_API int coldpatch_template_rollback(struct coldpatch_session *session,
					      const struct coldpatch_head_options *options,
					      char **ret_json, struct coldpatch_error *err);
COLDPATCH_API int coldpatch_template_hold(struct coldpatch_session *session,
					  const struct coldpatch_head_options *options,
					  char **ret_json, struct coldpatch_error *err);
COLDPATCH_API int coldpatch_template_unhold(struct coldpatch_session *session,
					    const struct coldpatch_head_options *options,
					    char **ret_json, struct coldpatch_error *err);

struct coldpatch_export_options {
	size_t size;
	const char *reference;
	const char *output; /* must not exist; of several disks, DIR/NAME-diskN.SUFFIX each */
	const char *format; /* "qcow2", "raw", "vmdk"; NULL: qcow2 */
	const char *record; /* NULL: OUTPUT.sigstore.json */
	const char *key, *actor, *reason;
	bool dry_run;
};
/* One standalone file for each disk, and a signed record of them; also "outputs", and "files":
 * [{"sha256", "sha512", "content", "virtual_size"}]. */
COLDPATCH_API int coldpatch_template_export(struct coldpatch_session *session,
					    const struct coldpatch_export_options *options,
					    char **ret_json, struct coldpatch_error *err);

struct coldpatch_prune_options {
	size_t size;
	const char *const *names; /* none: all templates */
	size_t n_names;
	unsigned keep_last;	 /* generations that were current last; 0: not said */
	const char *keep_within; /* "90d": those that were current in this time; NULL: not said */
	const char *actor, *reason;
	bool dry_run;
};
/* Moves to the trash what neither rule keeps and nobody needs; without a rule, no generation.
 * docs/prune.schema.json. */
COLDPATCH_API int coldpatch_library_prune(struct coldpatch_session *session,
					  const struct coldpatch_prune_options *options,
					  char **ret_json, struct coldpatch_error *err);

struct coldpatch_relocate_options {
	size_t size;
	const char *digest; /* of a base: SHA-256, hex */
	const char *path;   /* where it lies now */
	const char *actor, *reason;
	bool dry_run;
};
COLDPATCH_API int coldpatch_base_relocate(struct coldpatch_session *session,
					  const struct coldpatch_relocate_options *options,
					  char **ret_json, struct coldpatch_error *err);

/* Without names, of all templates; docs/status.schema.json.  "code" is COLDPATCH_FOUND when
 * something is not as it should be. */
COLDPATCH_API int coldpatch_library_status(struct coldpatch_session *session,
					   const char *const *names, size_t n_names,
					   char **ret_json, struct coldpatch_error *err);

struct coldpatch_library_verify_options {
	size_t size;
	const char *const *names; /* references; none: the whole library */
	size_t n_names;
	const char *since; /* a file with what coldpatch_library_log gave on another day, as lines
			      "TEMPLATE HEAD DIGEST"; NULL: not asked */
	bool quick;	   /* reads no disk */
};
/* The findings of coldpatch_record_verify, of all that a library holds.  With `since`, also whether
 * the library only grew since that day. */
COLDPATCH_API int coldpatch_library_verify(struct coldpatch_session *session,
					   const struct coldpatch_library_verify_options *options,
					   char **ret_json, struct coldpatch_error *err);
/* What to keep elsewhere, so that later somebody can prove what was there: {"heads": [{"template",
 * "head", "digest"}]}, of all templates when none is named. */
COLDPATCH_API int coldpatch_library_log(struct coldpatch_session *session, const char *const *names,
					size_t n_names, char **ret_json,
					struct coldpatch_error *err);

#ifdef __cplusplus
}
#endif

#endif
