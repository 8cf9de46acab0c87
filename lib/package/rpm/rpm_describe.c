/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/memory.h"
#include "package/rpm/install_only.h"
#include "package/rpm/rpm.h"
#include "package/rpm/rules.h"

enum { MAX_ARCHITECTURES = 16 };

static bool is_noarch(const char *architecture)
{
	return strcmp(architecture, "noarch") == 0;
}

static bool is_word(const char *word)
{
	for (const char *c = word; *c; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '/')
			return false;
	return *word != '\0';
}

/* These become parts of file names and commands. */
static int check_words(const struct rpm_header *header, struct error *err)
{
	if (is_word(rpm_header_name(header)) && is_word(rpm_header_evr(header)) &&
	    is_word(rpm_header_architecture(header)))
		return 0;
	return error_set(err, ERROR_IMAGE, "\"%s\" \"%s\" \"%s\" is no package",
			 rpm_header_name(header), rpm_header_evr(header),
			 rpm_header_architecture(header));
}

static const char *architecture_of(const struct rpm_packages *installed, const char *name)
{
	for (size_t i = 0; i < installed->n_items; i++) {
		const char *arch = rpm_header_architecture(installed->items[i]);

		if (strcmp(rpm_header_name(installed->items[i]), name) == 0 && !is_noarch(arch))
			return arch;
	}
	return NULL;
}

/* Of a guest with two of them, the packages that there is one of tell which is its own. */
static int find_architecture(const struct rpm_packages *installed, struct guest_packages *packages,
			     struct error *err)
{
	static const char *const tell[] = {"rpm", "filesystem", "bash", "coreutils", "glibc"};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof tell / sizeof *tell && !found; i++)
		found = architecture_of(installed, tell[i]);
	if (!found)
		return error_set(err, ERROR_IMAGE,
				 "cannot tell the guest's architecture: neither rpm nor bash is "
				 "among its packages");
	packages->architecture = xstrdup(found);
	return 0;
}

static bool is_known(const struct guest_packages *packages, const char *architecture)
{
	if (is_noarch(architecture) || strcmp(packages->architecture, architecture) == 0)
		return true;
	for (size_t i = 0; i < packages->n_foreign_architectures; i++)
		if (strcmp(packages->foreign_architectures[i], architecture) == 0)
			return true;
	return false;
}

static int find_foreign(const struct rpm_packages *installed, struct guest_packages *packages,
			struct error *err)
{
	for (size_t i = 0; i < installed->n_items; i++) {
		const char *architecture = rpm_header_architecture(installed->items[i]);

		if (is_known(packages, architecture))
			continue;
		if (packages->n_foreign_architectures == MAX_ARCHITECTURES)
			return error_set(err, ERROR_IMAGE,
					 "packages of more than %d architectures are installed",
					 MAX_ARCHITECTURES);
		*ARRAY_ADD(packages->foreign_architectures, packages->n_foreign_architectures) =
			xstrdup(architecture);
	}
	if (packages->n_foreign_architectures)
		qsort(packages->foreign_architectures, packages->n_foreign_architectures,
		      sizeof *packages->foreign_architectures, strings_compare);
	return 0;
}

static int compare_packages(const void *a, const void *b)
{
	const struct guest_package *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	if (order == 0)
		order = strcmp(left->architecture, right->architecture);
	return order ? order : rpm_evr_compare(left->version, right->version);
}

static int list_packages(const struct rpm_packages *installed, struct guest_packages *packages,
			 struct error *err)
{
	for (size_t i = 0; i < installed->n_items; i++) {
		const struct rpm_header *header = installed->items[i];

		if (check_words(header, err) < 0)
			return -1;
		*ARRAY_ADD(packages->installed, packages->n_installed) = (struct guest_package){
			.name = xstrdup(rpm_header_name(header)),
			.architecture = xstrdup(rpm_header_architecture(header)),
			.version = xstrdup(rpm_header_evr(header)),
		};
	}
	qsort(packages->installed, packages->n_installed, sizeof *packages->installed,
	      compare_packages);
	return 0;
}

