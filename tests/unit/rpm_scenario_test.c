/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver cases of the rpm family: tests/scenario/rpm. */
#include <endian.h>
#include <rpm/header.h>
#include <rpm/rpmds.h>

#include "package/rpm/rpm.h"
#include "scenario.h"

/* A field with a list of capabilities, as a spec file has it. */
struct relation {
	const char *field, *element; /* of primary.xml */
	rpmTagVal name, flags, version;
};

static const struct relation relations[] = {
	{"Requires", "requires", RPMTAG_REQUIRENAME, RPMTAG_REQUIREFLAGS, RPMTAG_REQUIREVERSION},
	{"Provides", "provides", RPMTAG_PROVIDENAME, RPMTAG_PROVIDEFLAGS, RPMTAG_PROVIDEVERSION},
	{"Conflicts", "conflicts", RPMTAG_CONFLICTNAME, RPMTAG_CONFLICTFLAGS,
	 RPMTAG_CONFLICTVERSION},
	{"Obsoletes", "obsoletes", RPMTAG_OBSOLETENAME, RPMTAG_OBSOLETEFLAGS,
	 RPMTAG_OBSOLETEVERSION},
	{"Recommends", "recommends", RPMTAG_RECOMMENDNAME, RPMTAG_RECOMMENDFLAGS,
	 RPMTAG_RECOMMENDVERSION},
	{"Supplements", "supplements", RPMTAG_SUPPLEMENTNAME, RPMTAG_SUPPLEMENTFLAGS,
	 RPMTAG_SUPPLEMENTVERSION},
};

struct capability {
	const char *name, *version; /* version "": none */
	const char *sense;	    /* of primary.xml; NULL: none */
	uint32_t flags;
};

/* "libfoo >= 2"; rich ones are a name as a whole. */
static struct capability read_capability(char *text)
{
	static const struct {
		const char *spelling, *sense;
		uint32_t flags;
	} senses[] = {{">=", "GE", RPMSENSE_GREATER | RPMSENSE_EQUAL},
		      {"<=", "LE", RPMSENSE_LESS | RPMSENSE_EQUAL},
		      {"=", "EQ", RPMSENSE_EQUAL},
		      {">", "GT", RPMSENSE_GREATER},
		      {"<", "LT", RPMSENSE_LESS}};
	struct capability capability = {.name = text, .version = ""};
	char *save = NULL, *spelling, *version;

	if (*text == '(')
		return capability;
	capability.name = strtok_r(text, " ", &save);
	spelling = cut(&save, " ");
	version = cut(&save, " ");
	for (size_t i = 0; version && i < sizeof senses / sizeof *senses; i++)
		if (strcmp(spelling, senses[i].spelling) == 0) {
			capability.sense = senses[i].sense;
			capability.flags = senses[i].flags;
			capability.version = version;
			break;
		}
	return capability;
}

/* Calls `each` for every item of "FIELD: a, b >= 1"; fields are separated by semicolons. */
static void each_value(const char *fields, const char *field,
		       void (*each)(char *value, void *opaque), void *opaque)
{
	CLEANUP_FREE char *copy = xstrdup(fields);
	char *save = NULL;

	for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
		char *values, *inner = NULL;

		one += strspn(one, " ");
		values = strchr(one, ':');
		if (!values || strncmp(one, field, strlen(field)) != 0 ||
		    one + strlen(field) != values)
			continue;
		for (char *value = strtok_r(values + 1, ",", &inner); value;
		     value = strtok_r(NULL, ",", &inner))
			each(value + strspn(value, " "), opaque);
	}
}

static void take_string(char *value, void *opaque)
{
	free(*(char **)opaque);
	*(char **)opaque = xstrdup(value);
}

static char *field_of(const struct line *line, const char *field, const char *otherwise)
{
	char *value = xstrdup(otherwise);

	each_value(line->fields, field, take_string, &value);
	return value;
}

/* What is installed: a header as rpm keeps it. */

struct header_relation {
	Header header;
	const struct relation *relation;
};

