/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

void list_add(struct list *list, const char *item)
{
	list->items = realloc(list->items, (list->n + 1) * sizeof *list->items);
	if (!list->items)
		abort();
	list->items[list->n++] = item;
}

/* Why a long text was lost, which stdio does not remember. */
static int lost_reason;

void print_text(const char *text)
{
	if (fputs(text, stdout) == EOF)
		lost_reason = errno;
}

static void print_json(json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);

	if (!text)
		abort();
	print_text(text);
	putchar('\n');
	free(text);
}

/* Null where it is not known. */
static void put_known(json_t *json, const char *name, const char *value)
{
	json_t *string = *value ? json_string(value) : NULL;

	json_object_set_new(json, name, string ? string : json_null());
}

static void print_error(const struct coldpatch_error *err)
{
	json_t *json;

	json = json_pack("{s:b, s:b, s:i, s:s, s:n, s:n}", "failed", 1, "changed", 0, "code",
			 err->code, "error", coldpatch_code_name(err->code), "generation",
			 "record");
	put_known(json, "msg", err->msg);
	put_known(json, "run", err->run);
	put_known(json, "image", err->image);
	put_known(json, "plan", err->plan);
	print_json(json);
	json_decref(json);
}

int tell_error(const struct global *global, const struct coldpatch_error *err)
{
	progress_finish();
	if (global->json)
		print_error(err);
	else
		fprintf(stderr, "coldpatch: %s\n", err->msg);
	return err->code;
}

int usage_error(const struct global *global, const struct command *command, const char *fmt, ...)
{
	struct coldpatch_error err = {.code = COLDPATCH_USAGE};
	char text[sizeof err.msg / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(err.msg, sizeof err.msg, "%s: %s; see coldpatch %s --help", command->name, text,
		 command->name);
	if (global->json)
		print_error(&err);
	else
		fprintf(stderr, "coldpatch %s\n", err.msg);
	return err.code;
}

static bool is_control(const char *at)
{
	unsigned char c = (unsigned char)at[0];

	return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

/* What a guest calls itself or its files must not steer the terminal: control characters as the
 * library writes bytes that are not UTF-8. */
static json_t *harmless_string(const json_t *string)
{
	const char *text = json_string_value(string);
	char *copy = malloc(4 * strlen(text) + 1), *to = copy;
	json_t *harmless;

	if (!copy)
		abort();
	for (bool second = false; *text; text++) {
		bool control = second || is_control(text);

		/* One that takes two bytes is written as two. */
		second = !second && control && (unsigned char)*text == 0xc2;
		to += control ? sprintf(to, "\\x%02X", (unsigned char)*text)
			      : sprintf(to, "%c", *text);
	}
	*to = '\0';
	harmless = json_string(copy);
	free(copy);
	return harmless;
}

static void make_harmless(json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;
	void *next;

	json_object_foreach_safe(json, next, key, value)
	{
		if (json_is_string(value))
			json_object_set_new(json, key, harmless_string(value));
		else
			make_harmless(value);
	}
	json_array_foreach(json, i, value)
	{
		if (json_is_string(value))
			json_array_set_new(json, i, harmless_string(value));
		else
			make_harmless(value);
	}
}

static json_t *print_or_keep(const struct global *global, json_t *json)
{
	progress_finish();
	if (!json)
		abort();
	if (!global->json) {
		make_harmless(json);
		return json;
	}
	print_json(json);
	json_decref(json);
	return NULL;
}

json_t *print_or_parse(const struct global *global, char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	free(text);
	return print_or_keep(global, json);
}

json_t *print_with_code(const struct global *global, json_t *document, int code)
{
	json_object_set_new(document, "code", json_integer(code));
	return print_or_keep(global, document);
}

/* 0, or why not all of it is where it should be. */
static int close_output(void)
{
	int lost = ferror(stdout) ? EIO : 0;

	if (fclose(stdout) < 0)
		lost = errno;
	return lost_reason ? lost_reason : lost;
}

int finish_output(int code)
{
	int reason = close_output();

	if (reason == 0 || reason == EPIPE)
		return code;
	fprintf(stderr, "coldpatch: standard output: %s\n", strerror(reason));
	if (code != COLDPATCH_OK && code != COLDPATCH_FOUND && code != COLDPATCH_LEFT_BEHIND)
		return code;
	return reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? COLDPATCH_SPACE
								       : COLDPATCH_IO;
}

const char *field(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && *value ? value : "-";
}

const char *human_size(json_int_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	static char texts[4][24];
	static unsigned next;
	char *text = texts[next++ % 4];
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(text, sizeof texts[0], unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}
