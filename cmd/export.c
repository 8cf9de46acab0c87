/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "cmd.h"

enum {
	OPTION_OUTPUT = 1,
	OPTION_FORMAT,
	OPTION_RECORD,
	OPTION_KEY,
	OPTION_ACTOR,
	OPTION_REASON,
	OPTION_DRY_RUN,
};

struct values {
	struct coldpatch_export_options options;
	bool twice; /* --output: one of them would be ignored */
};

static int option(void *opaque, int option)
{
	struct values *all = opaque;
	struct coldpatch_export_options *values = &all->options;
	const char **const strings[] = {
		[OPTION_OUTPUT] = &values->output, [OPTION_FORMAT] = &values->format,
		[OPTION_RECORD] = &values->record, [OPTION_KEY] = &values->key,
		[OPTION_ACTOR] = &values->actor,   [OPTION_REASON] = &values->reason,
	};

	if (option == 'o')
		option = OPTION_OUTPUT;
	all->twice = all->twice || (option == OPTION_OUTPUT && values->output);
	if (option == OPTION_DRY_RUN)
		values->dry_run = true;
	else if (option >= OPTION_OUTPUT && option <= OPTION_REASON)
		*strings[option] = optarg;
	else
		return -1;
	return 0;
}

static void print_summary(const json_t *summary)
{
	const json_t *files = json_object_get(summary, "files"), *output;
	size_t i;

	printf("%s@%lld: %s (run %s)\n", field(summary, "image"),
	       (long long)json_integer_value(json_object_get(summary, "generation")),
	       field(summary, "msg"), field(summary, "run"));
	json_array_foreach(json_object_get(summary, "outputs"), i, output)
		printf("file    %s  sha256 %s\n", json_string_value(output),
		       field(json_array_get(files, i), "sha256"));
	printf("record  %s\n", field(summary, "record"));
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct values *values = opaque;
	struct coldpatch_export_options *options = &values->options;
	struct coldpatch_error err = {0};
	json_t *summary;
	char *text;

	if (n != 1)
		return usage_error(global, &command_export, "give one template: NAME or NAME@N");
	if (!options->output)
		return usage_error(global, &command_export, "--output is missing");
	if (values->twice)
		return usage_error(
			global, &command_export,
			"--output is given twice; of several disks, one names all files");
	options->size = sizeof *options;
	options->reference = arguments[0];
	if (coldpatch_template_export(session, options, &text, &err) < 0)
		return tell_error(global, &err);
	summary = print_or_parse(global, text);
	if (summary)
		print_summary(summary);
	json_decref(summary);
	return 0;
}

static const struct option options_table[] = {
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"record", required_argument, NULL, OPTION_RECORD},
	{"key", required_argument, NULL, OPTION_KEY},
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_export = {
	.name = "export",
	.synopsis = "-o FILE [OPTIONS] NAME[@N]",
	.summary = "Write a generation into one standalone file, with its signed record",
	.help = "  -o, --output FILE  the file to make; of several disks, NAME-diskN.SUFFIX each\n"
		"  --format NAME    qcow2 (default), raw or vmdk\n"
		"  --record FILE    the record to write; else FILE.sigstore.json\n"
		"  --key FILE       the private key that signs the record\n"
		"  --actor TEXT, --reason TEXT  recorded as claimed\n"
		"  --dry-run        check, and write nothing\n",
	.options = options_table,
	.shorts = "o:",
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
