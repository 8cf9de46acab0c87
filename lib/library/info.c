/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people say of a template: template.json, and the pins. */
#include "library/info.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "library/change.h"
#include "library/heads.h"
#include "library/owner.h"

enum { MAX_FILE = 1 << 20 };

void info_clear(struct template_info *info)
{
	free(info->owner);
	free(info->purpose);
	free(info->review_by);
	free(info->trust_domain);
	*info = (struct template_info){0};
}

static void add_problem(struct template *template, const struct error *problem)
{
	*ARRAY_ADD(template->problems, template->n_problems) = xstrdup(problem->msg);
}

static json_t *read_json(const struct library *library, const char *relative, struct error *err)
{
	CLEANUP_FREE char *path = library_path(library, "%s", relative);
	CLEANUP_BUFFER struct buffer text = {0};

	if (library_read(library, relative, MAX_FILE, &text, err) < 0)
		return NULL;
	return json_parse(text.data ? text.data : "", text.len, path, ERROR_TRUST, err);
}

static void get_words(struct json_reader *reader, const char *name, char **ret)
{
	const json_t *member = json_object_get(reader->object, name);

	if (member && !json_is_null(member))
		json_get_bytes(reader, name, ret);
}

static int read_info(const struct library *library, const char *relative, struct template_info *ret,
		     struct error *err)
{
	CLEANUP_JSON json_t *json = read_json(library, relative, err);
	CLEANUP_FREE char *path = library_path(library, "%s", relative);
	struct json_reader reader = {json, path, ERROR_TRUST, err, false};

	if (!json)
		return -1;
	if (!json_is_object(json))
		return error_set(err, ERROR_TRUST, "%s: is no JSON object", path);
	get_words(&reader, "owner", &ret->owner);
	get_words(&reader, "purpose", &ret->purpose);
	get_words(&reader, "reviewBy", &ret->review_by);
	get_words(&reader, "trustDomain", &ret->trust_domain);
	return json_reader_result(&reader);
}

/* A domain decides where guest code may run: what cannot be read is not taken for our own.  Each
 * import writes the file before its head. */
void info_load(const struct library *library, struct template *template)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/template.json", template->name);
	struct template_info info = {0};
	struct error problem = {0};

	if (read_info(library, relative, &info, &problem) < 0) {
		info_clear(&info);
		info.trust_domain = xstrdup("unknown");
		error_prefix(&problem, "whose code is in it is not known");
		if (problem.kind != ERROR_MISSING || template->n_heads > 0)
			add_problem(template, &problem);
	}
	if (!info.trust_domain)
		info.trust_domain = xstrdup("own");
	template->info = info;
}

static int open_template(const struct library *library, const char *name, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);

	return change_open_directory(library, relative, err);
}

static void put_words(json_t *json, const char *name, const char *value)
{
	if (value)
		json_put_bytes(json, name, value);
}

int template_info_write(const struct library *library, const char *name,
			const struct template_info *info, struct error *err)
{
	CLEANUP_JSON json_t *json = json_object();
	CLEANUP_FREE char *text = NULL;
	CLEANUP_CLOSE int dir = -1;

	put_words(json, "owner", info->owner);
	put_words(json, "purpose", info->purpose);
	put_words(json, "reviewBy", info->review_by);
	put_words(json, "trustDomain", info->trust_domain);
	text = json_to_text(json);
	dir = open_template(library, name, err);
	return dir < 0 ? -1 : change_replace(dir, "template.json", text, 0644, err);
}

/* N-ID.json; the number is in the name, so that a pin holds even when it is not readable. */
static bool parse_pin_name(const char *name, uint64_t *ret)
{
	CLEANUP_FREE char *number = xstrndup(name, strcspn(name, "-"));
	size_t len = strlen(name);

	return name[strlen(number)] == '-' && len > 5 && strcmp(name + len - 5, ".json") == 0 &&
	       generation_number_parse(number, ret);
}

static void read_pin(const struct library *library, const char *relative, struct template *template,
		     struct template_pin *pin)
{
	struct error problem = {0};
	CLEANUP_JSON json_t *json = read_json(library, relative, &problem);
	struct json_reader reader = {json, relative, ERROR_TRUST, &problem, false};
	uint64_t when = 0;

	pin->path = library_path(library, "%s", relative);
	if (json) {
		json_get_bytes(&reader, "who", &pin->who);
		json_get_u64(&reader, "time", &when);
		pin->host = json_bytes_value(json_object_get(json, "host"));
	}
	pin->time = (int64_t)when;
	if (problem.kind) {
		free(pin->who);
		pin->who = xstrdup("?");
		add_problem(template, &problem);
	}
}

void pins_load(const struct library *library, struct template *template)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/pins", template->name);
	struct error problem = {0};
	uint64_t number;
	char **names;
	size_t n;

	if (library_list_directory(library, relative, &names, &n, &problem) < 0) {
		template->pins_unknown = problem.kind != ERROR_MISSING;
		if (template->pins_unknown)
			add_problem(template, &problem);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", relative, names[i]);
		struct template_pin *pin;

		if (!parse_pin_name(names[i], &number))
			continue;
		pin = ARRAY_ADD(template->pins, template->n_pins);
		pin->generation = number;
		read_pin(library, path, template, pin);
	}
	names_free(names, n);
}

int template_pin_add(const struct library *library, const char *name, uint64_t generation,
		     const char *who, char **ret_path, struct error *err)
{
	CLEANUP_CLOSE int template = open_template(library, name, err);
	CLEANUP_FREE char *relative = xasprintf("templates/%s/pins", name);
	CLEANUP_FREE char *file = NULL;
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *json = json_object();
	CLEANUP_CLOSE int dir = -1;
	uint64_t id;

	if (template <0 || change_make_directory(template, "pins", 0755, err) < 0)
		return -1;
	dir = change_open_directory(library, relative, err);
	if (dir < 0)
		return -1;
	if (getrandom(&id, sizeof id, 0) != sizeof id)
		return error_os(err, ERROR_HOST, errno, "getrandom");
	file = xasprintf("%" PRIu64 "-%016" PRIx64 ".json", generation, id);
	json_put_u64(json, "generation", generation);
	json_put_bytes(json, "who", who);
	json_put_u64(json, "time", (uint64_t)time(NULL));
	json_put_string(json, "host", library->host);
	text = json_to_text(json);
	if (change_write_new(dir, file, text, 0644, err) < 0)
		return -1;
	if (ret_path)
		*ret_path = library_path(library, "%s/%s", relative, file);
	return 0;
}

int template_pin_remove(const struct library *library, const char *name,
			const struct template_pin *pin, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/pins", name);
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, err);

	return dir < 0 ? -1 : change_remove(dir, strrchr(pin->path, '/') + 1, err);
}
