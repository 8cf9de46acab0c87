/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the members to the volumes.  Every copy of the metadata is read; the newest of each group
 * (seqno) is its map, as for LVM itself.  A group is usable only when that is beyond doubt: each of
 * its physical volumes is there once, none of them has a damaged copy (it could have been the
 * newest), none is claimed by another group, and no other group has its name.
 */
#include <string.h>

#include "base/buffer.h"
#include "disk/lvm.h"
#include "disk/volume.h"

enum { LABEL_SPAN = LVM_LABEL_SECTORS * LVM_SECTOR };

/* One member with a label. */
struct device {
	size_t member;
	struct lvm_label label;
	char *problem; /* with a copy of the metadata */
};

struct search {
	const struct volume_member *members;
	struct device *devices;
	size_t n_devices;
	struct lvm_group **groups; /* the newest of each UUID */
	size_t n_groups;
	struct volume_set *set;
};

static void search_clear(struct search *search)
{
	for (size_t i = 0; i < search->n_devices; i++)
		free(search->devices[i].problem);
	for (size_t i = 0; i < search->n_groups; i++)
		lvm_group_free(search->groups[i]);
	free(search->devices);
	free(search->groups);
}
#define CLEANUP_SEARCH __attribute__((cleanup(search_clear)))

/* A part beyond the end is a problem of the member's (ERROR_IMAGE). */
static int read_text(struct block *block, const struct lvm_text_place *place, struct buffer *text,
		     struct error *err)
{
	for (size_t i = 0; i < place->n_parts; i++) {
		size_t len = (size_t)place->parts[i].size;

		if (block_read(block, buffer_reserve(text, len), len, place->parts[i].offset, err) <
		    0)
			return -1;
		text->len += len;
	}
	if (lvm_crc((const uint8_t *)text->data, text->len) != place->checksum)
		return error_set(err, ERROR_IMAGE, "the checksum of its LVM metadata is wrong");
	return 0;
}

static void keep_newest(struct search *search, struct lvm_group *group)
{
	for (size_t i = 0; i < search->n_groups; i++) {
		struct lvm_group *known = search->groups[i];

		if (strcmp(known->uuid, group->uuid) != 0)
			continue;
		search->groups[i] = group->seqno > known->seqno ? group : known;
		lvm_group_free(group->seqno > known->seqno ? known : group);
		return;
	}
	*ARRAY_ADD(search->groups, search->n_groups) = group;
}

static bool group_has_pv(const struct lvm_group *group, const char *uuid)
{
	for (size_t i = 0; i < group->n_pvs; i++)
		if (strcmp(group->pvs[i].uuid, uuid) == 0)
			return true;
	return false;
}

/* So every group that is kept has a member. */
static int read_area(struct search *search, const struct device *device,
		     const struct lvm_area *area, struct error *err)
{
	struct block *block = search->members[device->member].block;
	uint8_t sector[LVM_SECTOR];
	struct lvm_text_place place;
	CLEANUP_BUFFER struct buffer text = {0};
	struct lvm_group *group;

	if (block_read(block, sector, sizeof sector, area->offset, err) < 0 ||
	    lvm_area_parse(sector, sizeof sector, area, &place, err) < 0)
		return -1;
	if (place.n_parts == 0)
		return 0;
	if (read_text(block, &place, &text, err) < 0)
		return -1;
	group = lvm_group_parse(text.data, text.len, err);
	if (!group)
		return -1;
	if (!group_has_pv(group, device->label.uuid)) {
		lvm_group_free(group);
		return error_set(err, ERROR_IMAGE, "its LVM metadata is of a group without it");
	}
	keep_newest(search, group);
	return 0;
}

static int read_device(struct search *search, struct device *device, struct error *err)
{
	for (size_t i = 0; i < device->label.n_areas; i++) {
		struct error problem = {0};

		if (read_area(search, device, &device->label.areas[i], &problem) == 0)
			continue;
		if (problem.kind != ERROR_IMAGE) {
			*err = problem;
			return -1;
		}
		if (!device->problem)
			device->problem = xstrdup(problem.msg);
	}
	return 0;
}

static int look_at(struct search *search, size_t member, struct error *err)
{
	struct block *block = search->members[member].block;
	uint8_t head[LABEL_SPAN];
	struct error problem = {0};
	struct lvm_label label;
	int found;

	if (!block || block_size(block) < sizeof head)
		return 0;
	if (block_read(block, head, sizeof head, 0, err) < 0)
		return -1;
	found = lvm_label_parse(head, sizeof head, &label, &problem);
	if (found < 0)
		search->set->problems[member] = xstrdup(problem.msg);
	if (found > 0)
		*ARRAY_ADD(search->devices, search->n_devices) =
			(struct device){.member = member, .label = label};
	return 0;
}