static void put_capability(char *value, void *opaque)
{
	const struct header_relation *to = opaque;
	struct capability capability = read_capability(value);

	headerPutString(to->header, to->relation->name, capability.name);
	headerPutUint32(to->header, to->relation->flags, &capability.flags, 1);
	headerPutString(to->header, to->relation->version, capability.version);
}

static void put_file(char *value, void *opaque)
{
	char *base = strrchr(value, '/') + 1;
	CLEANUP_FREE char *directory = xstrndup(value, (size_t)(base - value));
	static uint32_t n;
	Header header = *(Header *)opaque;

	if (!headerIsEntry(header, RPMTAG_BASENAMES))
		n = 0;
	headerPutString(header, RPMTAG_BASENAMES, base);
	headerPutString(header, RPMTAG_DIRNAMES, directory);
	headerPutUint32(header, RPMTAG_DIRINDEXES, &n, 1);
	n++;
}

static void put_label(char *value, void *opaque)
{
	headerPutString(*(Header *)opaque, RPMTAG_MODULARITYLABEL, value);
}

struct evr {
	char *text;
	const char *version, *release;
	uint32_t epoch;
	bool has_epoch;
};

static struct evr cut_evr(const char *text)
{
	struct evr evr = {.text = xstrdup(text)};
	char *colon = strchr(evr.text, ':'), *dash;

	evr.has_epoch = colon != NULL;
	evr.epoch = colon ? (uint32_t)strtoul(evr.text, NULL, 10) : 0;
	evr.version = colon ? colon + 1 : evr.text;
	dash = strrchr(evr.text, '-');
	evr.release = dash ? dash + 1 : "1";
	if (dash)
		*dash = '\0';
	return evr;
}

static void put_identity(Header header, const struct line *line)
{
	struct evr evr = cut_evr(line->version);
	CLEANUP_FREE char *vendor = field_of(line, "Vendor", "Vendor of tests");
	CLEANUP_FREE char *provide = xasprintf("%s = %s", line->name, line->version);
	struct header_relation self = {header, &relations[1]};
	uint32_t size = 20480;

	headerPutString(header, RPMTAG_NAME, line->name);
	headerPutString(header, RPMTAG_VERSION, evr.version);
	headerPutString(header, RPMTAG_RELEASE, evr.release);
	if (evr.has_epoch)
		headerPutUint32(header, RPMTAG_EPOCH, &evr.epoch, 1);
	headerPutString(header, RPMTAG_ARCH, line->arch);
	headerPutString(header, RPMTAG_VENDOR, vendor);
	headerPutUint32(header, RPMTAG_SIZE, &size, 1);
	put_capability(provide, &self);
	free(evr.text);
}

static void installed(struct scenario *scenario, const struct line *line)
{
	Header header = headerNew();
	CLEANUP_FREE void *blob = NULL;
	unsigned size = 0;
	uint32_t length;

	put_identity(header, line);
	for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
		struct header_relation to = {header, &relations[i]};

		each_value(line->fields, relations[i].field, put_capability, &to);
	}
	each_value(line->fields, "Files", put_file, &header);
	each_value(line->fields, "Label", put_label, &header);
	blob = headerExport(header, &size);
	length = htobe32(size);
	buffer_append(&scenario->installed, &length, sizeof length);
	buffer_append(&scenario->installed, blob, size);
	headerFree(header);
}

/* What a mirror offers: primary.xml and filelists.xml. */

static void put_escaped(struct buffer *to, const char *text)
{
	for (; *text; text++)
		if (*text == '<')
			buffer_puts(to, "&lt;");
		else if (*text == '>')
			buffer_puts(to, "&gt;");
		else
			buffer_putc(to, *text);
}

static void put_evr(struct buffer *to, const char *text)
{
	struct evr evr = cut_evr(text);

	buffer_printf(to, " epoch=\"%u\" ver=\"%s\"", evr.epoch, evr.version);
	if (strchr(text, '-'))
		buffer_printf(to, " rel=\"%s\"", evr.release);
	free(evr.text);
}

