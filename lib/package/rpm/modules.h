/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Module streams (modulemd documents, "modules" of repomd): packages that belong together, in
 * several streams of which a system has at most one.  libmodulemd reads the YAML, which takes it a
 * while; what is needed of it is kept as lines of text.
 */
#ifndef COLDPATCH_PACKAGE_RPM_MODULES_H
#define COLDPATCH_PACKAGE_RPM_MODULES_H

#include <stdio.h>

#include "package/package.h"

/* One build of a stream. */
struct rpm_stream {
	char *module, *stream, *version, *architecture;
	char **requires; /* each one module: "MODULE", "MODULE:STREAM", "MODULE:S1,S2", and with "-"
			    in front of a stream the one that it must not be */
	size_t n_requires;
	char **artifacts; /* "NAME-EPOCH:VERSION-RELEASE.ARCH" */
	size_t n_artifacts;
	char **demodularized; /* names of packages that no longer are of the module */
	size_t n_demodularized;
	bool active; /* for others to say */
};

struct rpm_default {
	char *module, *stream; /* stream "": none is the default */
};

struct rpm_modules {
	struct rpm_stream *streams;
	size_t n_streams;
	struct rpm_default *defaults;
	size_t n_defaults;
};
void rpm_modules_free(struct rpm_modules *modules);
#define CLEANUP_RPM_MODULES __attribute__((cleanup(rpm_modules_free)))

/* modules_yaml.c: the lines of a YAML document.  0, or -1 with a reason, allocated. */
int rpm_modules_convert(FILE *yaml, FILE *to, char **ret_why);
/* Adds what the lines say, up to their end, which is said as well. */
void rpm_modules_add(struct rpm_modules *modules, FILE *lines);

/* What the guest says of a module, in /etc/dnf/modules.d. */
enum rpm_module_state { RPM_MODULE_UNKNOWN, RPM_MODULE_ENABLED, RPM_MODULE_DISABLED };
struct rpm_module_choice {
	char *module, *stream;
	enum rpm_module_state state;
};
struct rpm_module_choices {
	struct rpm_module_choice *items;
	size_t n_items;
};
void rpm_module_choices_read(const struct package_state *state, struct rpm_module_choices *ret);
void rpm_module_choices_free(struct rpm_module_choices *choices);
#define CLEANUP_RPM_MODULE_CHOICES __attribute__((cleanup(rpm_module_choices_free)))
/* NULL: the guest says nothing of it. */
const struct rpm_module_choice *rpm_module_choice_of(const struct rpm_module_choices *choices,
						     const char *module);

#endif
