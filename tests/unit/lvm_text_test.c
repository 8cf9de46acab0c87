/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Maps of volume groups as text, sound and otherwise.  What LVM itself writes is read in
 * tests/image/lvm.sh. */
#include <check.h>
#include <string.h>

#include "base/buffer.h"
#include "disk/lvm.h"
#include "lvm_maps.h"
#include "suite.h"

static struct error err;
static struct lvm_group *group;

static void set_up(void)
{
	err = (struct error){0};
}

static void tear_down(void)
{
	lvm_group_free(steal(group));
}

/* The text, with or without its head. */
static void parse(const char *text)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s", head, text);

	group = lvm_group_parse(whole, strlen(whole) + 1, &err);
}

static void must_parse(const char *text)
{
	parse(text);
	ck_assert_msg(group != NULL, "%s", err.msg);
}

static void must_refuse(const char *text, const char *message)
{
	parse(text);
	ck_assert_ptr_null(group);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

START_TEST(segments_in_order)
{
	must_parse(GOOD("7"));
	ck_assert_str_eq(group->name, "vg");
	ck_assert_str_eq(group->uuid, ID("g"));
	ck_assert_uint_eq(group->seqno, 7);
	ck_assert_uint_eq(group->n_pvs, 2);
	ck_assert_uint_eq(group->pvs[1].start, 1 << 20);
	ck_assert_uint_eq(group->pvs[1].size, 6 << 19);
	ck_assert_uint_eq(group->n_lvs, 1);
	ck_assert_uint_eq(group->lvs[0].size, 7 << 19);
	/* The first two runs follow each other. */
	ck_assert_uint_eq(group->lvs[0].n_segments, 2);
	ck_assert_uint_eq(group->lvs[0].segments[0].offset, (1 << 20) + (1 << 19));
	ck_assert_uint_eq(group->lvs[0].segments[0].size, 3 << 19);
	ck_assert_uint_eq(group->lvs[0].segments[1].pv, 1);
	ck_assert_uint_eq(group->lvs[0].segments[1].offset, 1 << 20);
	ck_assert_ptr_null(group->why_not_read);
}
END_TEST

static const struct {
	const char *text, *message;
} bad_texts[] = {
	{"", "no volume group"},
	{"vg {", "line 4: a section does not end"},
	{"vg { } }", "a section ends that never began"},
	{"vg { id }", "neither = nor {"},
	{"vg { id = }", "a value is missing"},
	{"vg { id = \"x }", "a string does not end"},
	{"vg { id = [1 2] }", "a list does not end"},
	{"vg { id = [1, }", "a value is missing"},
	{"vg { = 1 }", "a name is missing"},
	{"vg { id = 1\nid = 2 }", "line 5: a name comes twice"},
	{"a{b{c{d{e{f{g{h{i{}}}}}}}}}", "too deep"},
	{"a { } b { }", "more than one volume group"},
	{"vg { }", "no valid name, UUID or seqno"},
	{"-vg { id = \"" ID("g") "\" seqno = 1 }", "no valid name"},
	{"vg/x { id = \"" ID("g") "\" seqno = 1 }", "no valid name"},
	{"vg { id = \"" ID("/") "\" seqno = 1 }", "no valid name"},
	{"vg { id = \"" ID("g") "\" seqno = -1 }", "no valid name"},
	{"vg { id = \"" ID("g") "\" seqno = 1 extent_size = 0 }", "no extent size"},
	{"vg { id = \"" ID("g") "\" seqno = 1 extent_size = 99999999999999999999 }",
	 "no extent size"},
	{GROUP("vg", "g", "1", ""), "no physical volumes"},
	{GROUP("vg", "g", "1", "physical_volumes { pv0 { } }"), "pv0 has no UUID"},
	{GROUP("vg", "g", "1", "physical_volumes { pv0 { id = \"" ID("a") "\" } }"),
	 "does not say where its extents lie"},
	{GROUP("vg", "g", "1",
	       "physical_volumes { pv0 { id = \"" ID("a") "\" pe_start = 1 "
							  "pe_count = 18446744073709551615 } }"),
	 "does not say where its extents lie"},
	{GROUP("vg", "g", "1", "physical_volumes { " PV("pv0", "a", "") PV("pv1", "a", "") "}"),
	 "pv1 has the UUID of another"},
	{GROUP("vg", "g", "1", PVS LVS("root { }")), "root has no UUID"},
	{GROUP("vg", "g", "1", PVS LVS("..{ }")), ".. has a name that LVM does not allow"},
	{GROUP("vg", "g", "1", PVS LVS(LV("root", "r", RW, "1", ""))), "has no segments"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "2", LINEAR("1", "0", "1", "pv0", "0")))),
	 "another number"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1", LINEAR("2", "0", "1", "pv0", "0")))),
	 "lacks one of its segments"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1", LINEAR("1", "1", "1", "pv0", "0")))),
	 "segments that do not join"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1", LINEAR("1", "0", "0", "pv0", "0")))),
	 "without type or size"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1", LINEAR("1", "0", "4", "pv0", "3")))),
	 "extents beyond the end of a physical volume"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1",
			  LINEAR("1", "0", "1", "pv0", "18446744073709551615")))),
	 "extents beyond the end of a physical volume"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "1",
			  SEGMENT("1", "0", "1", "striped", "stripe_count = 1 stripes = [0]")))),
	 "a segment that lies nowhere"},
	{GROUP("vg", "g", "1",
	       PVS LVS(ROOT LV("var", "v", RW, "1", LINEAR("1", "0", "1", "pv1", "3")))),
	 "two logical volumes of vg overlap on physical volume pv1"},
	{GROUP("vg", "g", "1",
	       PVS LVS(LV("root", "r", RW, "2",
			  LINEAR("1", "0", "2", "pv0", "0") LINEAR("2", "2", "2", "pv0", "1")))),
	 "overlap"},
};

