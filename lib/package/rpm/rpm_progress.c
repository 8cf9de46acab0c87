/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rpm says while it works; it has no form for programs.  With -v, a package's whole name on a
 * line of its own is at its turn.  Failures and their like (lib/rpmscript.c, lib/rpmprob.c of rpm):
 *
 *     error: %pre(httpd-2.4.57-5.el9.x86_64) scriptlet failed, exit status 1
 *     warning: %post(httpd-2.4.57-5.el9.x86_64) scriptlet failed, exit status 1
 *     error: lua script failed: [string "%pretrans(httpd-2.4.57-5.el9.x86_64)"]:1: no such file
 *     error: unpacking of archive failed on file /usr/sbin/httpd: cpio: rename
 *     error: bind-32:9.16.23-14.el9.x86_64: install failed
 *     <tab>libssl.so.10()(64bit) is needed by (installed) openssl-1.0.2k-16.el7.x86_64
 *     <tab>file /etc/x from install of a-2-1.noarch conflicts with file from package b-1-1.noarch
 *
 * Scripts' own words are among them: nothing depends on what is understood here but what a message
 * says, and the progress.
 */
#include <string.h>

#include "package/rpm/rpm.h"

enum { KIND_LIMIT = 64 };

static char *after(char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0 ? line + strlen(prefix) : NULL;
}

/* Is there a colon only behind the number that begins the version, which ends at `release`? */
static bool has_epoch_or_none(const char *word, const char *release)
{
	const char *colon = strchr(word, ':'), *version = release;

	if (!colon)
		return true;
	while (version > word && version[-1] != '-')
		version--;
	return colon > version && colon == version + strspn(version, "0123456789") &&
	       !strchr(colon + 1, ':');
}

/* NAME-[EPOCH:]VERSION-RELEASE.ARCHITECTURE, and nothing else */
static bool is_package(const char *word)
{
	const char *first = strchr(word, '-'), *last = strrchr(word, '-');

	return first != last && first != word && strchr(last, '.') && !strpbrk(word, " \t/%()") &&
	       has_epoch_or_none(word, last);
}

/* "%pre(PACKAGE) scriptlet failed, ...", which becomes "PACKAGE" and "%pre scriptlet failed, ...".
 */
static bool read_script(char *words, struct package_event *ret)
{
	char *open = strchr(words, '('), *close = open ? strchr(open, ')') : NULL;
	size_t kind_len = open ? (size_t)(open - words) : 0, name_len;
	char kind[KIND_LIMIT];

	if (*words != '%' || !close || kind_len > sizeof kind ||
	    !after(close, ") scriptlet failed"))
		return false;
	memcpy(kind, words, kind_len);
	name_len = (size_t)(close - open) - 1;
	memmove(words, open + 1, name_len);
	words[name_len] = '\0';
	ret->package = words;
	/* One byte of the two parentheses is left between them. */
	ret->message = memcpy(words + name_len + 2, kind, kind_len);
	return true;
}

/* What a script in Lua says that fails behind the fact, and so stops nothing: `[string
 * "%post(PACKAGE)"]:WHY` becomes "PACKAGE" and "%post Lua script failed: WHY", which is no longer.
 */
static bool read_lua(char *words, struct package_event *ret)
{
	static const char begin[] = "lua script failed: [string \"",
			  end[] = ")\"]:", said[] = " Lua script failed: ";
	char *kind = after(words, begin), *open = kind ? strchr(kind, '(') : NULL;
	char *close = open ? strstr(open, end) : NULL, *message;
	size_t kind_len = open ? (size_t)(open - kind) : 0, name_len;
	char kept[KIND_LIMIT];

	if (!close || *kind != '%' || kind_len > sizeof kept || after(kind, "%pre"))
		return false;
	memcpy(kept, kind, kind_len);
	name_len = (size_t)(close - open) - 1;
	memmove(words, open + 1, name_len);
	words[name_len] = '\0';
	message = words + name_len + 1;
	memmove(message + kind_len + sizeof said - 1, close + sizeof end - 1,
		strlen(close + sizeof end - 1) + 1);
	memcpy(message, kept, kind_len);
	memcpy(message + kind_len, said, sizeof said - 1);
	*ret = (struct package_event){.package = words, .message = message, .warning = true};
	return true;
}

/* The line after these names the package, but says no more than that it was skipped. */
static bool says_why(char *words)
{
	return after(words, "unpacking of archive failed") ||
	       after(words, "lua script failed: [string \"%pre");
}

static bool read_failure(char *words, struct package_event *ret)
{
	char *colon = strstr(words, ": ");

	if (says_why(words)) {
		ret->message = words;
		return true;
	}
	if (!colon)
		return false;
	*colon = '\0';
	if (!is_package(words))
		return false;
	ret->package = words;
	ret->message = colon + 2;
	return true;
}

/* Why a transaction is not even begun: "PREFIX LEFT MARKER RIGHT".  With a `cut`, RIGHT is the
 * package and the message is LEFT and so much of the marker; without, LEFT is the package. */
static const struct {
	const char *prefix, *marker;
	size_t cut;
} problems[] = {
	{"", " is needed by (installed) ", sizeof " is needed" - 1},
	{"", " is needed by ", sizeof " is needed" - 1},
	{"file ", " conflicts with file from package ", sizeof " conflicts with file" - 1},
	{"installing package ", " needs ", 0},
	{"package ", " is already installed", 0},
	{"", " is obsoleted by ", 0},
	{"", " conflicts with ", 0},
};

static bool read_problem(char *words, struct package_event *ret)
{
	for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
		char *left = after(words, problems[i].prefix);
		char *marker = left ? strstr(left, problems[i].marker) : NULL;

		if (!marker)
			continue;
		if (problems[i].cut) {
			ret->package = marker + strlen(problems[i].marker);
			ret->message = words;
			marker[problems[i].cut] = '\0';
		} else {
			ret->package = left;
			ret->message = marker + 1;
			*marker = '\0';
		}
		return true;
	}
	return false;
}

void rpm_read_status(char *line, struct package_event *ret)
{
	char *words;

	*ret = (struct package_event){0};
	if ((words = after(line, "error: ")) != NULL) {
		if (!read_script(words, ret) && !read_lua(words, ret))
			read_failure(words, ret);
	} else if ((words = after(line, "warning: ")) != NULL) {
		ret->warning = read_script(words, ret);
	} else if ((words = after(line, "\t")) != NULL) {
		read_problem(words, ret);
	} else if (is_package(line)) {
		ret->package = line;
	}
}
