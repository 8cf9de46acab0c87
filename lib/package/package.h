/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Package families behind one interface.  To add one, write a directory beside deb/ that fills a
 * struct package_family and a struct package_manager, and name them in families.c and managers.c.
 *
 * A family reads a guest's package state, resolves what a patchset asks for against a mirror
 * snapshot, says what the runner must execute, and checks the result.  Only resolve needs a process
 * of its own (libraries with global state); the session sees to that.
 */
#ifndef COLDPATCH_PACKAGE_PACKAGE_H
#define COLDPATCH_PACKAGE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/monitor.h"
#include "fs/tree.h"
#include "guest/guest.h"
#include "mirror/mirror.h"

struct ownership;

/* One package that the plan changes. */
struct package_change {
	char *name, *architecture;
	char *from;		 /* installed version, or NULL: new */
	char *to;		 /* new version, or NULL: removed */
	char *source;		 /* source package name */
	char *origin;		 /* "Debian:bookworm-security", of the version to install */
	char *filename;		 /* in the mirror, relative */
	struct digest sha256;	 /* of the package file */
	uint64_t size;		 /* of the package file, bytes */
	uint64_t installed_size; /* of the new version, bytes, as the package says; 0 for a removal
				  */
	uint64_t old_installed_size;
	bool security;	/* an index marked security offers it */
	bool automatic; /* new, and only because something depends on it */
};

enum package_operation {
	PACKAGE_UNPACK,
	PACKAGE_CONFIGURE,
	PACKAGE_REMOVE,
	PACKAGE_INSTALL_BESIDE /* as unpack, but versions that are installed stay (kernels) */
};

/* In the order in which the package manager is to do them. */
struct package_step {
	enum package_operation operation;
	size_t change; /* index in changes */
};

/* A package that the patchset asks for and that stays as it is. */
struct package_left {
	char *name, *architecture, *installed, *candidate;
	char *reason; /* "held", "conflict", "would-remove", "not-on-mirror", "pinned", "depends" */
	char *detail; /* in words: which package, which version */
};

/* A file of the package manager's own bookkeeping as it is to be after the run (such as one that
 * says what was installed only as a dependency): nothing that the commands run writes it.  The
 * runner puts it there, owned by root, mode 0644, after the last command. */
struct package_file_write {
	char *path; /* absolute, in the guest */
	char *content;
};

struct resolution {
	struct package_change *changes; /* sorted by name, architecture */
	size_t n_changes;
	struct package_step *steps;
	size_t n_steps;
	struct package_left *left; /* sorted by name, architecture */
	size_t n_left;
	struct package_file_write *files; /* only those whose content changes */
	size_t n_files;
	/* The guest's administrator wants none of the documents that packages bring. */
	bool without_documents;
};
void resolution_free(struct resolution *resolution);
json_t *resolution_to_json(const struct resolution *resolution);
int resolution_from_json(const json_t *json, struct resolution *ret, struct error *err);

/* What a patchset asks a family to resolve. */
struct resolve_request {
	enum resolve_scope { RESOLVE_ALL, RESOLVE_SECURITY, RESOLVE_NAMED } scope;
	const char *const *names; /* RESOLVE_NAMED: packages to bring to the candidate version
				     (installed ones only) */
	size_t n_names;
	const char *const *holds; /* package holds: never changed; shell patterns */
	size_t n_holds;
	bool allow_removals;
	bool allow_new; /* new packages that an update needs */
};

/* A guest's package state, carried as files so that it can be handed to a process of its own. */
struct package_state {
	struct package_state_file {
		char *name; /* "status", "extended_states", ...: the family's own */
		struct buffer content;
	} * files;
	size_t n_files;
};
void package_state_free(struct package_state *state);
#define CLEANUP_PACKAGE_STATE __attribute__((cleanup(package_state_free)))
/* A new file of the state, to be filled. */
struct buffer *package_state_add(struct package_state *state, const char *name);
const struct buffer *package_state_file(const struct package_state *state, const char *name);
void package_state_digest(const struct package_state *state, struct digest *ret);

/* One command for the runner, inside the guest. */
struct package_command {
	char *stage;	   /* "unpack", "configure", "remove", "finish": for progress and the log */
	char **argv;	   /* NULL-terminated */
	size_t n_packages; /* that it works on; 0: it finds out by itself */
	/* What read_status understands is among its output, too. */
	bool status_in_output;
	/* Files of packages are renamed over, or removed: nothing may be mounted there. */
	bool unpacks, removes;
	/* It sets owner and mode of every directory of a package, /proc and /sys among them. */
	bool sets_mount_points;
};
struct package_commands {
	struct package_command *items;
	size_t n_items;
	struct package_file_write *files; /* to be written after the last command */
	size_t n_files;
};
void package_commands_free(struct package_commands *commands);

/* What one line that the package manager says while it works means: `package` is at its turn, or,
 * with a message, has failed; or went on with something gone wrong (a warning).  A failure may name
 * its package (NULL) only in a later line.  Both NULL: nothing of the kind. */
struct package_event {
	const char *package, *message; /* into the line */
	bool warning;
	/* A failure that counts only where no other is said, and then the last of them.  One that
	 * begins with a blank goes on with the one before, if that ends in a colon. */
	bool general;
};

/* Where scripts of packages are known to write files that no package lists. */
struct package_place {
	const char *pattern; /* shell pattern; '*' matches '/' too */
	const char *why;
};