/* NULL: not there. */
static const struct device *find_device(const struct search *search, const char *uuid)
{
	for (size_t i = 0; i < search->n_devices; i++)
		if (strcmp(search->devices[i].label.uuid, uuid) == 0)
			return &search->devices[i];
	return NULL;
}

static const char *place_of(const struct search *search, const struct device *device)
{
	return search->members[device->member].place;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Extents lie on the device, and neither on its label nor on its metadata. */
static char *problem_of_extents(const struct search *search, const struct device *device,
				const struct lvm_pv *pv)
{
	uint64_t size = block_size(search->members[device->member].block);

	if (pv->start + pv->size > size)
		return xasprintf("has extents beyond the end of %s", place_of(search, device));
	if (pv->size && pv->start < LABEL_SPAN)
		return xasprintf("has extents over the label of %s", place_of(search, device));
	for (size_t i = 0; pv->size && i < device->label.n_areas; i++) {
		const struct lvm_area *area = &device->label.areas[i];

		if (area->offset > size || area->size > size - area->offset ||
		    overlaps(pv->start, pv->size, area->offset, area->size))
			return xasprintf("has extents over the metadata of %s",
					 place_of(search, device));
	}
	return NULL;
}

static char *problem_of_pv(const struct search *search, const struct lvm_pv *pv)
{
	const struct device *device = find_device(search, pv->uuid);

	if (!device || pv->missing)
		return xasprintf("lacks its physical volume %s%s", pv->uuid,
				 device ? " (marked MISSING; vgextend --restoremissing in the "
					  "guest)"
					: "; give all disks of the guest");
	for (const struct device *other = device + 1; other < search->devices + search->n_devices;
	     other++)
		if (strcmp(other->label.uuid, pv->uuid) == 0)
			return xasprintf("has one physical volume twice, in %s and in %s; give "
					 "one of them",
					 place_of(search, device), place_of(search, other));
	if (device->problem)
		return xasprintf("has a damaged copy of its metadata in %s: %s; mend it in the "
				 "guest (vgck --updatemetadata)",
				 place_of(search, device), device->problem);
	return problem_of_extents(search, device, pv);
}

static char *problem_of_other(const struct lvm_group *group, const struct lvm_group *other)
{
	if (strcmp(group->name, other->name) == 0)
		return xasprintf("has the name of another in this image (%s)", other->uuid);
	for (size_t i = 0; i < group->n_pvs; i++)
		if (group_has_pv(other, group->pvs[i].uuid))
			return xasprintf("shares a physical volume with %s", other->name);
	return NULL;
}

static char *problem_of_group(const struct search *search, const struct lvm_group *group)
{
	char *problem = group->why_not_read ? xstrdup(group->why_not_read) : NULL;

	for (size_t i = 0; !problem && i < search->n_groups; i++)
		if (search->groups[i] != group)
			problem = problem_of_other(group, search->groups[i]);
	for (size_t i = 0; !problem && i < group->n_pvs; i++)
		problem = problem_of_pv(search, &group->pvs[i]);
	return problem;
}

/* In a node's name a dash of the volume's is doubled, because one stands between the two names. */
static void put_doubled(struct buffer *text, const char *name)
{
	for (; *name; name++)
		buffer_puts(text, *name == '-' ? "--" : (const char[]){*name, '\0'});
}

static void put_undashed(struct buffer *text, const char *uuid)
{
	for (; *uuid; uuid++)
		if (*uuid != '-')
			buffer_putc(text, *uuid);
}

static void add_node(struct volume *volume, char *node)
{
	*ARRAY_ADD(volume->nodes, volume->n_nodes) = node;
}

/* lvm(8) and the udev rules 11-dm-lvm.rules, 13-dm-disk.rules. */
static void set_nodes(struct volume *volume)
{
	CLEANUP_BUFFER struct buffer mapped = {0};
	CLEANUP_BUFFER struct buffer uuids = {0};

	put_doubled(&mapped, volume->group);
	buffer_putc(&mapped, '-');
	put_doubled(&mapped, volume->name);
	put_undashed(&uuids, volume->group_uuid);
	put_undashed(&uuids, volume->uuid);
	add_node(volume, xasprintf("/dev/mapper/%s", mapped.data));
	add_node(volume, xasprintf("/dev/%s/%s", volume->group, volume->name));
	add_node(volume, xasprintf("/dev/disk/by-id/dm-name-%s", mapped.data));
	add_node(volume, xasprintf("/dev/disk/by-id/dm-uuid-LVM-%s", uuids.data));
}

static void set_segments(const struct search *search, const struct lvm_group *group,
			 const struct lvm_lv *lv, struct volume *volume)
{
	for (size_t i = 0; i < lv->n_segments; i++) {
		const struct lvm_segment *segment = &lv->segments[i];
		const struct device *device = find_device(search, group->pvs[segment->pv].uuid);

		*ARRAY_ADD(volume->segments, volume->n_segments) = (struct volume_segment){
			.member = device->member, .offset = segment->offset, .size = segment->size};
	}
}

static void set_members(const struct search *search, const struct lvm_group *group,
			struct volume *volume)
{
	for (size_t i = 0; i < search->n_devices; i++)
		if (group_has_pv(group, search->devices[i].label.uuid))
			*ARRAY_ADD(volume->members, volume->n_members) = search->devices[i].member;
}

/* `problem` is of the whole group, or NULL. */
static void add_volume(const struct search *search, const struct lvm_group *group,
		       const struct lvm_lv *lv, const char *problem)
{
	struct volume *volume = ARRAY_ADD(search->set->volumes, search->set->n_volumes);

	volume->manager = "lvm";
	volume->group = xstrdup(group->name);
	volume->group_uuid = xstrdup(group->uuid);
	volume->name = xstrdup(lv->name);
	volume->uuid = xstrdup(lv->uuid);
	volume->grub = xasprintf("lvmid/%s/%s", group->uuid, lv->uuid);
	volume->size = lv->size;
	set_nodes(volume);
	set_members(search, group, volume);
	if (problem)
		volume->why_not_read = xasprintf("volume group %s %s", group->name, problem);
	else if (lv->why_not_read)
		volume->why_not_read = xasprintf("logical volume %s/%s %s", group->name, lv->name,
						 lv->why_not_read);
	else
		set_segments(search, group, lv, volume);
	if (group->why_not_write)
		volume->why_not_write =
			xasprintf("volume group %s %s", group->name, group->why_not_write);
	else if (lv->why_not_write)
		volume->why_not_write = xasprintf("logical volume %s/%s %s", group->name, lv->name,
						  lv->why_not_write);
}

static void add_volumes(const struct search *search, const struct lvm_group *group)
{
	CLEANUP_FREE char *problem = problem_of_group(search, group);

	for (size_t i = 0; i < group->n_lvs; i++)
		if (group->lvs[i].visible)
			add_volume(search, group, &group->lvs[i], problem);
}

/* A member of a known group says what is wrong through the group's volumes. */
static void add_problems(const struct search *search)
{
	for (size_t i = 0; i < search->n_devices; i++) {
		struct device *device = &search->devices[i];
		bool claimed = false;

		for (size_t j = 0; j < search->n_groups; j++)
			claimed |= group_has_pv(search->groups[j], device->label.uuid);
		if (!claimed)
			search->set->problems[device->member] = steal(device->problem);
	}
}

static int compare_volumes(const void *a, const void *b)
{
	const struct volume *x = a, *y = b;
	int order = strcmp(x->group, y->group);

	if (order == 0)
		order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->uuid, y->uuid);
}

