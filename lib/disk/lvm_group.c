/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The meaning of the text.  Numbers are of extents and sectors there, of bytes here.  What makes a
 * volume or the group unreadable without being wrong (a type that is no plain run of extents, an
 * exported group) is a clause beside it.
 */
#include <string.h>

#include "disk/lvm.h"

enum { MAX_PVS = 1024, MAX_LVS = 1 << 12 };

static bool has_flag(const struct lvm_node *section, const char *list, const char *flag)
{
	const struct lvm_node *flags = lvm_node_find(section, list, LVM_LIST);

	for (size_t i = 0; flags && i < flags->n_items; i++)
		if (flags->items[i].kind == LVM_STRING && strcmp(flags->items[i].text, flag) == 0)
			return true;
	return false;
}

static bool has_status(const struct lvm_node *section, const char *flag)
{
	return has_flag(section, "status", flag) || has_flag(section, "flags", flag);
}

static bool get_number(const struct lvm_node *section, const char *name, uint64_t *ret)
{
	const struct lvm_node *node = lvm_node_find(section, name, LVM_NUMBER);

	if (node)
		*ret = node->number;
	return node != NULL;
}

static const char *get_string(const struct lvm_node *section, const char *name)
{
	const struct lvm_node *node = lvm_node_find(section, name, LVM_STRING);

	return node ? node->text : NULL;
}

/* lvm(8), "VALID NAMES". */
static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+_.-";
	size_t len = strlen(name);

	return len > 0 && len <= LVM_NAME_LIMIT && strspn(name, allowed) == len && *name != '-' &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool get_uuid(const struct lvm_node *section, char ret[LVM_UUID_SIZE])
{
	static const char pattern[] = "xxxxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxxxx";
	const char *uuid = get_string(section, "id");

	if (!uuid || strlen(uuid) != sizeof pattern - 1)
		return false;
	for (size_t i = 0; pattern[i]; i++) {
		char c = uuid[i];
		bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			      (c >= 'A' && c <= 'Z') || c == '!' || c == '#';

		if (pattern[i] == '-' ? c != '-' : !letter)
			return false;
	}
	memcpy(ret, uuid, sizeof pattern);
	return true;
}

/* Of `what`: "physical volume", "logical volume". */
static int wrong(const char *what, const char *name, const char *how, struct error *err)
{
	return error_set(err, ERROR_IMAGE, "LVM metadata: %s %.*s %s", what, LVM_NAME_LIMIT, name,
			 how);
}

static int read_pv(const struct lvm_node *node, uint64_t extent_size, struct lvm_pv *pv,
		   struct error *err)
{
	uint64_t start, count, end;

	pv->name = xstrdup(node->name);
	if (!get_uuid(node, pv->uuid))
		return wrong("physical volume", node->name, "has no UUID", err);
	if (!get_number(node, "pe_start", &start) || !get_number(node, "pe_count", &count) ||
	    __builtin_mul_overflow(start, LVM_SECTOR, &pv->start) ||
	    __builtin_mul_overflow(count, extent_size, &pv->size) ||
	    __builtin_add_overflow(pv->start, pv->size, &end))
		return wrong("physical volume", node->name, "does not say where its extents lie",
			     err);
	pv->missing = has_status(node, "MISSING");
	return 0;
}

static int read_pvs(const struct lvm_node *section, uint64_t extent_size, struct lvm_group *group,
		    struct error *err)
{
	if (!section || section->n_items == 0 || section->n_items > MAX_PVS)
		return error_set(err, ERROR_IMAGE,
				 "LVM metadata: no physical volumes, or more than %d", MAX_PVS);
	for (size_t i = 0; i < section->n_items; i++)
		if (read_pv(&section->items[i], extent_size, ARRAY_ADD(group->pvs, group->n_pvs),
			    err) < 0)
			return -1;
	for (size_t i = 0; i < group->n_pvs; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(group->pvs[i].uuid, group->pvs[j].uuid) == 0)
				return wrong("physical volume", group->pvs[i].name,
					     "has the UUID of another", err);
	return 0;
}

