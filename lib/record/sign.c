/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "record/record.h"
#include "record/signer.h"
#include "record/signing.h"

enum {
	OUTPUT_LIMIT = 64 << 20,
	DEADLINE_MS = 60000,
	SLOWEST_BYTES_PER_MS = 5000, /* of a disk whose files have to be hashed */
};

static json_t *paths_to_json(const char *const *paths, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_bytes(paths[i]));
	return list;
}

static char *request_text(const struct record *record, const struct sign_request *request)
{
	CLEANUP_JSON json_t *json = json_object();

	json_put_string(json, "type", "record");
	json_put(json, "statement", record_to_json(record));
	json_put_bytes(json, "key", request->key_path);
	json_put(json, "overlays", paths_to_json(request->overlay_paths, request->n_overlays));
	json_put(json, "parents", paths_to_json(request->parent_paths, request->n_parents));
	return json_to_bytes(json);
}

static uint64_t bytes_of(const char *const *paths, size_t n)
{
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (stat(paths[i], &st) == 0)
			sum += (uint64_t)st.st_size;
	return sum;
}

/* The signer reads every file once: its deadline grows with them. */
static unsigned deadline_of(const struct sign_request *request)
{
	uint64_t ms = DEADLINE_MS + (bytes_of(request->overlay_paths, request->n_overlays) +
				     bytes_of(request->parent_paths, request->n_parents)) /
					    SLOWEST_BYTES_PER_MS;

	return ms > UINT32_MAX ? UINT32_MAX : (unsigned)ms;
}

int signer_error(struct process_result *result, const char *signer, struct error *err)
{
	enum error_kind kind = ERROR_BUG;
	CLEANUP_FREE char *said = NULL;

	if (result->signal == SIGKILL)
		return error_set(err, ERROR_BUSY,
				 "%s was killed from outside (out of memory?); try again", signer);
	if (result->exit_code >= ERROR_USAGE && result->exit_code <= ERROR_GUEST)
		kind = (enum error_kind)result->exit_code;
	if (result->err.len == 0)
		return error_set(err, kind, "%s: exit status %d, signal %d", signer,
				 result->exit_code, result->signal);
	result->err.data[strcspn(result->err.data, "\n")] = '\0';
	said = text_unescape(result->err.data);
	return error_set(err, kind, "%s", said);
}

int record_sign(const struct record *record, const struct sign_request *request, const char *path,
		struct error *err)
{
	CLEANUP_FREE char *text = request_text(record, request);
	const char *const argv[] = {request->signer, NULL};
	struct process_spec spec = {.argv = argv,
				    .input = text,
				    .input_len = strlen(text),
				    .output_limit = OUTPUT_LIMIT,
				    .deadline_ms = deadline_of(request),
				    .monitor = request->monitor};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (request->ahead ? signing_request(request->ahead, &spec, &result, err) < 0
			   : process_run(&spec, &result, err) < 0)
		return -1;
	if (result.exit_code != 0 || result.out.len == 0)
		return signer_error(&result, request->signer, err);
	return file_replace(path, result.out.data, result.out.len, 0644, err);
}
