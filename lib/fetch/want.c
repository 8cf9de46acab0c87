/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/want.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "fetch/layout.h"
#include "fetch/want_words.h"

void want_guest_free(struct want_guest *guest)
{
	free(guest->layout);
	free(guest->os_id);
	free(guest->os_version);
	free(guest->codename);
	strings_free(guest->architectures, guest->n_architectures);
	strings_free(guest->suites, guest->n_suites);
	strings_free(guest->names, guest->n_names);
	for (size_t i = 0; i < guest->n_packages; i++) {
		free(guest->packages[i].name);
		free(guest->packages[i].version);
		free(guest->packages[i].architecture);
	}
	free(guest->packages);
	*guest = (struct want_guest){0};
}

void want_free(struct want *want)
{
	for (size_t i = 0; i < want->n_guests; i++)
		want_guest_free(&want->guests[i]);
	free(want->guests);
	*want = (struct want){0};
}

/* ---- from a guest ---- */

/* The pockets of a release.  Security updates may need something of the release itself; what they
 * never need is the pocket of other updates. */
static void add_suites(struct want_guest *want)
{
	if (strcmp(want->layout, FETCH_APT) != 0)
		return;
	*ARRAY_ADD(want->suites, want->n_suites) = xstrdup(want->codename);
	*ARRAY_ADD(want->suites, want->n_suites) = xasprintf("%s-security", want->codename);
	if (want->scope != RESOLVE_SECURITY)
		*ARRAY_ADD(want->suites, want->n_suites) = xasprintf("%s-updates", want->codename);
}

static int check(const char *word, bool (*is_fit)(const char *word), const char *what,
		 struct error *err)
{
	if (is_fit(word))
		return 0;
	return error_set(err, ERROR_IMAGE,
			 "\"%s\" is no %s that can be asked for, so nothing is asked for", word,
			 what);
}

/* By what its updates are found. */
static const char *missing_of(const struct guest_os *os, const char *layout)
{
	if (!os->id)
		return "ID";
	if (strcmp(layout, FETCH_APT) == 0)
		return os->codename ? NULL : "VERSION_CODENAME";
	return os->version_id ? NULL : "VERSION_ID";
}

static int take_system(const struct guest *guest, struct want_guest *want, struct error *err)
{
	const struct guest_os *os = &guest->os;
	const char *missing = missing_of(os, want->layout);
	bool by_codename = strcmp(want->layout, FETCH_APT) == 0;

	if (missing)
		return error_set(err, ERROR_IMAGE,
				 "its os-release says no %s, by which its updates are found",
				 missing);
	if (check(os->id, want_is_word, "distribution", err) < 0 ||
	    (by_codename && check(os->codename, want_is_word, "code name", err) < 0) ||
	    (os->version_id && check(os->version_id, want_is_word, "release number", err) < 0))
		return -1;
	want->os_id = xstrdup(os->id);
	want->codename = by_codename ? xstrdup(os->codename) : NULL;
	want->os_version = os->version_id ? xstrdup(os->version_id) : NULL;
	return 0;
}

static int take_architectures(const struct guest_packages *packages, struct want_guest *want,
			      struct error *err)
{
	for (size_t i = 0; i <= packages->n_foreign_architectures; i++) {
		const char *name =
			i ? packages->foreign_architectures[i - 1] : packages->architecture;

		if (check(name, want_is_word, "architecture", err) < 0)
			return -1;
		*ARRAY_ADD(want->architectures, want->n_architectures) = xstrdup(name);
	}
	return 0;
}

/* A package without a version was never unpacked. */
static int take_packages(const struct guest_packages *packages, struct want_guest *want,
			 struct error *err)
{
	for (size_t i = 0; i < packages->n_installed; i++) {
		const struct guest_package *package = &packages->installed[i];

		if (!*package->version)
			continue;
		if (check(package->name, want_is_package, "name of a package", err) < 0 ||
		    check(package->version, want_is_version, "version", err) < 0 ||
		    check(package->architecture, want_is_word, "architecture", err) < 0)
			return -1;
		*ARRAY_ADD(want->packages, want->n_packages) = (struct want_package){
			.name = xstrdup(package->name),
			.version = xstrdup(package->version),
			.architecture = xstrdup(package->architecture),
		};
	}
	return 0;
}

static int take_patchset(const struct guest *guest, const struct patchset *patchset,
			 struct want_guest *want, struct error *err)
{
	if (!patchset)
		return 0;
	if (patchset_check_guest(patchset, guest->os.id, guest->os.version_id, err) < 0)
		return -1;
	want->scope = patchset->scope;
	for (size_t i = 0; patchset->scope == RESOLVE_NAMED && i < patchset->n_packages; i++) {
		if (!want_is_package(patchset->packages[i]))
			return error_set(err, ERROR_CONFIG,
					 "patchset %s: \"%s\" is not the name of a package",
					 patchset->name, patchset->packages[i]);
		*ARRAY_ADD(want->names, want->n_names) = xstrdup(patchset->packages[i]);
	}
	return 0;
}

