/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_options.h"
#include "plan_output.h"

struct values {
	struct image_options image;
	struct coldpatch_apply_options apply;
	struct list outputs;
	const char *output_dir;
	bool allow_left_behind;
};

enum {
	OPTION_PATCHSET = 1,
	OPTION_SNAPSHOT,
	OPTION_PLAN,
	OPTION_OUTPUT,
	OPTION_OUTPUT_DIR,
	OPTION_RECORD,
	OPTION_PARENT_RECORD,
	OPTION_KEY,
	OPTION_EXECUTOR,
	OPTION_ACTOR,
	OPTION_REASON,
	OPTION_DEADLINE,
	OPTION_DRY_RUN,
	OPTION_BOOT_TEST,
	OPTION_ALLOW,
};

static int take_seconds(unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(optarg, &end, 10);

	if (end == optarg || *end || value == 0 || value > 7 * 86400)
		return -1;
	*ret = (unsigned)value;
	return 0;
}

static int take_flag(struct values *values, int option)
{
	switch (option) {
	case OPTION_DEADLINE:
		return take_seconds(&values->apply.deadline_s);
	case OPTION_DRY_RUN:
		values->apply.dry_run = true;
		return 0;
	case OPTION_BOOT_TEST:
		values->apply.boot_test = true;
		return 0;
	case OPTION_ALLOW:
		values->allow_left_behind = true;
		return 0;
	case OPTION_OUTPUT:
	case 'o':
		list_add(&values->outputs, optarg);
		return 0;
	default:
		return image_option(&values->image, option);
	}
}

static int option(void *opaque, int option)
{
	struct values *values = opaque;
	const char **const strings[] = {
		[OPTION_PATCHSET] = &values->apply.plan.patchset,
		[OPTION_SNAPSHOT] = &values->apply.plan.snapshot,
		[OPTION_PLAN] = &values->apply.plan_file,
		[OPTION_OUTPUT_DIR] = &values->output_dir,
		[OPTION_RECORD] = &values->apply.record,
		[OPTION_PARENT_RECORD] = &values->apply.parent_record,
		[OPTION_KEY] = &values->apply.key,
		[OPTION_EXECUTOR] = &values->apply.executor,
		[OPTION_ACTOR] = &values->apply.actor,
		[OPTION_REASON] = &values->apply.reason,
	};

	if (option > 0 && (size_t)option < sizeof strings / sizeof strings[0] && strings[option]) {
		*strings[option] = optarg;
		return 0;
	}
	return take_flag(values, option);
}

/* With --output-dir each overlay is called as its disk is, with .qcow2 at the end. */
static void name_outputs(struct values *values)
{
	for (size_t i = 0; values->output_dir && i < values->image.disks.n; i++) {
		const char *slash = strrchr(values->image.disks.items[i], '/');
		const char *name = slash ? slash + 1 : values->image.disks.items[i];
		const char *dot = strrchr(name, '.');
		int len = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
		char *path;

		if (asprintf(&path, "%s/%.*s.qcow2", values->output_dir, len, name) < 0)
			abort();
		list_add(&values->outputs, path);
	}
	if (values->output_dir && !values->apply.record) {
		char *path;

		if (asprintf(&path, "%s/record.sigstore.json", values->output_dir) < 0)
			abort();
		values->apply.record = path;
	}
	values->apply.outputs = values->outputs.items;
	values->apply.n_outputs = values->outputs.n;
}

static void print_boot_test(const json_t *test)
{
	if (!json_is_object(test))
		return;
	printf("boot    reached its login prompt in %lld s (%s)%s; console log %s\n",
	       (long long)json_integer_value(json_object_get(test, "seconds")),
	       field(test, "accelerator"),
	       json_is_true(json_object_get(test, "own_loader"))
		       ? ""
		       : "; its kernel was started directly, for its boot loader has no serial "
			 "console",
	       field(test, "console"));
}

