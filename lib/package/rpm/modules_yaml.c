/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <modulemd.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/modules.h"

/* Words of the lines are separated by blanks, so what holds one cannot be said: it matches nothing.
 */
static bool is_word(const char *text)
{
	return text && *text && !strpbrk(text, " \t\r\n");
}

static void write_words(FILE *to, char kind, char **words)
{
	for (char **word = words; word && *word; word++)
		if (is_word(*word))
			fprintf(to, "%c %s\n", kind, *word);
	g_strfreev(words);
}

static void write_requirement(FILE *to, ModulemdDependencies *dependencies, const char *module)
{
	char **streams = modulemd_dependencies_get_runtime_streams_as_strv(dependencies, module);
	const char *separator = ":";

	if (is_word(module)) {
		fprintf(to, "R %s", module);
		for (char **stream = streams; stream && *stream; stream++)
			if (is_word(*stream)) {
				fprintf(to, "%s%s", separator, *stream);
				separator = ",";
			}
		fputc('\n', to);
	}
	g_strfreev(streams);
}

static void write_requirements(FILE *to, ModulemdModuleStreamV2 *stream)
{
	GPtrArray *all = modulemd_module_stream_v2_get_dependencies(stream);

	for (guint i = 0; all && i < all->len; i++) {
		ModulemdDependencies *dependencies = g_ptr_array_index(all, i);
		char **modules = modulemd_dependencies_get_runtime_modules_as_strv(dependencies);

		for (char **module = modules; module && *module; module++)
			write_requirement(to, dependencies, *module);
		g_strfreev(modules);
	}
}

static void write_stream(FILE *to, ModulemdModuleStream *stream)
{
	ModulemdModuleStreamV2 *v2 = MODULEMD_MODULE_STREAM_V2(stream);
	const char *module = modulemd_module_stream_get_module_name(stream);
	const char *name = modulemd_module_stream_get_stream_name(stream);
	const char *arch = modulemd_module_stream_get_arch(stream);

	if (!is_word(module) || !is_word(name))
		return;
	fprintf(to, "S %s %s %llu %s\n", module, name,
		(unsigned long long)modulemd_module_stream_get_version(stream),
		is_word(arch) ? arch : "noarch");
	write_requirements(to, v2);
	write_words(to, 'A', modulemd_module_stream_v2_get_rpm_artifacts_as_strv(v2));
	write_words(to, 'N', modulemd_module_stream_v2_get_demodularized_rpms(v2));
}

static void write_module(FILE *to, ModulemdModuleIndex *index, const char *name)
{
	ModulemdModule *module = modulemd_module_index_get_module(index, name);
	GPtrArray *streams = modulemd_module_get_all_streams(module);

	for (guint i = 0; i < streams->len; i++)
		write_stream(to, g_ptr_array_index(streams, i));
}

static bool has_defaults(ModulemdModuleIndex *index, const char *name)
{
	ModulemdModule *module = modulemd_module_index_get_module(index, name);

	return module && modulemd_module_get_defaults(module);
}

/* A document that names no stream takes the default away that another one gives. */
static void write_defaults(FILE *to, ModulemdModuleIndex *index)
{
	g_autoptr(GHashTable) table =
		modulemd_module_index_get_default_streams_as_hash_table(index, NULL);
	char **names = modulemd_module_index_get_module_names_as_strv(index);

	for (char **name = names; name && *name; name++) {
		const char *stream = g_hash_table_lookup(table, *name);

		if (is_word(*name) && is_word(stream))
			fprintf(to, "D %s %s\n", *name, stream);
		else if (is_word(*name) && !stream && has_defaults(index, *name))
			fprintf(to, "D %s\n", *name);
	}
	g_strfreev(names);
}

static int refuse(GError *error, char **ret_why)
{
	*ret_why = xstrdup(error ? error->message : "unknown error");
	g_clear_error(&error);
	return -1;
}

int rpm_modules_convert(FILE *yaml, FILE *to, char **ret_why)
{
	g_autoptr(ModulemdModuleIndex) index = modulemd_module_index_new();
	g_autoptr(GPtrArray) failures = NULL;
	GError *error = NULL;
	char **names;

	if (!modulemd_module_index_update_from_stream(index, yaml, FALSE, &failures, &error)) {
		if (!error && failures && failures->len)
			error = g_error_copy(modulemd_subdocument_info_get_gerror(
				g_ptr_array_index(failures, 0)));
		return refuse(error, ret_why);
	}
	if (!modulemd_module_index_upgrade_streams(index, MD_MODULESTREAM_VERSION_TWO, &error) ||
	    !modulemd_module_index_upgrade_defaults(index, MD_DEFAULTS_VERSION_ONE, &error))
		return refuse(error, ret_why);
	write_defaults(to, index);
	names = modulemd_module_index_get_module_names_as_strv(index);
	for (char **name = names; name && *name; name++)
		write_module(to, index, *name);
	g_strfreev(names);
	fputs("E\n", to);
	return 0;
}
