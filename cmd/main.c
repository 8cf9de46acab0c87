/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct command *const commands[] = {
	&command_doctor, &command_inspect, &command_mirror,  &command_plan,	&command_apply,
	&command_verify, &command_log,	   &command_key,     &command_init,	&command_import,
	&command_path,	 &command_clone,   &command_history, &command_rollback, &command_hold,
	&command_unhold, &command_status,  &command_export,  &command_prune,	&command_relocate,
};

enum {
	OPTION_LIBRARY = 'L',
	OPTION_CONFIG = 1000,
	OPTION_STORE,
	OPTION_SCRATCH,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_VERBOSE,
	OPTION_HELP
};

static const struct option global_options[] = {
	{"library", required_argument, NULL, OPTION_LIBRARY},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"store", required_argument, NULL, OPTION_STORE},
	{"scratch", required_argument, NULL, OPTION_SCRATCH},
	{"json", no_argument, NULL, OPTION_JSON},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{"help", no_argument, NULL, OPTION_HELP},
};
#define N_GLOBAL_OPTIONS (sizeof global_options / sizeof global_options[0])

static void print_help(FILE *out)
{
	fputs("coldpatch patches VM images that are switched off.\n\n"
	      "usage: coldpatch VERB [OPTIONS] ...\n\n",
	      out);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(out, "  %-8s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions of every verb, after it:\n"
	      "  --library DIR    (or -L DIR) the library; else $COLDPATCH_LIBRARY, or the "
	      "configuration's\n"
	      "  --config FILE    instead of /etc/coldpatch/config.yaml\n"
	      "  --store DIR      where mirror snapshots, layers and logs are kept\n"
	      "  --scratch DIR    local disk for working copies\n"
	      "  --json           one JSON document on stdout\n"
	      "  --quiet          no progress display\n"
	      "  --verbose        everything that is logged\n"
	      "  --help           the verb's own help\n"
	      "\nThe manual is coldpatch(1).\n",
	      out);
}

static void print_command_help(const struct command *command)
{
	printf("usage: coldpatch %s %s\n\n%s.\n", command->name, command->synopsis,
	       command->summary);
	if (command->help)
		printf("\n%s", command->help);
	printf("\nThe manual is coldpatch-%s(1).\n", command->name);
}

static struct option *join_options(const struct command *command)
{
	size_t n = 0;
	struct option *joined;

	while (command->options && command->options[n].name)
		n++;
	joined = calloc(n + N_GLOBAL_OPTIONS + 1, sizeof *joined);
	if (!joined)
		abort();
	if (n)
		memcpy(joined, command->options, n * sizeof *joined);
	memcpy(joined + n, global_options, sizeof global_options);
	return joined;
}

/* 0, 1 for --help, -1 when it is none of these, or is empty. */
static int take_global(struct global *global, int option)
{
	/* A script's variable that was never set: not the working directory. */
	if (optarg && !*optarg)
		return -1;
	switch (option) {
	case OPTION_LIBRARY:
		global->settings.library = optarg;
		return 0;
	case OPTION_CONFIG:
		global->settings.config_path = optarg;
		return 0;
	case OPTION_STORE:
		global->settings.store = optarg;
		return 0;
	case OPTION_SCRATCH:
		global->settings.scratch = optarg;
		return 0;
	case OPTION_JSON:
		global->json = true;
		return 0;
	case OPTION_QUIET:
		global->quiet = true;
		return 0;
	case OPTION_VERBOSE:
		global->verbose = true;
		return 0;
	case OPTION_HELP:
		return 1;
	default:
		return -1;
	}
}

/* 0, 1 for --help, or the exit code of a wrong call: of the first that is wrong, told as the
 * options after it ask for. */