START_TEST(bad_text)
{
	must_refuse(bad_texts[_i].text, bad_texts[_i].message);
}
END_TEST

START_TEST(a_nul_ends_the_text)
{
	static const char text[] = "vg { id = \"a\0b\" }";

	ck_assert_ptr_null(lvm_text_parse(text, sizeof text - 1, &err));
	ck_assert_msg(strstr(err.msg, "a string does not end") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(more_values_than_are_read)
{
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, "a = [");
	for (size_t i = 0; i < LVM_MAX_NODES; i++)
		buffer_puts(&text, "1,");
	buffer_puts(&text, "1]");
	ck_assert_ptr_null(lvm_text_parse(text.data, text.len, &err));
	ck_assert_msg(strstr(err.msg, "more values than are read") != NULL, "%s", err.msg);
}
END_TEST

static char *many(const char *item, int n)
{
	CLEANUP_BUFFER struct buffer text = {0};

	for (int i = 0; i < n; i++) {
		buffer_printf(&text, "%c%d", 'a' + i % 26, i);
		buffer_puts(&text, item);
	}
	return buffer_steal(&text);
}

START_TEST(more_members_and_volumes_than_are_read)
{
	CLEANUP_FREE char *members = many(" { } ", 1025), *volumes = many(" { } ", 4097);
	CLEANUP_FREE char *wide =
		xasprintf(GROUP("vg", "g", "1", "physical_volumes { %s }"), members);
	CLEANUP_FREE char *deep = xasprintf(GROUP("vg", "g", "1", PVS LVS("%s")), volumes);

	must_refuse(wide, "LVM metadata: no physical volumes, or more than 1024");
	must_refuse(deep, "LVM metadata: more than 4096 logical volumes");
}
END_TEST

/* A volume that cannot be read is no damage. */
static const struct {
	const char *type, *rest, *reason;
} types[] = {
	{"thin", "thin_pool = \"pool\"", "is of type thin, which is not read directly"},
	{"thin-pool", "", "is of type thin-pool,"},
	{"raid1", "", "is of type raid1,"},
	{"raid5_ls", "", "is of type raid5_ls,"},
	{"mirror", "", "is of type mirror,"},
	{"cache", "", "is of type cache,"},
	{"writecache", "", "is of type writecache,"},
	{"integrity", "", "is of type integrity,"},
	{"vdo", "", "is of type vdo,"},
	{"striped+NEW_FLAG", "stripe_count = 1 stripes = [\"pv0\", 0]",
	 "is of type striped+NEW_FLAG,"},
	{"striped", "stripe_count = 2 stripes = [\"pv0\", 0, \"pv1\", 0]",
	 "is striped over 2 physical volumes"},
	{"striped", "stripe_count = 1 stripes = [\"pvmove0\", 0]", "pvmove"},
};

START_TEST(types_by_name)
{
	CLEANUP_FREE char *segment =
		xasprintf(SEGMENT("1", "0", "1", "%s", "%s"), types[_i].type, types[_i].rest);
	CLEANUP_FREE char *text =
		xasprintf(GROUP("vg", "g", "1", PVS LVS(LV("root", "r", RW, "1", "%s"))), segment);

	must_parse(text);
	ck_assert_ptr_nonnull(group->lvs[0].why_not_read);
	ck_assert_msg(strstr(group->lvs[0].why_not_read, types[_i].reason) != NULL, "%s",
		      group->lvs[0].why_not_read);
}
END_TEST

static const struct {
	const char *from, *to, *read, *write;
} states[] = {
	{"\"RESIZEABLE\"", "\"EXPORTED\"", "is exported", NULL},
	{"\"RESIZEABLE\"", "\"CLUSTERED\"", "is shared by the hosts of a cluster", NULL},
	{"flags = []", "lock_type = \"sanlock\"", "is shared by the hosts of a cluster", NULL},
	{"\"RESIZEABLE\"", "\"PARTIAL\"", "is not complete", NULL},
	{"\"lvm2\"", "\"lvm1\"", "is of format lvm1", NULL},
	{"\"READ\", \"WRITE\"]\nflags", "\"READ\"]\nflags", NULL, "is read-only"},
};

START_TEST(states_of_a_group)
{
	CLEANUP_BUFFER struct buffer text = {0};
	const char *good = GOOD("1"), *at = strstr(good, states[_i].from);

	ck_assert_ptr_nonnull(at);
	buffer_append(&text, good, (size_t)(at - good));
	buffer_puts(&text, states[_i].to);
	buffer_puts(&text, at + strlen(states[_i].from));
	must_parse(text.data);
	ck_assert_int_eq(group->why_not_read != NULL, states[_i].read != NULL);
	if (states[_i].read)
		ck_assert_ptr_nonnull(strstr(group->why_not_read, states[_i].read));
	if (states[_i].write)
		ck_assert_ptr_nonnull(strstr(group->why_not_write, states[_i].write));
}
END_TEST

START_TEST(snapshots)
{
	must_parse(GROUP("vg", "g", "1",
			 PVS LVS(ROOT LV("snap", "s", RW, "1", LINEAR("1", "0", "1", "pv0", "0"))
					 LV("snapshot0", "t", "\"READ\", \"WRITE\"", "1",
					    SEGMENT("1", "0", "7", "snapshot",
						    "chunk_size = 8 origin = \"root\" "
						    "cow_store = \"snap\"")))));
	ck_assert_str_eq(group->lvs[0].why_not_write,
			 "has a snapshot (snap), which writing directly would spoil");
	ck_assert_ptr_null(group->lvs[0].why_not_read);
	ck_assert_ptr_nonnull(strstr(group->lvs[1].why_not_read, "is a snapshot of root"));
	ck_assert(!group->lvs[2].visible);
}
END_TEST

START_TEST(volumes_that_are_not_written)
{
	must_parse(GROUP("vg", "g", "1",
			 PVS LVS(LV("root", "r", "\"READ\", \"VISIBLE\"", "1",
				    LINEAR("1", "0", "1", "pv0", "0"))
					 LV("var", "v", RW ", \"LOCKED\"", "1",
					    LINEAR("1", "0", "1", "pv0", "1")))));
	ck_assert_ptr_nonnull(strstr(group->lvs[0].why_not_write, "is read-only"));
	ck_assert_ptr_nonnull(strstr(group->lvs[1].why_not_read, "is being moved (pvmove)"));
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("lvm text");
	TCase *tcase = tcase_create("text");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, segments_in_order);
	tcase_add_loop_test(tcase, bad_text, 0, N(bad_texts));
	tcase_add_test(tcase, a_nul_ends_the_text);
	tcase_add_test(tcase, more_values_than_are_read);
	tcase_add_test(tcase, more_members_and_volumes_than_are_read);
	tcase_add_loop_test(tcase, types_by_name, 0, N(types));
	tcase_add_loop_test(tcase, states_of_a_group, 0, N(states));
	tcase_add_test(tcase, snapshots);
	tcase_add_test(tcase, volumes_that_are_not_written);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
