/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of the command line.  One file per verb, which ends in one const struct command; to add
 * a verb, write its file and name it in the table of main.c.
 */
#ifndef COLDPATCH_CMD_H
#define COLDPATCH_CMD_H

#include <coldpatch.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Options that every verb takes; main.c reads them. */
struct global {
	struct coldpatch_settings settings;
	bool json;
	bool quiet;
	bool verbose;
};

struct command {
	const char *name;
	const char *synopsis; /* after "coldpatch NAME" */
	const char *summary;
	const char *help; /* one line per option, indented by two */
	/* The verb's own options; short ones in `shorts` (getopt). */
	const struct option *options;
	const char *shorts;
	/* One option, as getopt_long returned it; its argument is in optarg.  0, or -1 when it is
	 * not known here. */
	int (*option)(void *values, int option);
	size_t values_size; /* of the verb's own struct, zeroed before the options */
	/* What is left of the arguments.  The exit code. */
	int (*run)(struct coldpatch_session *session, const struct global *global, void *values,
		   int n_arguments, char **arguments);
};

extern const struct command command_doctor, command_inspect, command_plan, command_apply,
	command_verify, command_mirror, command_key, command_init, command_import, command_path,
	command_clone, command_history, command_rollback, command_hold, command_unhold,
	command_status, command_export, command_prune, command_relocate, command_log;

/* A list that an option fills when it is given several times. */
struct list {
	const char **items;
	size_t n;
};
void list_add(struct list *list, const char *item);

/* Tells a failure: one line on stderr, or with --json one document on stdout.  Its exit code. */
int tell_error(const struct global *global, const struct coldpatch_error *err);
/* The same for a wrong call, with where the help is; COLDPATCH_USAGE. */
int usage_error(const struct global *global, const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* With --json prints `text` (freed here) and returns NULL; else parses it for the verb's own
 * output. */
json_t *print_or_parse(const struct global *global, char *text);
/* The same for a document whose member `code` the options of the call have a say in: it becomes
 * `code`. */
json_t *print_with_code(const struct global *global, json_t *document, int code);
/* Once, at the end: the exit code of a command that ended with `code`.  What was printed and could
 * not be written is told, and is a failure where the command is none; but it is no matter that
 * nobody reads on. */
int finish_output(int code);

/* A long text as it is. */
void print_text(const char *text);
/* For tables: the string member, "-" when there is none. */
const char *field(const json_t *object, const char *name);
/* "1.2 GiB", in a static buffer of its own for up to four uses in one call of printf. */
const char *human_size(json_int_t bytes);

/* The progress display on stderr; only drawn on a terminal, or as plain lines every so often
 * otherwise. */
struct coldpatch_callbacks progress_callbacks(const struct global *global);
void progress_finish(void);

#endif