static void print_summary(const json_t *summary)
{
	const json_t *output, *item;
	size_t i;

	printf("%s: %s (run %s)\n", field(summary, "image"), field(summary, "msg"),
	       field(summary, "run"));
	print_changes(json_object_get(summary, "packages"));
	print_left(json_object_get(summary, "left_behind"));
	if (json_is_integer(json_object_get(summary, "generation")))
		printf("generation %lld is current\n",
		       (long long)json_integer_value(json_object_get(summary, "generation")));
	json_array_foreach(json_object_get(summary, "outputs"), i, output)
		printf("overlay %s\n", json_string_value(output));
	if (json_string_value(json_object_get(summary, "record")))
		printf("record  %s\n", field(summary, "record"));
	print_boot_test(json_object_get(summary, "boot_test"));
	json_array_foreach(json_object_get(json_object_get(summary, "execution"), "kept_files"), i,
			   item)
		printf("look at %s: the update left it beside a configuration file\n",
		       json_string_value(item));
	json_array_foreach(json_object_get(json_object_get(summary, "execution"), "stubs_called"),
			   i, item) printf("not done offline: %s\n", json_string_value(item));
	print_care(json_object_get(summary, "care"));
	print_warnings(json_object_get(summary, "warnings"));
}

static int tell(const struct global *global, const struct values *values, char *text)
{
	json_t *summary = json_loads(text, 0, NULL);
	int code = (int)json_integer_value(json_object_get(summary, "code"));

	free(text);
	if (values->allow_left_behind && code == COLDPATCH_LEFT_BEHIND)
		code = COLDPATCH_OK;
	summary = print_with_code(global, summary, code);
	if (summary)
		print_summary(summary);
	json_decref(summary);
	return code;
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct values *values = opaque;
	struct coldpatch_error err = {0};
	struct coldpatch_image image;
	char *text;

	values->apply.size = sizeof values->apply;
	values->apply.plan.size = sizeof values->apply.plan;
	if (image_of_options(&values->image, n, arguments, &image) < 0)
		return usage_error(global, &command_apply, "no image");
	if (!values->apply.plan_file && !values->apply.plan.patchset)
		return usage_error(global, &command_apply, "--patchset or --plan is missing");
	if (values->apply.plan_file && (values->apply.plan.patchset || values->apply.plan.snapshot))
		return usage_error(global, &command_apply,
				   "--plan says all of it; --patchset and --snapshot do not go "
				   "with it");
	name_outputs(values);
	if (!image.template_name && !values->apply.dry_run && values->outputs.n == 0)
		return usage_error(global, &command_apply, "--output is missing");
	if (!image.template_name && !values->apply.dry_run && !values->apply.record)
		return usage_error(global, &command_apply, "--record is missing");
	if (coldpatch_image_apply(session, &image, &values->apply, &text, &err) < 0)
		return tell_error(global, &err);
	return tell(global, values, text);
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{"patchset", required_argument, NULL, OPTION_PATCHSET},
	{"snapshot", required_argument, NULL, OPTION_SNAPSHOT},
	{"plan", required_argument, NULL, OPTION_PLAN},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"output-dir", required_argument, NULL, OPTION_OUTPUT_DIR},
	{"record", required_argument, NULL, OPTION_RECORD},
	{"parent-record", required_argument, NULL, OPTION_PARENT_RECORD},
	{"key", required_argument, NULL, OPTION_KEY},
	{"executor", required_argument, NULL, OPTION_EXECUTOR},
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"deadline", required_argument, NULL, OPTION_DEADLINE},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"boot-test", no_argument, NULL, OPTION_BOOT_TEST},
	{"allow-left-behind", no_argument, NULL, OPTION_ALLOW},
	{0},
};

const struct command command_apply = {
	.name = "apply",
	.synopsis = "--patchset NAME|FILE [--output OVERLAY --record FILE] [OPTIONS] IMAGE|NAME",
	.summary = "Patch an image into a new overlay, with a signed record",
	.help = "  --patchset NAME  what to apply: a file, or the name of one that ships with "
		"coldpatch\n"
		"  --plan FILE      do exactly this plan instead (from plan -o), or refuse\n"
		"  --snapshot ID    the mirror snapshot to take packages from; else the newest\n"
		"  -o, --output FILE  the overlay to make; again for each further disk\n"
		"  --output-dir DIR make the overlays and the record there\n"
		"  --record FILE    the record to write\n"
		"  --parent-record FILE  the record of IMAGE, when IMAGE is such an overlay "
		"itself\n"
		"  --key FILE       the private key that signs the record\n"
		"  --executor NAME  auto, sandbox or appliance\n"
		"  --actor TEXT, --reason TEXT  recorded as claimed\n"
		"  --deadline S     seconds for the guest's package manager (3600)\n"
		"  --dry-run        plan, and change nothing\n"
		"  --boot-test      boot a throw-away overlay to its login prompt before "
		"committing\n"
		"  --allow-left-behind  exit 0 also when packages are left "
		"behind\n" IMAGE_OPTIONS_HELP,
	.options = options,
	.shorts = "o:",
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
