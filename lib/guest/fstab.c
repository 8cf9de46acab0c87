/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/fstab.h"

#include <stdarg.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "guest/guest.h"

enum { MAX_ENTRIES = 512, MAX_WARNINGS = 32, MAX_FIELD = 4095, N_FIELDS = 4 };

static void __attribute__((format(printf, 2, 3))) warn(struct fstab *fstab, const char *fmt, ...)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char message[256];
	va_list ap;

	if (fstab->n_warnings >= MAX_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	buffer_puts(&text, message);
	*ARRAY_ADD(fstab->warnings, fstab->n_warnings) = buffer_steal(&text);
}

static bool is_octal(const char *s, const char *end)
{
	if (end - s < 3)
		return false;
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* The bytes of a field with `\040` undone; NULL when it is too long or holds a NUL. */
static char *field_of(const char *s, size_t len)
{
	CLEANUP_BUFFER struct buffer text = {0};
	const char *end = s + len;

	if (len > MAX_FIELD)
		return NULL;
	buffer_puts(&text, "");
	while (s < end) {
		char c = *s++;

		if (c == '\\' && is_octal(s, end)) {
			c = (char)((s[0] - '0') << 6 | (s[1] - '0') << 3 | (s[2] - '0'));
			s += 3;
		}
		if (c == '\0')
			return NULL;
		buffer_putc(&text, c);
	}
	return buffer_steal(&text);
}

/* An absolute path without empty components, or NULL when it has "." or ".." in it. */
static char *normalize(const char *path)
{
	CLEANUP_BUFFER struct buffer text = {0};

	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		if ((len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
			return NULL;
		buffer_putc(&text, '/');
		buffer_append(&text, path, len);
		path += len;
	}
	if (text.len == 0)
		buffer_putc(&text, '/');
	return buffer_steal(&text);
}

static void entry_free(struct fstab_entry *entry)
{
	free(entry->source);
	free(entry->target);
	free(entry->type);
	free(entry->options);
}

/* NULL when the entry is sound, else what is wrong with it. */
static const char *entry_finish(struct fstab_entry *entry)
{
	char *target;

	if (!entry->source || !entry->target || !entry->type || !entry->options)
		return "a field is too long or holds a NUL byte";
	if (strcmp(entry->type, "swap") == 0 || strcmp(entry->target, "none") == 0)
		return NULL;
	if (entry->target[0] != '/')
		return "the mount point is not an absolute path";
	target = normalize(entry->target);
	if (!target)
		return "the mount point has \".\" or \"..\" in it";
	free(entry->target);
	entry->target = target;
	return NULL;
}

static size_t split(const char *line, const char *end, const char *fields[], size_t lengths[])
{
	size_t n = 0;

	while (n < N_FIELDS) {
		const char *start;

		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		if (line == end)
			break;
		start = line;
		while (line < end && *line != ' ' && *line != '\t')
			line++;
		fields[n] = start;
		lengths[n++] = line - start;
	}
	return n;
}

static void parse_line(struct fstab *fstab, unsigned number, const char *line, const char *end)
{
	const char *fields[N_FIELDS], *problem;
	size_t lengths[N_FIELDS], n = split(line, end, fields, lengths);
	struct fstab_entry entry = {.line = number};

	if (n == 0 || fields[0][0] == '#')
		return;
	if (n < 3) {
		warn(fstab, "line %u: fewer than three fields", number);
		return;
	}
	entry.source = field_of(fields[0], lengths[0]);
	entry.target = field_of(fields[1], lengths[1]);
	entry.type = field_of(fields[2], lengths[2]);
	entry.options = n > 3 ? field_of(fields[3], lengths[3]) : xstrdup("defaults");
	problem = entry_finish(&entry);
	if (problem) {
		warn(fstab, "line %u: %s", number, problem);
		entry_free(&entry);
		return;
	}
	*ARRAY_ADD(fstab->entries, fstab->n_entries) = entry;
}

void fstab_parse(const char *buf, size_t len, struct fstab *ret)
{
	const char *end = buf + len;
	struct fstab fstab = {0};

	for (unsigned number = 1; buf < end; number++) {
		const char *newline = memchr(buf, '\n', end - buf);
		const char *stop = newline ? newline : end;

		if (fstab.n_entries == MAX_ENTRIES) {
			warn(&fstab, "line %u: more than %d entries, the rest is ignored", number,
			     MAX_ENTRIES);
			break;
		}
		if (stop > buf && stop[-1] == '\r')
			stop--;
		parse_line(&fstab, number, buf, stop);
		buf = newline ? newline + 1 : end;
	}
	*ret = fstab;
}

void fstab_free(struct fstab *fstab)
{
	for (size_t i = 0; i < fstab->n_entries; i++)
		entry_free(&fstab->entries[i]);
	free(fstab->entries);
	for (size_t i = 0; i < fstab->n_warnings; i++)
		free(fstab->warnings[i]);
	free(fstab->warnings);
	*fstab = (struct fstab){0};
}

bool fstab_has_option(const struct fstab_entry *entry, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = entry->options; at; at = strchr(at, ',')) {
		if (*at == ',')
			at++;
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

char *fstab_option_value(const struct fstab_entry *entry, const char *prefix)
{
	size_t len = prefix ? strlen(prefix) : 0;
	const char *at = prefix ? entry->options : NULL;

	for (; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, prefix, len) != 0)
			continue;
		at += len;
		at += strspn(at, "/");
		return xstrndup(at, strcspn(at, ","));
	}
	return NULL;
}

static bool is_below_one_of(const char *path, const char *const directories[])
{
	for (; *directories; directories++)
		if (path_is_below(path, *directories))
			return true;
	return false;
}

bool fstab_is_users(const struct fstab_entry *entry)
{
	static const char *const users[] = {"/home", "/mnt",	"/media", "/srv",
					    "/tmp",  "/export", NULL};

	return is_below_one_of(entry->target, users);
}

bool fstab_is_packages(const struct fstab_entry *entry)
{
	static const char *const places[] = {"/usr",  "/etc", "/boot",	"/opt",	  "/bin",
					     "/sbin", "/lib", "/lib32", "/lib64", NULL};
	static const char *const others[] = {"/usr/local", "/boot/efi", NULL};

	return (is_below_one_of(entry->target, places) &&
		!is_below_one_of(entry->target, others)) ||
	       strcmp(entry->target, "/var") == 0 || strcmp(entry->target, "/var/lib") == 0;
}

bool fstab_is_automatic(const struct fstab_entry *entry)
{
	return !fstab_has_option(entry, "noauto") || fstab_has_option(entry, "x-systemd.automount");
}

bool fstab_is_mounted(const struct fstab_entry *entry)
{
	return fstab_is_automatic(entry) || fstab_is_packages(entry) ||
	       guest_is_firmwares(entry->target);
}

static bool is_one_of(const char *word, const char *const words[])
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static bool is_device(const char *source)
{
	static const char *const tags[] = {"UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "/dev/"};

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (strncmp(source, tags[i], strlen(tags[i])) == 0)
			return true;
	return false;
}

static bool is_removable(const char *source)
{
	return strncmp(source, "/dev/sr", 7) == 0 || strncmp(source, "/dev/fd", 7) == 0 ||
	       strncmp(source, "/dev/cdrom", 10) == 0 || strncmp(source, "/dev/scd", 8) == 0 ||
	       strncmp(source, "/dev/dvd", 8) == 0;
}

bool fstab_is_local(const struct fstab_entry *entry)
{
	static const char *const foreign[] = {
		"swap", "iso9660", "udf",  "none", "ignore", "tmpfs", "proc", "sysfs",
		"nfs",	"nfs4",	   "cifs", "ceph", "gfs2",   "ocfs2", NULL,
	};

	return is_device(entry->source) && !is_removable(entry->source) &&
	       entry->target[0] == '/' && !is_one_of(entry->type, foreign) &&
	       !fstab_has_option(entry, "bind") && !fstab_has_option(entry, "rbind") &&
	       !fstab_has_option(entry, "_netdev");
}

bool fstab_is_cover(const struct fstab_entry *entry)
{
	static const char *const nothing[] = {"swap",  "iso9660", "udf",    "ignore",  "proc",
					      "sysfs", "devpts",  "cgroup", "cgroup2", NULL};
	static const char *const kernels[] = {"/proc", "/sys", "/dev", "/run", NULL};
	bool bind = fstab_has_option(entry, "bind") || fstab_has_option(entry, "rbind");

	return entry->target[0] == '/' && entry->target[1] && !fstab_is_local(entry) &&
	       !is_removable(entry->source) && !is_one_of(entry->type, nothing) &&
	       !is_below_one_of(entry->target, kernels) &&
	       (bind || strcmp(entry->type, "none") != 0);
}