static int take_guest(const struct guest *guest, const struct patchset *patchset,
		      struct want_guest *want, struct error *err)
{
	const struct mirror_guest mirrored = package_mirror_guest(guest);

	if (!mirrored.layout)
		return error_set(err, ERROR_IMAGE, "its packages are of no family that is known");
	want->layout = xstrdup(mirrored.layout);
	if (take_patchset(guest, patchset, want, err) < 0 || take_system(guest, want, err) < 0 ||
	    take_architectures(&guest->packages, want, err) < 0)
		return -1;
	add_suites(want);
	return take_packages(&guest->packages, want, err);
}

int want_add(struct want *want, const struct guest *guest, const struct patchset *patchset,
	     struct error *err)
{
	struct want_guest wanted = {0};

	if (take_guest(guest, patchset, &wanted, err) < 0) {
		want_guest_free(&wanted);
		return -1;
	}
	*ARRAY_ADD(want->guests, want->n_guests) = wanted;
	return 0;
}

/* ---- into text ---- */

static int by_package(const void *a, const void *b)
{
	const struct want_package *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = strcmp(x->architecture, y->architecture);
	return order ? order : strcmp(x->version, y->version);
}

static void sort_strings(char **strings, size_t n)
{
	if (n > 1)
		qsort(strings, n, sizeof *strings, strings_compare);
}

/* The first architecture is the guest's own. */
static void sort_guest(struct want_guest *guest)
{
	if (guest->n_architectures > 2)
		sort_strings(guest->architectures + 1, guest->n_architectures - 1);
	sort_strings(guest->suites, guest->n_suites);
	sort_strings(guest->names, guest->n_names);
	if (guest->n_packages > 1)
		qsort(guest->packages, guest->n_packages, sizeof *guest->packages, by_package);
}

static void put_words(struct buffer *text, const char *key, char *const *words, size_t n)
{
	buffer_puts(text, key);
	for (size_t i = 0; i < n; i++)
		buffer_printf(text, " %s", words[i]);
	buffer_putc(text, '\n');
}

static char *block_of(const struct want_guest *guest)
{
	static const char *const updates[] = {[RESOLVE_ALL] = "update all",
					      [RESOLVE_SECURITY] = "update security",
					      [RESOLVE_NAMED] = "update named"};
	struct buffer text = {0};

	buffer_printf(&text, "release %s %s %s\n", guest->os_id,
		      guest->os_version ? guest->os_version : "-",
		      guest->codename ? guest->codename : "-");
	if (strcmp(guest->layout, FETCH_APT) != 0)
		buffer_printf(&text, "layout %s\n", guest->layout);
	put_words(&text, "architectures", guest->architectures, guest->n_architectures);
	if (guest->n_suites)
		put_words(&text, "suites", guest->suites, guest->n_suites);
	put_words(&text, updates[guest->scope], guest->names, guest->n_names);
	for (size_t i = 0; i < guest->n_packages; i++)
		buffer_printf(&text, "package %s %s %s\n", guest->packages[i].name,
			      guest->packages[i].version, guest->packages[i].architecture);
	return buffer_steal(&text);
}

struct block {
	char *text;
	struct want_guest guest;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct block *)a)->text, ((const struct block *)b)->text);
}

static struct block *sorted_blocks(struct want *want)
{
	struct block *blocks = xcalloc(want->n_guests, sizeof *blocks);

	for (size_t i = 0; i < want->n_guests; i++) {
		sort_guest(&want->guests[i]);
		blocks[i] = (struct block){block_of(&want->guests[i]), want->guests[i]};
	}
	if (want->n_guests)
		qsort(blocks, want->n_guests, sizeof *blocks, by_text);
	return blocks;
}

/* Sorts and thins the blocks; their texts are added to `text`, if there is one. */
static void settle(struct want *want, struct buffer *text)
{
	struct block *blocks = sorted_blocks(want);
	const char *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < want->n_guests; i++) {
		if (last && strcmp(last, blocks[i].text) == 0) {
			want_guest_free(&blocks[i].guest);
			continue;
		}
		last = blocks[i].text;
		want->guests[n++] = blocks[i].guest;
		if (text)
			buffer_printf(text, "\n%s", last);
	}
	for (size_t i = 0; i < want->n_guests; i++)
		free(blocks[i].text);
	free(blocks);
	want->n_guests = n;
}

void want_settle(struct want *want)
{
	settle(want, NULL);
}

char *want_to_text(struct want *want)
{
	struct buffer text = {0};

	buffer_puts(&text, WANT_FIRST_LINE "\n");
	settle(want, &text);
	return buffer_steal(&text);
}