static void put_entry(char *value, void *opaque)
{
	struct buffer *to = opaque;
	struct capability capability = read_capability(value);

	buffer_puts(to, "<rpm:entry name=\"");
	put_escaped(to, capability.name);
	buffer_puts(to, "\"");
	if (capability.sense) {
		buffer_printf(to, " flags=\"%s\"", capability.sense);
		put_evr(to, capability.version);
	}
	buffer_puts(to, "/>\n");
}

static void put_path(char *value, void *opaque)
{
	buffer_printf(opaque, "<file>%s</file>\n", value);
}

/* createrepo_c puts these into primary.xml, too. */
static void put_primary_path(char *value, void *opaque)
{
	if (strncmp(value, "/etc/", 5) == 0 || strstr(value, "bin/"))
		put_path(value, opaque);
}

static void put_relations(struct buffer *to, const struct line *line, const char *evr)
{
	buffer_puts(to, "<format>\n");
	for (size_t i = 0; i < sizeof relations / sizeof *relations; i++) {
		buffer_printf(to, "<rpm:%s>\n", relations[i].element);
		if (relations[i].name == RPMTAG_PROVIDENAME) {
			CLEANUP_FREE char *self = xasprintf("%s = %s", line->name, evr);

			put_entry(self, to);
		}
		each_value(line->fields, relations[i].field, put_entry, to);
		buffer_printf(to, "</rpm:%s>\n", relations[i].element);
	}
	each_value(line->fields, "Files", put_primary_path, to);
}

static void offered(struct source *source, const struct line *line, const char *sha256)
{
	struct evr evr = cut_evr(line->version);
	CLEANUP_FREE char *vendor = field_of(line, "Vendor", "Vendor of tests");
	CLEANUP_FREE char *full = xasprintf("%u:%s-%s", evr.epoch, evr.version, evr.release);
	struct buffer *to = &source->packages;

	buffer_printf(to,
		      "<package type=\"rpm\"><name>%s</name><arch>%s</arch>"
		      "<version epoch=\"%u\" ver=\"%s\" rel=\"%s\"/>"
		      "<checksum type=\"sha256\" pkgid=\"YES\">%s</checksum>"
		      "<size package=\"1000\" installed=\"20480\" archive=\"0\"/>"
		      "<location href=\"Packages/%s-%s-%s.%s.rpm\"/>\n",
		      line->name, line->arch, evr.epoch, evr.version, evr.release, sha256,
		      line->name, evr.version, evr.release, line->arch);
	put_relations(to, line, full);
	buffer_printf(to, "<rpm:vendor>%s</rpm:vendor></format></package>\n", vendor);
	buffer_printf(&source->files,
		      "<package pkgid=\"%s\" name=\"%s\" arch=\"%s\">"
		      "<version epoch=\"%u\" ver=\"%s\" rel=\"%s\"/>\n",
		      sha256, line->name, line->arch, evr.epoch, evr.version, evr.release);
	each_value(line->fields, "Files", put_path, &source->files);
	buffer_puts(&source->files, "</package>\n");
	free(evr.text);
}

static void add_index(struct mirror_source *to, struct buffer *repomd, const char *type,
		      const char *begin, const struct buffer *content, const char *end)
{
	struct mirror_file *file = ARRAY_ADD(to->files, to->n_files);
	CLEANUP_BUFFER struct buffer text = {0};
	char hex[DIGEST_HEX_SIZE];

	buffer_puts(&text, begin);
	if (content->len)
		buffer_append(&text, content->data, content->len);
	buffer_puts(&text, end);
	file->path =
		xasprintf("repodata/%s%s", type, strcmp(type, "modules") == 0 ? ".yaml" : ".xml");
	digest_of(text.data, text.len, &file->sha256);
	digest_to_hex(&file->sha256, hex);
	must_write(to->directory, file->path, &text);
	buffer_printf(repomd,
		      "<data type=\"%s\"><checksum type=\"sha256\">%s</checksum>"
		      "<location href=\"%s\"/></data>\n",
		      type, hex, file->path);
}