/* A file that must be in the guest while the commands run, and not after it. */
struct package_run_file {
	const char *path, *content;
	unsigned mode;
};

/* What packages are to others than their family.  One may be several things. */
enum package_role {
	PACKAGE_KERNEL,
	PACKAGE_BOOT_LOADER,
	PACKAGE_BOOT_TOOLS, /* programs that look for or write boot code */
	PACKAGE_DATABASE_SERVER,
	PACKAGE_INITRAMFS_MAKER,
	PACKAGE_IN_INITRAMFS, /* with it the initramfs of every kernel is made again */
	PACKAGE_C_LIBRARY,
	PACKAGE_BOOKKEEPER, /* keeps a history of what it did itself, which nobody else writes */
	PACKAGE_ROLES
};

/* What is known of a family.  It needs no library: what only asks for this is linked without those
 * of the managers, and starts three times as fast. */
struct package_family {
	const char *name;	 /* "deb" */
	const char *layout;	 /* of the mirrors that it reads (mirror/layout.h) */
	const char *database;	 /* the file by which it is known, for messages */
	const char *file_suffix; /* of its package files: ".deb" */
	const char *purl_type;	 /* its type in Package URLs (purl-spec) */
	bool purl_lower_name;	 /* that type has names in lower case */
	/* Systems that use it, by the words of ID and ID_LIKE in os-release. */
	const char *const *systems; /* NULL-terminated */
	/* Places of this family's scripts; those of any family are not among them. */
	const struct package_place *expected; /* ends with a NULL pattern */
	/* How files are called that the package manager leaves beside one of the
	 * administrator's. */
	const char *const *kept_suffixes; /* NULL-terminated */
	/* How files are called that it puts beside a package's own, as copies of them. */
	const char *const *spare_names; /* NULL-terminated shell patterns */
	/* Directories of files that the package manager opens for reading and, while they are
	 * open, for writing: where the view copies on writing, that would be two files.  NULL:
	 * none. */
	const char *const *copied_up; /* NULL-terminated */
	/* Files that keep scripts from what an image that is switched off cannot do. */
	const struct package_run_file *run_files; /* ends with a NULL path */
	/* Which packages have which role: NULL-terminated shell patterns of names. */
	const char *const *roles[PACKAGE_ROLES];
	/* Environment that a run needs beside what lib/run always sets. */
	const char *const *environment; /* NULL-terminated "NAME=value" */
};

/* What is read, resolved and checked as a family's package manager does, and how to run that. */
struct package_manager {
	const struct package_family *family;
	/* 1 when the tree has this family's database, 0 when not, -1 on error. */
	int (*detect)(struct tree *tree, struct error *err);
	/* Fills guest->packages and adds blockers; *ret_state is what resolve and verify read.
	 * Untrusted input. */
	int (*read_state)(struct tree *tree, struct guest *guest, struct package_state *ret_state,
			  struct error *err);
	/* A pure function of its inputs.  Call it in a process of its own.  `work_dir` is a cache
	 * for this mirror snapshot (absolute; made when absent; may be shared by concurrent
	 * processes): what it holds makes the next call faster and never changes the result. */
	int (*resolve)(const struct package_state *state, const struct guest *guest,
		       const struct mirror_snapshot *snapshot,
		       const struct resolve_request *request, const char *work_dir,
		       struct resolution *ret, struct error *err);
	/* What the runner is to execute; package files will lie at `package_dir`, called as
	 * package_file_name says.  Lines written to the descriptor `status_fd`, or to the output
	 * where a command says so, come to read_status. */
	int (*commands)(const struct resolution *resolution, const char *package_dir, int status_fd,
			struct package_commands *ret, struct error *err);
	/* One such line, cut in place.  Untrusted input. */
	void (*read_status)(char *line, struct package_event *ret);
	/* Compares the state after the run with the plan's end state: ERROR_GUEST names the first
	 * difference. */
	int (*verify)(const struct package_state *before, const struct package_state *after,
		      const struct resolution *resolution, struct error *err);
	/* The regular files that a package file brings, with the SHA-256 of their content, from the
	 * verified package file. */
	int (*payload)(const char *package_path,
		       int (*each)(void *opaque, const char *path, const struct digest *sha256,
				   bool config, struct error *err),
		       void *opaque, struct error *err);
	/* Tells the ownership (package/ownership.h) which paths the database says belong to
	 * packages, and what moves or leaves out some of them.  Untrusted input. */
	int (*read_ownership)(struct tree *tree, struct ownership *ownership, struct error *err);
};
/* NULL: the family is not in the table. */
const struct package_manager *package_manager_of(const struct package_family *family);

/* The family of a guest (detect.c), or NULL with ERROR_IMAGE when no known database is there, or
 * not the one that goes with what os-release says. */
const struct package_family *package_family_detect(struct tree *tree, const struct guest_os *os,
						   struct error *err);
const struct package_family *package_family_by_name(const char *name); /* NULL: unknown */

/* By which a mirror's sources are found that are for this guest; borrows from it. */
struct mirror_guest package_mirror_guest(const struct guest *guest);

/* Does a package of this name have the role?  Not where the family is NULL. */
bool package_has_role(const struct package_family *family, const char *name,
		      enum package_role role);

/* How the package file of a change is called in a run's package directory: "NAME_VERSION_ARCH" and
 * the family's suffix, safe as a file name. */
char *package_file_name(const struct package_family *family, const struct package_change *change);

#endif
