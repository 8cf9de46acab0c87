/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coldpatch-sign: the one program that touches a signing key.
 *
 * It is no oracle.  It reads a request on standard input, opens the overlays and their parents (for
 * a head: the record and the head before) itself, and signs only when their bytes are what the
 * statement says.  Time and the caller's user
 * id it fills in by itself.  What it signs is written anew from the values it understood, so
 * nothing it does not know can slip through.  The bundle goes to standard output; on failure the
 * exit code is the kind of the error and standard error has one line.
 *
 * Files that it will be asked about can be named before the request (ahead.h): it has digested them
 * by then, and does so again when they changed meanwhile.
 *
 * It can run as a user of its own (set-user-ID): it takes no arguments and reads no environment.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ahead.h"
#include "base/file.h"
#include "record/bundle.h"
#include "request.h"

enum { MAX_REQUEST = 64 << 20 };

static void confine(void)
{
	const struct rlimit none = {0, 0};
	const struct rlimit memory = {1UL << 30, 1UL << 30};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_NPROC, &none);
	setrlimit(RLIMIT_AS, &memory);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void fill_in(struct request *request)
{
	if (request->head) {
		request->head->time = time(NULL);
		request->head->caller_uid = getuid();
		return;
	}
	request->record->finished = time(NULL);
	json_put_u64(request->record->internal_parameters, "callerUid", getuid());
}

static int sign(const struct request *request, struct buffer *ret, struct error *err)
{
	CLEANUP(key_free)
	struct key *key = key_open_private(request->key_path, err);
	CLEANUP_JSON json_t *statement = NULL;
	CLEANUP_FREE char *payload = NULL;

	if (!key)
		return -1;
	statement = request->head ? head_to_json(request->head) : record_to_json(request->record);
	payload = json_to_bytes(statement);
	return bundle_make(key, payload, strlen(payload), ret, err);
}

static int run(struct error *err)
{
	__attribute__((cleanup(request_free))) struct request request = {0};
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_BUFFER struct buffer bundle = {0};

	if (ahead_read(STDIN_FILENO, MAX_REQUEST, &text, err) < 0 ||
	    request_parse(&text, &request, err) < 0 || key_check_signs(request.key_path, err) < 0 ||
	    request_check_files(&request, err) < 0)
		return -1;
	fill_in(&request);
	if (sign(&request, &bundle, err) < 0)
		return -1;
	return file_write_all(STDOUT_FILENO, bundle.data, bundle.len, err);
}

int main(int argc, char **argv)
{
	struct error err = {0};
	char text[ERROR_TEXT_SIZE];

	(void)argv;
	confine();
	if (argc > 1)
		error_set(&err, ERROR_USAGE,
			  "takes no arguments: the request is read from "
			  "standard input");
	else if (run(&err) == 0)
		return 0;
	error_text(&err, text);
	fprintf(stderr, "coldpatch-sign: %s\n", text);
	return err.kind;
}