static int read_options(const struct command *command, struct global *global, void *values,
			int argc, char **argv)
{
	struct option *options = join_options(command);
	char shorts[16];
	const char *wrong = NULL;
	bool known = false;
	int option, outcome = 0;

	snprintf(shorts, sizeof shorts, "L:%s", command->shorts ? command->shorts : "");
	opterr = 0;
	while ((option = getopt_long(argc, argv, shorts, options, NULL)) != -1) {
		int global_outcome = take_global(global, option);

		if (global_outcome == 1)
			outcome = 1;
		else if (global_outcome < 0 && !wrong && outcome == 0 &&
			 (option == '?' || !command->option ||
			  command->option(values, option) < 0)) {
			wrong = *argv[optind - 1] ? argv[optind - 1] : "''";
			known = option != '?' && optarg;
		}
	}
	free(options);
	if (!wrong)
		return outcome;
	if (known)
		return usage_error(global, command, "%s: an option does not take this value",
				   wrong);
	return usage_error(global, command, "option %s is not known, or lacks its value", wrong);
}

/* The helper programs lie beside an uninstalled coldpatch, the patchsets beside its build
 * directory. */
static void find_helpers(struct coldpatch_settings *settings)
{
	static char path[4096], patchsets[4096];
	const char *given = getenv("COLDPATCH_LIBEXEC");
	ssize_t len;
	char *slash;

	if (given) {
		settings->libexec_dir = given;
		return;
	}
	len = readlink("/proc/self/exe", path, sizeof path - sizeof "coldpatch-worker");
	if (len <= 0)
		return;
	path[len] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash + 1, "coldpatch-worker");
	if (access(path, X_OK) < 0)
		return;
	*slash = '\0';
	settings->libexec_dir = path;
	snprintf(patchsets, sizeof patchsets, "%.4000s/../patchsets", path);
	if (access(patchsets, X_OK) == 0)
		settings->patchsets = patchsets;
}

static int run(const struct command *command, struct global *global, void *values, int n,
	       char **rest)
{
	struct coldpatch_callbacks callbacks = progress_callbacks(global);
	struct coldpatch_error err = {0};
	struct coldpatch_session *session;
	int code;

	const char *library = getenv("COLDPATCH_LIBRARY");

	find_helpers(&global->settings);
	if (!global->settings.library && library && *library)
		global->settings.library = library;
	session = coldpatch_session_new(&global->settings, &callbacks, &err);
	if (!session)
		return tell_error(global, &err);
	code = command->run(session, global, values, n, rest);
	progress_finish();
	coldpatch_session_free(session);
	return code;
}

static int serve(const struct command *command, int argc, char **argv)
{
	struct global global = {.settings = {.size = sizeof global.settings}};
	void *values = calloc(1, command->values_size ? command->values_size : 1);
	int outcome;

	if (!values)
		abort();
	outcome = read_options(command, &global, values, argc, argv);
	if (outcome == 0)
		outcome = run(command, &global, values, argc - optind, argv + optind);
	else if (outcome == 1) {
		print_command_help(command);
		outcome = 0;
	}
	free(values);
	return outcome;
}

/* Names go into JSON and into the record, which are UTF-8. */
static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool fits = string;

	json_decref(string);
	return fits;
}

static int dispatch(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!is_utf8(argv[i])) {
			fprintf(stderr, "coldpatch: argument %d is not UTF-8\n", i);
			return COLDPATCH_USAGE;
		}
	if (argc < 2) {
		print_help(stderr);
		return COLDPATCH_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("coldpatch %s\n", coldpatch_version());
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (!strcmp(commands[i]->name, argv[1]))
			return serve(commands[i], argc - 1, argv + 1);
	fprintf(stderr, "coldpatch: no verb %s; see coldpatch --help\n", argv[1]);
	return COLDPATCH_USAGE;
}

/* A file that is opened later must not become one of the three.  To write to a standard output that
 * was closed fails, as it should. */
static void open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
			abort();
}

int main(int argc, char **argv)
{
	open_standard();
	return finish_output(dispatch(argc, argv));
}
