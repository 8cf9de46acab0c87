/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/config.h"

#include <cyaml/cyaml.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/yaml.h"

#define DEFAULT_PATH "/etc/coldpatch/config.yaml"

enum { MAX_CONFIG = 1 << 20, MAX_ITEMS = 1000 };

static const cyaml_schema_value_t string_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED),
};

#define STRING_LIST(key, type, member)                                                             \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member,    \
				   n_##member, &string_schema, 0, MAX_ITEMS)
#define OPTIONAL_STRING(key, type, member)                                                         \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1,     \
			       CYAML_UNLIMITED)

static const cyaml_schema_field_t os_fields[] = {
	CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, struct config_os, id, 1, CYAML_UNLIMITED),
	OPTIONAL_STRING("version", struct config_os, version), CYAML_FIELD_END};

static const cyaml_schema_field_t mirror_fields[] = {
	CYAML_FIELD_STRING_PTR("path", CYAML_FLAG_POINTER, struct config_mirror, path, 1,
			       CYAML_UNLIMITED),
	STRING_LIST("suites", struct config_mirror, suites),
	STRING_LIST("keyrings", struct config_mirror, keyrings),
	CYAML_FIELD_MAPPING_PTR("os", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				struct config_mirror, os, os_fields),
	CYAML_FIELD_UINT("priority", CYAML_FLAG_OPTIONAL, struct config_mirror, priority),
	STRING_LIST("exclude", struct config_mirror, excludes),
	CYAML_FIELD_BOOL("module-hotfixes", CYAML_FLAG_OPTIONAL, struct config_mirror,
			 module_hotfixes),
	STRING_LIST("trust-digests", struct config_mirror, trust_digests),
	STRING_LIST("trust-packages", struct config_mirror, trust_packages),
	CYAML_FIELD_UINT("maximum-age-days", CYAML_FLAG_OPTIONAL, struct config_mirror,
			 maximum_age_days),
	CYAML_FIELD_END};

static const cyaml_schema_value_t mirror_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_mirror, mirror_fields),
};

static const cyaml_schema_field_t config_fields[] = {
	OPTIONAL_STRING("library", struct config, library),
	OPTIONAL_STRING("host-id", struct config, host_id),
	OPTIONAL_STRING("store", struct config, store),
	OPTIONAL_STRING("scratch", struct config, scratch),
	OPTIONAL_STRING("state", struct config, state),
	OPTIONAL_STRING("key", struct config, key),
	STRING_LIST("public-keys", struct config, public_keys),
	OPTIONAL_STRING("patchsets", struct config, patchsets),
	CYAML_FIELD_SEQUENCE_COUNT("mirrors", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
				   struct config, mirrors, n_mirrors, &mirror_schema, 0, MAX_ITEMS),
	OPTIONAL_STRING("executor", struct config, executor),
	STRING_LIST("sandbox-ok", struct config, sandbox_ok),
	CYAML_FIELD_UINT("copy-limit-mib", CYAML_FLAG_OPTIONAL, struct config, copy_limit_mib),
	CYAML_FIELD_UINT("maximum-age-days", CYAML_FLAG_OPTIONAL, struct config, maximum_age_days),
	CYAML_FIELD_END};

static const cyaml_schema_value_t config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, config_fields),
};

static int parse(const char *path, const struct buffer *text, struct config *ret, struct error *err)
{
	void *loaded;

	if (yaml_load(path, text, &config_schema, &loaded, err) < 0)
		return -1;
	*ret = *(struct config *)loaded;
	free(loaded);
	return 0;
}

static void set_default(char **value, const char *fallback)
{
	if (!*value)
		*value = xstrdup(fallback);
}

bool config_is_executor(const char *name)
{
	static const char *const executors[] = {"auto", "sandbox", "appliance"};

	for (size_t i = 0; i < 3; i++)
		if (!strcmp(name, executors[i]))
			return true;
	return false;
}

static int check(const char *path, const struct config *config, struct error *err)
{
	if (config_is_executor(config->executor))
		return 0;
	return error_set(err, ERROR_CONFIG, "%s: executor: %s is none of auto, sandbox, appliance",
			 path, config->executor);
}

static void fill_defaults(struct config *config, bool domains_listed)
{
	set_default(&config->store, "/var/lib/coldpatch/store");
	set_default(&config->scratch, "/var/tmp");
	set_default(&config->state, "/var/lib/coldpatch/state");
	set_default(&config->executor, "auto");
	if (!config->copy_limit_mib)
		config->copy_limit_mib = 16 << 10;
	if (!config->maximum_age_days)
		config->maximum_age_days = 10;
	if (!domains_listed) {
		config->sandbox_ok = xcalloc(1, sizeof *config->sandbox_ok);
		config->sandbox_ok[0] = xstrdup("own");
		config->n_sandbox_ok = 1;
	}
}

int config_read(const char *path, struct config *ret, struct error *err)
{
	const char *name = path ? path : DEFAULT_PATH;
	CLEANUP_BUFFER struct buffer text = {0};
	struct config config = {0};

	if (path || access(DEFAULT_PATH, F_OK) == 0) {
		if (file_read_document(name, MAX_CONFIG, ERROR_CONFIG, &text, err) < 0)
			return -1;
		if (parse(name, &text, &config, err) < 0)
			return -1;
	}
	/* An empty list is a list: no domain may use the sandbox. */
	fill_defaults(&config, yaml_line_of(&text, "sandbox-ok") != 0);
	if (check(name, &config, err) < 0) {
		config_free(&config);
		return -1;
	}
	*ret = config;
	return 0;
}

static void free_mirror(struct config_mirror *mirror)
{
	if (mirror->os) {
		free(mirror->os->id);
		free(mirror->os->version);
	}
	free(mirror->os);
	free(mirror->path);
	strings_free(mirror->suites, mirror->n_suites);
	strings_free(mirror->keyrings, mirror->n_keyrings);
	strings_free(mirror->excludes, mirror->n_excludes);
	strings_free(mirror->trust_digests, mirror->n_trust_digests);
	strings_free(mirror->trust_packages, mirror->n_trust_packages);
}

void config_free(struct config *config)
{
	for (unsigned i = 0; i < config->n_mirrors; i++)
		free_mirror(&config->mirrors[i]);
	free(config->mirrors);
	strings_free(config->public_keys, config->n_public_keys);
	strings_free(config->sandbox_ok, config->n_sandbox_ok);
	free(config->library);
	free(config->host_id);
	free(config->store);
	free(config->scratch);
	free(config->state);
	free(config->key);
	free(config->patchsets);
	free(config->executor);
	*config = (struct config){0};
}