/* Sorted names of those of which several may be there; borrowed from the headers. */
static const char **install_only(const struct rpm_packages *installed,
				 const struct rpm_rules *rules, size_t *ret_n)
{
	const char **names = NULL;
	size_t n = 0;

	for (size_t i = 0; i < installed->n_items; i++)
		if (rpm_is_install_only(installed->items[i], rules))
			*ARRAY_ADD(names, n) = rpm_header_name(installed->items[i]);
	if (n)
		qsort(names, n, sizeof *names, strings_compare);
	*ret_n = n;
	return names;
}

static void find_duplicates(const struct rpm_packages *installed, const struct rpm_rules *rules,
			    struct guest *guest)
{
	struct guest_packages *packages = &guest->packages;
	size_t n;
	CLEANUP_FREE const char **several = install_only(installed, rules, &n);

	for (size_t i = 1; i < packages->n_installed; i++) {
		const struct guest_package *one = &packages->installed[i - 1], *two = one + 1;

		if (strcmp(one->name, two->name) != 0 ||
		    strcmp(one->architecture, two->architecture) != 0 ||
		    (n && bsearch(&one->name, several, n, sizeof *several, strings_compare)))
			continue;
		*ARRAY_ADD(packages->broken, packages->n_broken) =
			xasprintf("%s:%s installed as %s and as %s", one->name, one->architecture,
				  one->version, two->version);
	}
	if (packages->n_broken)
		guest_add_blocker(
			guest, "half-configured",
			"package %s (%zu of this kind): an update was interrupted; start "
			"the guest and finish it (yum-complete-transaction, or dnf remove "
			"--duplicates), or, if both are meant, name the package in its "
			"installonlypkgs",
			packages->broken[0], packages->n_broken);
}

static bool is_held(const struct guest_package *package, const struct rpm_rules *rules)
{
	const struct rpm_nevra nevra = {package->name, package->version, package->architecture};

	for (size_t i = 0; i < rules->n_items; i++) {
		const struct rpm_rule *rule = &rules->items[i];

		if (rule->kind == RPM_RULE_EXCLUDE && rpm_pattern_matches(rule->pattern, &nevra))
			return true;
		if (rule->kind == RPM_RULE_LOCK && rpm_pattern_names(rule->pattern, nevra.name))
			return true;
	}
	return rpm_rules_not_included(rules, &nevra) != NULL;
}

static void find_held(const struct rpm_rules *rules, struct guest_packages *packages)
{
	for (size_t i = 0; i < packages->n_installed; i++) {
		const struct guest_package *package = &packages->installed[i];

		if (is_held(package, rules))
			*ARRAY_ADD(packages->held, packages->n_held) =
				xasprintf("%s:%s", package->name, package->architecture);
	}
}

/* What may be locked must not be updated by mistake. */
static void check_locks(const struct rpm_rules *rules, struct guest *guest)
{
	if (rules->not_understood)
		guest_add_blocker(
			guest, "lock-not-understood",
			"the guest locks packages in a way that is not understood here "
			"(%s): write the lock as names or shell patterns, or take it away",
			rules->not_understood);
	if (rules->not_applied)
		guest_add_note(guest,
			       "%s has includepkgs, which is not applied: what else is there may "
			       "come, unless the mirror's configuration leaves it out",
			       rules->not_applied);
}

int rpm_state_describe(const struct package_state *state, struct guest *guest, struct error *err)
{
	CLEANUP_RPM_PACKAGES struct rpm_packages installed = {0};
	CLEANUP_RPM_RULES struct rpm_rules rules = {0};
	struct guest_packages *packages = &guest->packages;

	if (rpm_packages_read(state, &installed, err) < 0)
		return -1;
	if (installed.n_items == 0)
		return error_set(err, ERROR_IMAGE, "no package is installed");
	if (find_architecture(&installed, packages, err) < 0 ||
	    find_foreign(&installed, packages, err) < 0 ||
	    list_packages(&installed, packages, err) < 0)
		return -1;
	packages->family = xstrdup("rpm");
	rpm_rules_read(state, &rules);
	check_locks(&rules, guest);
	find_held(&rules, packages);
	find_duplicates(&installed, &rules, guest);
	package_state_digest(state, &packages->state);
	return 0;
}