/* "[more NAME]": lines "security|bugfix ADVISORY NAME EVR ARCH", or a YAML document of modules. */
static void add_advisories(struct mirror_source *to, struct buffer *repomd,
			   const struct buffer *lines)
{
	CLEANUP_FREE char *copy = xstrdup(lines->data);
	CLEANUP_BUFFER struct buffer text = {0};
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *inner = NULL, *type = strtok_r(line, " ", &inner), *id = cut(&inner, " ");
		char *name = cut(&inner, " "), *version = cut(&inner, " ");
		char *arch = cut(&inner, " ");

		struct evr evr = cut_evr(version);

		buffer_printf(&text,
			      "<update type=\"%s\"><id>%s</id><title>%s</title><pkglist>"
			      "<collection short=\"t\"><package name=\"%s\" epoch=\"%u\" "
			      "version=\"%s\" release=\"%s\" arch=\"%s\"><filename>%s.rpm"
			      "</filename></package></collection></pkglist></update>\n",
			      type, id, id, name, evr.epoch, evr.version, evr.release,
			      arch ? arch : "x86_64", name);
		free(evr.text);
	}
	add_index(to, repomd, "updateinfo", "<updates>\n", &text, "</updates>\n");
}

/* Options of a mirror: "priority=N", "exclude=PATTERN", "module-hotfixes", "no-filelists". */
static void take_options(const struct source *from, struct mirror_source *to, bool *ret_filelists)
{
	CLEANUP_FREE char *copy = xstrdup(from->options);
	char *save = NULL;

	for (char *word = strtok_r(copy, " ", &save); word; word = cut(&save, " "))
		if (strcmp(word, "module-hotfixes") == 0)
			to->module_hotfixes = true;
		else if (strncmp(word, "priority=", 9) == 0)
			to->priority = strtoul(word + 9, NULL, 10);
		else if (strncmp(word, "exclude=", 8) == 0)
			*ARRAY_ADD(to->excludes, to->n_excludes) = xstrdup(word + 8);
		else if (strcmp(word, "no-filelists") == 0)
			*ret_filelists = false;
		else
			ck_abort_msg("unknown option %s", word);
}

static void make_source(const struct source *from, const char *work_dir, struct mirror_source *to)
{
	CLEANUP_BUFFER struct buffer repomd = {0};
	bool filelists = true;

	(void)work_dir;
	take_options(from, to, &filelists);
	to->label = xstrdup(from->name);
	to->index_path = xstrdup("repodata/repomd.xml");
	buffer_puts(&repomd, "<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n");
	add_index(to, &repomd, "primary",
		  "<metadata xmlns=\"http://linux.duke.edu/metadata/common\" "
		  "xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n",
		  &from->packages, "</metadata>\n");
	add_index(to, &repomd, "filelists",
		  "<filelists xmlns=\"http://linux.duke.edu/metadata/filelists\">\n", &from->files,
		  "</filelists>\n");
	if (!filelists)
		to->n_files--;
	if (from->more.len && strncmp(from->more.data, "---", 3) == 0)
		add_index(to, &repomd, "modules", "", &from->more, "");
	else if (from->more.len)
		add_advisories(to, &repomd, &from->more);
	buffer_puts(&repomd, "</repomd>\n");
	digest_of(repomd.data, repomd.len, &to->index);
	*ARRAY_ADD(to->files, to->n_files) =
		(struct mirror_file){.path = xstrdup(to->index_path), .sha256 = to->index};
	must_write(to->directory, to->index_path, &repomd);
}

static const char *section(const char *name)
{
	(void)name;
	return NULL;
}

static void make_state(struct scenario *scenario)
{
	*state_file(scenario, RPM_STATE_HEADERS) = scenario->installed;
}

static int describe(const struct package_state *state, struct guest *guest, struct error *err)
{
	(void)state;
	(void)err;
	guest->packages.architecture = xstrdup("x86_64");
	return 0;
}

static const struct scenario_family rpm = {
	.name = "rpm",
	.architecture = "x86_64",
	.independent = "noarch",
	.always = "filesystem 3.16-2",
	.section = section,
	.installed = installed,
	.offered = offered,
	.make_state = make_state,
	.make_source = make_source,
	.describe = describe,
	.resolve = rpm_resolve,
};

int main(void)
{
	return scenario_main(&rpm);
}
