/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a want file: it comes from somewhere else, on a stick. */
#include <string.h>

#include "fetch/layout.h"
#include "fetch/want_words.h"

enum { MAX_GUESTS = 10000, MAX_WORDS = 1024, MAX_WORD = 256, MAX_LINE = 64 << 10 };

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_of(const char *word, const char *first, const char *characters)
{
	size_t len = strlen(word);

	return len > 0 && len < MAX_WORD && strchr(first, *word) && strspn(word, characters) == len;
}

bool want_is_word(const char *word)
{
	return is_of(word, LOWER UPPER DIGITS, LOWER UPPER DIGITS "+-._") && !strstr(word, "..");
}

bool want_is_package(const char *word)
{
	return is_of(word, LOWER UPPER DIGITS, LOWER UPPER DIGITS "+-._");
}

bool want_is_version(const char *word)
{
	return is_of(word, LOWER UPPER DIGITS, LOWER UPPER DIGITS "+-.:~^_");
}

struct line {
	size_t number;
	char *words[MAX_WORDS];
	size_t n_words;
};

static int wrong(const struct line *line, const char *why, struct error *err)
{
	return error_set(err, ERROR_CONFIG, "line %zu: %s", line->number, why);
}

/* `text` is changed: the words are parts of it. */
static int split(char *text, struct line *line, struct error *err)
{
	char *save = NULL;

	line->n_words = 0;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (line->n_words == MAX_WORDS)
			return wrong(line, "too many words", err);
		line->words[line->n_words++] = word;
	}
	return 0;
}

static int take_words(const struct line *line, size_t from, bool (*is_fit)(const char *word),
		      char ***ret, size_t *ret_n, struct error *err)
{
	if (*ret_n || line->n_words <= from)
		return wrong(line, *ret_n ? "said twice in one block" : "says nothing", err);
	for (size_t i = from; i < line->n_words; i++) {
		if (!is_fit(line->words[i]))
			return wrong(line, "a word that cannot be one", err);
		*ARRAY_ADD(*ret, *ret_n) = xstrdup(line->words[i]);
	}
	return 0;
}

static bool is_said_or_not(const char *word)
{
	return strcmp(word, "-") == 0 || want_is_word(word);
}

static int take_release(const struct line *line, struct want *want, struct error *err)
{
	struct want_guest *guest;

	if (line->n_words != 4 || !want_is_word(line->words[1]) ||
	    !is_said_or_not(line->words[2]) || !is_said_or_not(line->words[3]))
		return wrong(line, "not \"release DISTRIBUTION VERSION CODENAME\"", err);
	if (want->n_guests == MAX_GUESTS)
		return wrong(line, "too many blocks", err);
	guest = ARRAY_ADD(want->guests, want->n_guests);
	guest->os_id = xstrdup(line->words[1]);
	guest->os_version = strcmp(line->words[2], "-") ? xstrdup(line->words[2]) : NULL;
	guest->codename = strcmp(line->words[3], "-") ? xstrdup(line->words[3]) : NULL;
	guest->layout = xstrdup(FETCH_APT);
	return 0;
}

static int take_layout(const struct line *line, struct want_guest *guest, struct error *err)
{
	if (line->n_words != 2 || !fetch_layout_find(line->words[1]))
		return wrong(line, "not a layout that is known", err);
	free(guest->layout);
	guest->layout = xstrdup(line->words[1]);
	return 0;
}

static int take_update(const struct line *line, struct want_guest *guest, struct error *err)
{
	static const char *const scopes[] = {
		[RESOLVE_ALL] = "all", [RESOLVE_SECURITY] = "security"};

	if (line->n_words > 2 && strcmp(line->words[1], "named") == 0) {
		guest->scope = RESOLVE_NAMED;
		return take_words(line, 2, want_is_package, &guest->names, &guest->n_names, err);
	}
	for (size_t i = 0; line->n_words == 2 && i < sizeof scopes / sizeof *scopes; i++)
		if (strcmp(line->words[1], scopes[i]) == 0) {
			guest->scope = (enum resolve_scope)i;
			return 0;
		}
	return wrong(line, "not \"update all\", \"update security\" or \"update named PACKAGE...\"",
		     err);
}