int volumes_find(const struct volume_member *members, size_t n_members, struct volume_set *ret,
		 struct error *err)
{
	CLEANUP_VOLUMES struct volume_set set = {.problems = xcalloc(n_members + 1, sizeof(char *)),
						 .n_problems = n_members};
	CLEANUP_SEARCH struct search search = {.members = members, .set = &set};

	for (size_t i = 0; i < n_members; i++)
		if (look_at(&search, i, err) < 0)
			return error_prefix(err, "%s", members[i].place);
	for (size_t i = 0; i < search.n_devices; i++)
		if (read_device(&search, &search.devices[i], err) < 0)
			return error_prefix(err, "%s", place_of(&search, &search.devices[i]));
	for (size_t i = 0; i < search.n_groups; i++)
		add_volumes(&search, search.groups[i]);
	add_problems(&search);
	if (set.n_volumes)
		qsort(set.volumes, set.n_volumes, sizeof *set.volumes, compare_volumes);
	*ret = set;
	set = (struct volume_set){0};
	return 0;
}

static void volume_clear(struct volume *volume)
{
	for (size_t i = 0; i < volume->n_nodes; i++)
		free(volume->nodes[i]);
	free(volume->nodes);
	free(volume->group);
	free(volume->group_uuid);
	free(volume->name);
	free(volume->uuid);
	free(volume->grub);
	free(volume->segments);
	free(volume->members);
	free(volume->why_not_read);
	free(volume->why_not_write);
}

void volume_set_free(struct volume_set *set)
{
	for (size_t i = 0; i < set->n_volumes; i++)
		volume_clear(&set->volumes[i]);
	for (size_t i = 0; i < set->n_problems; i++)
		free(set->problems[i]);
	free(set->volumes);
	free(set->problems);
	*set = (struct volume_set){0};
}
