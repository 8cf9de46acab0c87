/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change_output.h"
#include "image_options.h"

struct values {
	struct image_options image;
	struct coldpatch_import_options import;
	unsigned modes; /* that were asked for, a bit each */
};

enum {
	OPTION_REFERENCE = 1,
	OPTION_COPY,
	OPTION_MOVE,
	OPTION_INTO,
	OPTION_NAME,
	OPTION_OWNER,
	OPTION_PURPOSE,
	OPTION_REVIEW_BY,
	OPTION_TRUST_DOMAIN,
	OPTION_KEY,
	OPTION_ACTOR,
	OPTION_REASON,
	OPTION_DRY_RUN,
};

static int take_mode(struct values *values, enum coldpatch_import_mode mode)
{
	values->import.mode = mode;
	values->modes |= 1U << mode;
	return 0;
}

static int take_flag(struct values *values, int option)
{
	switch (option) {
	case OPTION_REFERENCE:
		return take_mode(values, COLDPATCH_IMPORT_REFERENCE);
	case OPTION_COPY:
		return take_mode(values, COLDPATCH_IMPORT_COPY);
	case OPTION_MOVE:
		return take_mode(values, COLDPATCH_IMPORT_MOVE);
	case OPTION_DRY_RUN:
		values->import.dry_run = true;
		return 0;
	default:
		return image_option(&values->image, option);
	}
}

static int option(void *opaque, int option)
{
	struct values *values = opaque;
	const char **const strings[] = {
		[OPTION_INTO] = &values->import.into,
		[OPTION_NAME] = &values->import.name,
		[OPTION_OWNER] = &values->import.owner,
		[OPTION_PURPOSE] = &values->import.purpose,
		[OPTION_REVIEW_BY] = &values->import.review_by,
		[OPTION_TRUST_DOMAIN] = &values->import.trust_domain,
		[OPTION_KEY] = &values->import.key,
		[OPTION_ACTOR] = &values->import.actor,
		[OPTION_REASON] = &values->import.reason,
	};

	if (option > 0 && (size_t)option < sizeof strings / sizeof strings[0] && strings[option]) {
		*strings[option] = optarg;
		return 0;
	}
	return take_flag(values, option);
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct values *values = opaque;
	struct coldpatch_error err = {0};
	char *text;

	for (int i = 0; i < n; i++)
		list_add(&values->image.disks, arguments[i]);
	if (values->image.disks.n == 0)
		return usage_error(global, &command_import, "no image");
	if (n > 1)
		return usage_error(
			global, &command_import,
			"one image at a time; the disks of one guest are --disk FILE each");
	if (values->modes & (values->modes - 1))
		return usage_error(global, &command_import,
				   "only one of --reference, --copy and --move");
	values->import.size = sizeof values->import;
	values->import.paths = values->image.disks.items;
	values->import.n_paths = values->image.disks.n;
	values->import.backing = values->image.backing.items;
	values->import.n_backing = values->image.backing.n;
	values->import.disk_keys = values->image.keys.items;
	values->import.n_disk_keys = values->image.keys.n;
	if (coldpatch_library_import(session, &values->import, &text, &err) < 0)
		return tell_error(global, &err);
	return tell_change(global, text);
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{"reference", no_argument, NULL, OPTION_REFERENCE},
	{"copy", no_argument, NULL, OPTION_COPY},
	{"move", no_argument, NULL, OPTION_MOVE},
	{"into", required_argument, NULL, OPTION_INTO},
	{"name", required_argument, NULL, OPTION_NAME},
	{"owner", required_argument, NULL, OPTION_OWNER},
	{"purpose", required_argument, NULL, OPTION_PURPOSE},
	{"review-by", required_argument, NULL, OPTION_REVIEW_BY},
	{"trust-domain", required_argument, NULL, OPTION_TRUST_DOMAIN},
	{"key", required_argument, NULL, OPTION_KEY},
	{"actor", required_argument, NULL, OPTION_ACTOR},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{0},
};

const struct command command_import = {
	.name = "import",
	.synopsis = "[OPTIONS] FILE|DIR",
	.summary = "Bring images and their chains into the library",
	.help = "  --reference      leave the files where they are (default)\n"
		"  --copy           keep copies of the files in the library\n"
		"  --move           the same, and remove the files\n"
		"  --name NAME      of the template; else as the file is called\n"
		"  --into NAME      as a new generation of this template: a rebuilt image, or one "
		"changed by other means\n"
		"  --owner TEXT     whose template it is\n"
		"  --purpose TEXT   what it is for\n"
		"  --review-by DAY  when somebody should look whether it is still needed\n"
		"  --trust-domain NAME  whose code is in it (own)\n"
		"  --key FILE       the private key that signs\n"
		"  --actor TEXT, --reason TEXT  recorded as claimed\n"
		"  --dry-run        look at the image, and change nothing\n" IMAGE_OPTIONS_HELP,
	.options = options,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