static int take_package(const struct line *line, struct want_guest *guest, struct error *err)
{
	if (line->n_words != 4 || !want_is_package(line->words[1]) ||
	    !want_is_version(line->words[2]) || !want_is_word(line->words[3]))
		return wrong(line, "not \"package NAME VERSION ARCHITECTURE\"", err);
	if (guest->n_packages == GUEST_MAX_PACKAGES)
		return wrong(line, "too many packages in one block", err);
	*ARRAY_ADD(guest->packages, guest->n_packages) = (struct want_package){
		.name = xstrdup(line->words[1]),
		.version = xstrdup(line->words[2]),
		.architecture = xstrdup(line->words[3]),
	};
	return 0;
}

static int take_line(const struct line *line, struct want *want, struct error *err)
{
	struct want_guest *guest = want->n_guests ? &want->guests[want->n_guests - 1] : NULL;
	const char *key = line->words[0];

	if (strcmp(key, "release") == 0)
		return take_release(line, want, err);
	if (!guest)
		return wrong(line, "stands before the first \"release\"", err);
	if (strcmp(key, "layout") == 0)
		return take_layout(line, guest, err);
	if (strcmp(key, "architectures") == 0)
		return take_words(line, 1, want_is_word, &guest->architectures,
				  &guest->n_architectures, err);
	if (strcmp(key, "suites") == 0)
		return take_words(line, 1, want_is_word, &guest->suites, &guest->n_suites, err);
	if (strcmp(key, "update") == 0)
		return take_update(line, guest, err);
	if (strcmp(key, "package") == 0)
		return take_package(line, guest, err);
	return wrong(line, "not known", err);
}

static int read_line(const char *text, size_t len, struct line *line, struct want *want,
		     struct error *err)
{
	CLEANUP_FREE char *copy = NULL;

	if (len > MAX_LINE || memchr(text, '\0', len))
		return wrong(line, len > MAX_LINE ? "too long" : "holds a NUL byte", err);
	copy = xstrndup(text, len);
	if (line->number == 1) {
		if (strcmp(copy, WANT_FIRST_LINE) == 0)
			return 0;
		return wrong(line, "not \"" WANT_FIRST_LINE "\": no want file, or a newer one",
			     err);
	}
	if (split(copy, line, err) < 0)
		return -1;
	return line->n_words ? take_line(line, want, err) : 0;
}

static int read_lines(const char *text, size_t len, struct want *want, struct error *err)
{
	struct line line = {0};

	for (const char *at = text, *end = text + len; at < end || line.number == 0;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		line.number++;
		if (!newline)
			return wrong(&line, "the file is cut off, or empty", err);
		if (read_line(at, (size_t)(newline - at), &line, want, err) < 0)
			return -1;
		at = newline + 1;
	}
	return 0;
}

/* Without a code name there is nothing to find them by, either. */
static bool lacks_suites(const struct want_guest *guest)
{
	return strcmp(guest->layout, FETCH_APT) == 0 && (!guest->n_suites || !guest->codename);
}

static int check_blocks(const struct want *want, struct error *err)
{
	if (!want->n_guests)
		return error_set(err, ERROR_CONFIG, "nothing is wanted in it");
	for (size_t i = 0; i < want->n_guests; i++)
		if (!want->guests[i].n_architectures || lacks_suites(&want->guests[i]))
			return error_set(err, ERROR_CONFIG,
					 "block %zu lacks \"architectures\" or \"suites\"", i + 1);
	return 0;
}

int want_parse(const char *text, size_t len, struct want *want, struct error *err)
{
	CLEANUP_WANT struct want added = {0};

	if (read_lines(text ? text : "", len, &added, err) < 0 || check_blocks(&added, err) < 0)
		return -1;
	for (size_t i = 0; i < added.n_guests; i++)
		*ARRAY_ADD(want->guests, want->n_guests) = added.guests[i];
	added.n_guests = 0;
	return 0;
}
