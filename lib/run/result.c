/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "run/run.h"

void run_result_free(struct run_result *result)
{
	for (size_t i = 0; i < result->n_steps; i++) {
		free(result->steps[i].stage);
		free(result->steps[i].command);
	}
	free(result->steps);
	free(result->executor);
	free(result->accelerator);
	free(result->appliance);
	free(result->appliance_kernel);
	strings_free(result->stubs_called, result->n_stubs_called);
	strings_free(result->kept_files, result->n_kept_files);
	strings_free(result->warnings, result->n_warnings);
	capture_free(result->capture);
	*result = (struct run_result){0};
}

static bool has_suffix(const char *path, const char *const *suffixes)
{
	size_t len = strlen(path);

	for (; *suffixes; suffixes++) {
		size_t n = strlen(*suffixes);

		if (len > n && strcmp(path + len - n, *suffixes) == 0)
			return true;
	}
	return false;
}

void run_result_take(struct run_result *result, struct capture *capture,
		     const struct package_family *family)
{
	result->capture = capture;
	for (size_t i = 0; i < capture->n_entries; i++) {
		const struct capture_entry *entry = &capture->entries[i];

		if (entry->touched && has_suffix(entry->path, family->kept_suffixes))
			*ARRAY_ADD(result->kept_files, result->n_kept_files) = xstrdup(entry->path);
	}
}

static json_t *step_to_json(const struct run_step_result *step)
{
	json_t *object = json_object();

	json_put_string(object, "stage", step->stage);
	json_put_string(object, "command", step->command);
	json_put(object, "exit", json_integer(step->exit_code));
	json_put_u64(object, "milliseconds", step->milliseconds);
	return object;
}

json_t *run_result_to_json(const struct run_result *result)
{
	json_t *object = json_object(), *steps = json_array();

	for (size_t i = 0; i < result->n_steps; i++)
		json_array_append_new(steps, step_to_json(&result->steps[i]));
	json_put_string(object, "executor", result->executor);
	json_put_string(object, "accelerator", result->accelerator);
	json_put_string(object, "appliance", result->appliance);
	json_put_string(object, "appliance_kernel", result->appliance_kernel);
	json_put(object, "steps", steps);
	json_put(object, "stubs_called",
		 json_strings(result->stubs_called, result->n_stubs_called));
	json_put(object, "kept_files", json_strings(result->kept_files, result->n_kept_files));
	json_put(object, "warnings", json_strings(result->warnings, result->n_warnings));
	return object;
}
