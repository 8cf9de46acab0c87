/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "layer/labels.h"

#include <string.h>
#include <sys/stat.h>

#include "layer/contexts.h"

#define LABEL	    "security.selinux"
#define AUTORELABEL "/.autorelabel"

/* Of one file of a policy; real ones have less than a megabyte. */
enum { MAX_CONTEXTS = 32 << 20 };

struct sight {
	struct diff *diff;
	struct tree *before;
};

static int compare_change(const void *key, const void *change)
{
	return strcmp(key, ((const struct change *)change)->entry.path);
}

static struct change *find_change(const struct diff *diff, const char *path)
{
	if (!diff->n_changes)
		return NULL;
	return bsearch(path, diff->changes, diff->n_changes, sizeof *diff->changes, compare_change);
}

static int append(void *opaque, const void *data, size_t len, uint64_t offset, struct error *err)
{
	struct buffer *text = opaque;

	(void)err;
	while (text->len < offset)
		buffer_putc(text, '\0');
	buffer_append(text, data, len);
	return 0;
}

static int read_changed(const struct content *content, const char *path, struct buffer *ret,
			struct error *err)
{
	struct segments segments = {0};
	int status;

	if (content->size > MAX_CONTEXTS)
		return error_set(err, ERROR_IMAGE, "%s: larger than %d bytes", path, MAX_CONTEXTS);
	status = content_segments(content, &segments, err);
	if (status == 0)
		status = content_for_each(content, &segments, append, ret, err);
	segments_free(&segments);
	return status < 0 ? -1 : 1;
}

/* A contexts_reader. */
static int read_after(void *opaque, const char *path, struct buffer *ret, struct error *err)
{
	const struct sight *sight = opaque;
	struct change *change = find_change(sight->diff, path);
	struct tree_node node;
	int found;

	if (change && change->has_content)
		return read_changed(&change->content, path, ret, err);
	if (change && change->entry.action == LAYER_REMOVE)
		return 0;
	found = tree_lookup(sight->before, path, TREE_FOLLOW, &node, err);
	if (found <= 0 || !S_ISREG(node.stat.mode))
		return found < 0 ? -1 : 0;
	return tree_read_file(sight->before, path, MAX_CONTEXTS, ret, err) < 0 ? -1 : 1;
}

static struct fs_xattr *label_of(struct layer_entry *entry)
{
	for (size_t i = 0; i < entry->xattrs.n_items; i++)
		if (strcmp(entry->xattrs.items[i].name, LABEL) == 0)
			return &entry->xattrs.items[i];
	return NULL;
}

static bool is_custom(const struct contexts *contexts, const struct fs_xattr *old)
{
	CLEANUP_FREE char *label = old ? xstrndup(old->value, old->size) : NULL;

	return label && contexts_is_custom(contexts, label);
}

static void set_label(struct layer_entry *entry, struct fs_xattr *old, const char *label)
{
	size_t size = strlen(label) + 1; /* with its NUL, as the kernel keeps it */

	if (old) {
		free(old->value);
		old->value = xmemdup(label, size);
		old->size = size;
		return;
	}
	layer_xattrs_add(&entry->xattrs, LABEL, label, size);
	layer_xattrs_sort(&entry->xattrs);
}

/* 0, or -1 with *ret_why. */
static int label_entry(struct contexts *contexts, struct layer_entry *entry, char **ret_why)
{
	CLEANUP_FREE char *label = NULL;
	struct fs_xattr *old = label_of(entry);
	int found = contexts_lookup(contexts, entry->path, entry->stat.mode, &label, ret_why);

	if (found > 0 && !is_custom(contexts, old))
		set_label(entry, old, label);
	return found < 0 ? -1 : 0;
}

static bool carries_inode(const struct layer_entry *entry)
{
	return entry->action == LAYER_METADATA || entry->action == LAYER_REPLACE;
}

static int label_all(struct diff *diff, struct contexts *contexts, char **ret_why)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		if (carries_inode(&diff->changes[i].entry) &&
		    label_entry(contexts, &diff->changes[i].entry, ret_why) < 0)
			return -1;
	return 0;
}

static int compare_changes(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->entry.path,
		      ((const struct change *)b)->entry.path);
}

/* An empty file, unless there is one. */
static int ask_for_relabel(struct diff *diff, struct tree *before, struct error *err)
{
	struct tree_node node;
	struct change *change;
	int found = tree_lookup(before, AUTORELABEL, TREE_NOFOLLOW, &node, err);

	if (found || find_change(diff, AUTORELABEL))
		return found < 0 ? -1 : 0;
	if (tree_lookup(before, "/", TREE_NOFOLLOW, &node, err) < 0)
		return -1;
	change = ARRAY_ADD(diff->changes, diff->n_changes);
	*change = (struct change){
		.entry = {.action = LAYER_REPLACE,
			  .path = xstrdup(AUTORELABEL),
			  .stat = {.mode = S_IFREG | 0644, .mtime = node.stat.mtime}},
		.has_content = true,
		.content = {.spool = -1},
	};
	qsort(diff->changes, diff->n_changes, sizeof *diff->changes, compare_changes);
	return 0;
}

int labels_put(struct diff *diff, struct tree *before, const char *work_dir, char **ret_why,
	       struct error *err)
{
	struct sight sight = {diff, before};
	CLEANUP(contexts_free)
	struct contexts *contexts = NULL;
	CLEANUP_FREE char *why = NULL;
	enum contexts_state state;

	*ret_why = NULL;
	if (!diff->n_changes)
		return 0;
	if (contexts_open(read_after, &sight, work_dir, &contexts, &state, &why, err) < 0)
		return -1;
	if (state == CONTEXTS_READ && label_all(diff, contexts, &why) < 0)
		state = CONTEXTS_UNUSABLE;
	if (state == CONTEXTS_UNUSABLE && ask_for_relabel(diff, before, err) < 0)
		return -1;
	*ret_why = steal(why);
	return 0;
}
