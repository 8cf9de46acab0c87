/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The resolver cases of the deb family: tests/scenario/deb. */
#include "package/deb/deb.h"
#include "scenario.h"

static const char *section(const char *name)
{
	if (strcmp(name, "preferences") == 0)
		return "preferences";
	return strcmp(name, "architectures") == 0 ? "arch" : NULL;
}

/* "Field: value; Field: value" */
static void add_fields(struct buffer *to, char *fields)
{
	char *save = NULL;

	for (char *field = strtok_r(fields, ";", &save); field; field = strtok_r(NULL, ";", &save))
		buffer_printf(to, "%s\n", field + strspn(field, " "));
}

static void installed(struct scenario *scenario, const struct line *line)
{
	buffer_printf(&scenario->installed,
		      "Package: %s\nStatus: %s ok %s\nArchitecture: %s\nVersion: %s\n"
		      "Installed-Size: 20\n",
		      line->name, line->hold ? "hold" : "install", line->status, line->arch,
		      line->version);
	add_fields(&scenario->installed, line->fields);
	buffer_putc(&scenario->installed, '\n');
	if (line->automatic)
		buffer_printf(&scenario->automatic,
			      "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n", line->name,
			      line->arch);
}

static void offered(struct source *source, const struct line *line, const char *sha256)
{
	buffer_printf(&source->packages,
		      "Package: %s\nArchitecture: %s\nVersion: %s\nInstalled-Size: 20\n"
		      "Filename: pool/%s_%s_%s.deb\nSize: 1000\nSHA256: %s\n",
		      line->name, line->arch, line->version, line->name, line->version, line->arch,
		      sha256);
	add_fields(&source->packages, line->fields);
	buffer_putc(&source->packages, '\n');
}

static void make_state(struct scenario *scenario)
{
	*state_file(scenario, "status") = scenario->installed;
	if (scenario->automatic.len)
		*state_file(scenario, "extended_states") = scenario->automatic;
}

static void make_source(const struct source *from, const char *work_dir, struct mirror_source *to)
{
	static char component[] = "main", *components[] = {component};
	CLEANUP_FREE char *packages = NULL;
	CLEANUP_BUFFER struct buffer release = {0};
	bool is_main = strcmp(from->name, "main") == 0;

	(void)work_dir;
	to->origin = xstrdup("Debian");
	to->codename = is_main ? xstrdup("bookworm") : xasprintf("bookworm-%s", from->name);
	to->suite = is_main ? xstrdup("stable") : xasprintf("stable-%s", from->name);
	to->components = components;
	to->n_components = 1;
	to->index_path = xasprintf("dists/%s/InRelease", to->codename);
	buffer_printf(&release, "Origin: Debian\nLabel: Debian\nSuite: %s\nCodename: %s\n",
		      to->suite, to->codename);
	if (strcmp(from->name, "backports") == 0)
		buffer_puts(&release, "NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
	must_write(to->directory, to->index_path, &release);
	packages = xasprintf("dists/%s/main/binary-amd64/Packages", to->codename);
	must_write(to->directory, packages, &from->packages);
}

static const struct scenario_family deb = {
	.name = "deb",
	.architecture = "amd64",
	.independent = "all",
	.always = "dpkg 1.21",
	.section = section,
	.installed = installed,
	.offered = offered,
	.make_state = make_state,
	.make_source = make_source,
	.describe = deb_state_describe,
	.resolve = deb_resolve,
};

int main(void)
{
	return scenario_main(&deb);
}
