/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void rpm_modules_free(struct rpm_modules *modules)
{
	for (size_t i = 0; i < modules->n_streams; i++) {
		struct rpm_stream *stream = &modules->streams[i];

		free(stream->module);
		free(stream->stream);
		free(stream->version);
		free(stream->architecture);
		strings_free(stream->requires, stream->n_requires);
		strings_free(stream->artifacts, stream->n_artifacts);
		strings_free(stream->demodularized, stream->n_demodularized);
	}
	for (size_t i = 0; i < modules->n_defaults; i++) {
		free(modules->defaults[i].module);
		free(modules->defaults[i].stream);
	}
	free(modules->streams);
	free(modules->defaults);
	*modules = (struct rpm_modules){0};
}

static char *next_word(char **rest)
{
	char *word = strtok_r(NULL, " ", rest);

	return xstrdup(word ? word : "");
}

static void add_default(struct rpm_modules *modules, char **rest)
{
	struct rpm_default *to = ARRAY_ADD(modules->defaults, modules->n_defaults);

	to->module = next_word(rest);
	to->stream = next_word(rest);
}

static void add_stream(struct rpm_modules *modules, char **rest)
{
	struct rpm_stream *to = ARRAY_ADD(modules->streams, modules->n_streams);

	to->module = next_word(rest);
	to->stream = next_word(rest);
	to->version = next_word(rest);
	to->architecture = next_word(rest);
}

static void take_line(struct rpm_modules *modules, char *line)
{
	char *rest = NULL, *kind = strtok_r(line, " ", &rest);
	struct rpm_stream *last =
		modules->n_streams ? &modules->streams[modules->n_streams - 1] : NULL;

	if (!kind)
		return;
	if (*kind == 'D')
		add_default(modules, &rest);
	else if (*kind == 'S')
		add_stream(modules, &rest);
	else if (last && *kind == 'R')
		*ARRAY_ADD(last->requires, last->n_requires) = next_word(&rest);
	else if (last && *kind == 'A')
		*ARRAY_ADD(last->artifacts, last->n_artifacts) = next_word(&rest);
	else if (last && *kind == 'N')
		*ARRAY_ADD(last->demodularized, last->n_demodularized) = next_word(&rest);
}

void rpm_modules_add(struct rpm_modules *modules, FILE *lines)
{
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, lines)) > 0 && strcmp(line, "E\n") != 0) {
		line[len - 1] = '\0';
		take_line(modules, line);
	}
}

/* "key=value" of a .module file. */
static void take_choice(struct rpm_module_choice *choice, const char *key, const char *value)
{
	if (strcmp(key, "stream") == 0) {
		free(choice->stream);
		choice->stream = xstrdup(value);
	} else if (strcmp(key, "state") == 0)
		choice->state = strcmp(value, "enabled") == 0	 ? RPM_MODULE_ENABLED
				: strcmp(value, "disabled") == 0 ? RPM_MODULE_DISABLED
								 : RPM_MODULE_UNKNOWN;
}

static void read_choices(const struct buffer *content, struct rpm_module_choices *ret)
{
	CLEANUP_FREE char *text = xstrndup(content->data, content->len);
	struct rpm_module_choice *choice = NULL;

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *save = NULL, *key, *value;

		if (*line == '[') {
			line[strcspn(line, "]")] = '\0';
			choice = ARRAY_ADD(ret->items, ret->n_items);
			choice->module = xstrdup(line + 1);
			choice->stream = xstrdup("");
			continue;
		}
		key = strtok_r(line, " \t\r=", &save);
		value = key ? strtok_r(NULL, " \t\r=", &save) : NULL;
		if (choice && value && *key != '#')
			take_choice(choice, key, value);
	}
}

void rpm_module_choices_read(const struct package_state *state, struct rpm_module_choices *ret)
{
	static const char directory[] = "/etc/dnf/modules.d/";

	for (size_t i = 0; i < state->n_files; i++)
		if (strncmp(state->files[i].name, directory, sizeof directory - 1) == 0 &&
		    state->files[i].content.len)
			read_choices(&state->files[i].content, ret);
}

void rpm_module_choices_free(struct rpm_module_choices *choices)
{
	for (size_t i = 0; i < choices->n_items; i++) {
		free(choices->items[i].module);
		free(choices->items[i].stream);
	}
	free(choices->items);
	*choices = (struct rpm_module_choices){0};
}

const struct rpm_module_choice *rpm_module_choice_of(const struct rpm_module_choices *choices,
						     const char *module)
{
	for (size_t i = 0; i < choices->n_items; i++)
		if (strcmp(choices->items[i].module, module) == 0)
			return &choices->items[i];
	return NULL;
}