static bool find_pv(const struct lvm_group *group, const char *name, size_t *ret)
{
	for (size_t i = 0; i < group->n_pvs; i++)
		if (strcmp(group->pvs[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* The first reason is kept. */
static void set_reason(char **reason, char *text)
{
	if (*reason)
		free(text);
	else
		*reason = text;
}

/* Runs that follow each other become one. */
static void add_segment(struct lvm_lv *lv, const struct lvm_segment *segment)
{
	struct lvm_segment *last = lv->n_segments ? &lv->segments[lv->n_segments - 1] : NULL;

	if (last && last->pv == segment->pv && last->offset + last->size == segment->offset)
		last->size += segment->size;
	else
		*ARRAY_ADD(lv->segments, lv->n_segments) = *segment;
}

/* "striped" over one physical volume: a plain run of extents. */
static int read_linear(const struct lvm_group *group, const struct lvm_node *node,
		       uint64_t extent_size, uint64_t size, struct lvm_lv *lv, struct error *err)
{
	const struct lvm_node *stripes = lvm_node_find(node, "stripes", LVM_LIST);
	struct lvm_segment segment = {.size = size};
	uint64_t end;

	if (!stripes || stripes->n_items != 2 || stripes->items[0].kind != LVM_STRING ||
	    stripes->items[1].kind != LVM_NUMBER)
		return wrong("logical volume", lv->name, "has a segment that lies nowhere", err);
	if (!find_pv(group, stripes->items[0].text, &segment.pv)) {
		set_reason(&lv->why_not_read,
			   xstrdup("is made of another logical volume (pvmove at work?)"));
		return 0;
	}
	if (__builtin_mul_overflow(stripes->items[1].number, extent_size, &segment.offset) ||
	    __builtin_add_overflow(segment.offset, size, &end) || end > group->pvs[segment.pv].size)
		return wrong("logical volume", lv->name,
			     "has extents beyond the end of a physical volume", err);
	segment.offset += group->pvs[segment.pv].start;
	add_segment(lv, &segment);
	return 0;
}

static int read_segment(const struct lvm_group *group, const struct lvm_node *node,
			uint64_t extent_size, struct lvm_lv *lv, struct error *err)
{
	const char *type = get_string(node, "type");
	uint64_t start, count, size, n_stripes = 0;

	if (!type || !get_number(node, "start_extent", &start) ||
	    !get_number(node, "extent_count", &count) || count == 0 ||
	    __builtin_mul_overflow(count, extent_size, &size))
		return wrong("logical volume", lv->name, "has a segment without type or size", err);
	if (start != lv->size / extent_size || __builtin_add_overflow(lv->size, size, &lv->size))
		return wrong("logical volume", lv->name, "has segments that do not join", err);
	if (strcmp(type, "striped") != 0 && strcmp(type, "linear") != 0) {
		set_reason(&lv->why_not_read,
			   xasprintf("is of type %.40s, which is not read directly", type));
		return 0;
	}
	if (!get_number(node, "stripe_count", &n_stripes) || n_stripes != 1) {
		set_reason(&lv->why_not_read,
			   xasprintf("is striped over %llu physical volumes, which is not read "
				     "directly",
				     (unsigned long long)n_stripes));
		return 0;
	}
	return read_linear(group, node, extent_size, size, lv, err);
}

/* They come in order, "segment1" first. */
static int read_segments(const struct lvm_group *group, const struct lvm_node *node,
			 uint64_t extent_size, struct lvm_lv *lv, struct error *err)
{
	uint64_t count, found = 0;

	for (size_t i = 0; i < node->n_items; i++) {
		const struct lvm_node *segment = &node->items[i];
		char name[40];

		if (segment->kind != LVM_SECTION)
			continue;
		snprintf(name, sizeof name, "segment%llu", (unsigned long long)++found);
		if (strcmp(segment->name, name) != 0)
			return wrong("logical volume", lv->name, "lacks one of its segments", err);
		if (read_segment(group, segment, extent_size, lv, err) < 0)
			return -1;
	}
	if (!get_number(node, "segment_count", &count) || count != found || count == 0 ||
	    count > LVM_MAX_SEGMENTS)
		return wrong("logical volume", lv->name,
			     "has no segments, or another number of "
			     "them than it says",
			     err);
	return 0;
}

static int read_lv(const struct lvm_group *group, const struct lvm_node *node, uint64_t extent_size,
		   struct lvm_lv *lv, struct error *err)
{
	lv->name = xstrdup(node->name);
	if (!is_name(node->name))
		return wrong("logical volume", node->name, "has a name that LVM does not allow",
			     err);
	if (!get_uuid(node, lv->uuid))
		return wrong("logical volume", node->name, "has no UUID", err);
	lv->visible = has_status(node, "VISIBLE");
	if (!has_status(node, "WRITE"))
		lv->why_not_write = xstrdup("is read-only (lvchange --permission r)");
	if (read_segments(group, node, extent_size, lv, err) < 0)
		return -1;
	if (has_status(node, "LOCKED") || has_status(node, "PVMOVE"))
		set_reason(&lv->why_not_read, xstrdup("is being moved (pvmove)"));
	return 0;
}

static struct lvm_lv *find_lv(struct lvm_group *group, const char *name)
{
	for (size_t i = 0; name && i < group->n_lvs; i++)
		if (strcmp(group->lvs[i].name, name) == 0)
			return &group->lvs[i];
	return NULL;
}

/* A snapshot is a hidden volume that names two others: the one it is of, which the kernel copies
 * from before it is written, and the one that holds the copies. */
static void note_snapshot(struct lvm_group *group, const struct lvm_node *segment)
{
	const char *store = get_string(segment, "cow_store");
	struct lvm_lv *origin = find_lv(group, get_string(segment, "origin"));
	struct lvm_lv *copies =
		find_lv(group, store ? store : get_string(segment, "merging_store"));

	if (!origin || !copies)
		return;
	set_reason(
		&origin->why_not_write,
		xasprintf("has a snapshot (%s), which writing directly would spoil", copies->name));
	set_reason(&copies->why_not_read,
		   xasprintf("is a snapshot of %s, which is not read directly", origin->name));
}

static void note_snapshots(struct lvm_group *group, const struct lvm_node *lvs)
{
	for (size_t i = 0; i < lvs->n_items; i++) {
		const struct lvm_node *segment =
			lvm_node_find(&lvs->items[i], "segment1", LVM_SECTION);
		const char *type = get_string(segment, "type");

		if (type && strcmp(type, "snapshot") == 0)
			note_snapshot(group, segment);
	}
}

struct run {
	size_t pv;
	uint64_t start, end;
};

static int compare_runs(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->pv != y->pv)
		return x->pv < y->pv ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* No extent belongs to two plain volumes, nor twice to one. */
static int check_overlap(const struct lvm_group *group, struct error *err)
{
	CLEANUP_FREE struct run *runs = NULL;
	size_t n_runs = 0;

	for (size_t i = 0; i < group->n_lvs; i++)
		for (size_t j = 0; j < group->lvs[i].n_segments; j++) {
			const struct lvm_segment *segment = &group->lvs[i].segments[j];

			*ARRAY_ADD(runs, n_runs) = (struct run){segment->pv, segment->offset,
								segment->offset + segment->size};
		}
	if (n_runs)
		qsort(runs, n_runs, sizeof *runs, compare_runs);
	for (size_t i = 1; i < n_runs; i++)
		if (runs[i].pv == runs[i - 1].pv && runs[i].start < runs[i - 1].end)
			return error_set(err, ERROR_IMAGE,
					 "LVM metadata: two logical volumes of %s overlap on "
					 "physical volume %s",
					 group->name, group->pvs[runs[i].pv].name);
	return 0;
}

static int read_lvs(const struct lvm_node *section, uint64_t extent_size, struct lvm_group *group,
		    struct error *err)
{
	if (!section)
		return 0;
	if (section->n_items > MAX_LVS)
		return error_set(err, ERROR_IMAGE, "LVM metadata: more than %d logical volumes",
				 MAX_LVS);
	for (size_t i = 0; i < section->n_items; i++)
		if (read_lv(group, &section->items[i], extent_size,
			    ARRAY_ADD(group->lvs, group->n_lvs), err) < 0)
			return -1;
	if (check_overlap(group, err) < 0)
		return -1;
	note_snapshots(group, section);
	return 0;
}

/* vgexport(8), lvmlockd(8), vgchange(8). */
static void note_state(const struct lvm_node *node, struct lvm_group *group)
{
	const char *lock = get_string(node, "lock_type");
	const char *format = get_string(node, "format");

	if (has_status(node, "EXPORTED"))
		set_reason(&group->why_not_read, xstrdup("is exported (vgimport takes that back)"));
	if (has_status(node, "CLUSTERED") || has_status(node, "SHARED") ||
	    (lock && *lock && strcmp(lock, "none") != 0))
		set_reason(&group->why_not_read, xstrdup("is shared by the hosts of a cluster"));
	if (has_status(node, "PARTIAL"))
		set_reason(&group->why_not_read, xstrdup("is not complete (PARTIAL)"));
	if (format && strcmp(format, "lvm2") != 0)
		set_reason(&group->why_not_read, xasprintf("is of format %.20s", format));
	if (!has_status(node, "WRITE"))
		set_reason(&group->why_not_write, xstrdup("is read-only (vgchange)"));
}

static int read_group(const struct lvm_node *node, struct lvm_group *group, struct error *err)
{
	uint64_t sectors, extent_size;

	if (!is_name(node->name) || !get_uuid(node, group->uuid) ||
	    !get_number(node, "seqno", &group->seqno))
		return error_set(err, ERROR_IMAGE,
				 "LVM metadata: the volume group has no valid name, UUID or seqno");
	group->name = xstrdup(node->name);
	if (!get_number(node, "extent_size", &sectors) || sectors == 0 ||
	    __builtin_mul_overflow(sectors, LVM_SECTOR, &extent_size))
		return error_set(err, ERROR_IMAGE, "LVM metadata: %s has no extent size",
				 group->name);
	note_state(node, group);
	if (read_pvs(lvm_node_find(node, "physical_volumes", LVM_SECTION), extent_size, group,
		     err) < 0)
		return -1;
	return read_lvs(lvm_node_find(node, "logical_volumes", LVM_SECTION), extent_size, group,
			err);
}

struct lvm_group *lvm_group_parse(const char *buf, size_t len, struct error *err)
{
	CLEANUP(lvm_node_free)
	struct lvm_node *root = lvm_text_parse(buf, len, err);
	CLEANUP(lvm_group_free)
	struct lvm_group *group = xcalloc(1, sizeof *group);
	const struct lvm_node *node = NULL;

	if (!root)
		return NULL;
	for (size_t i = 0; i < root->n_items; i++) {
		if (root->items[i].kind != LVM_SECTION)
			continue;
		if (node) {
			error_set(err, ERROR_IMAGE, "LVM metadata: more than one volume group");
			return NULL;
		}
		node = &root->items[i];
	}
	if (!node) {
		error_set(err, ERROR_IMAGE, "LVM metadata: no volume group");
		return NULL;
	}
	return read_group(node, group, err) < 0 ? NULL : steal(group);
}

void lvm_group_free(struct lvm_group *group)
{
	if (!group)
		return;
	for (size_t i = 0; i < group->n_pvs; i++)
		free(group->pvs[i].name);
	for (size_t i = 0; i < group->n_lvs; i++) {
		struct lvm_lv *lv = &group->lvs[i];

		free(lv->name);
		free(lv->segments);
		free(lv->why_not_read);
		free(lv->why_not_write);
	}
	free(group->pvs);
	free(group->lvs);
	free(group->name);
	free(group->why_not_read);
	free(group->why_not_write);
	free(group);
}
