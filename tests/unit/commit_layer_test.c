/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers from hand-made captures, and layers that are not what they should be or do not fit. */
#include "commit_fixture.h"

#include "commit/place.h"
#include "layer_fixture.h"
#include "suite.h"

START_TEST(nothing_changed_gives_an_empty_layer)
{
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0};
	CLEANUP(layer_free)
	struct layer *layer = make_layer(capture, &err);

	ck_assert_msg(layer != NULL, "%s", err.msg);
	ck_assert_uint_eq(layer->n_entries, 0);
}
END_TEST

static const struct refusal {
	const char *drop, *add, *msg;
	mode_t mode;
	enum error_kind kind;
} refusals[] = {
	{"/boot", NULL, "the run removed the mount point /boot", 0, ERROR_GUEST},
	{"/boot", "/boot", "the run removed the mount point /boot", S_IFREG, ERROR_GUEST},
	{NULL, "/.wh.x", "/.wh.x: names that begin with \".wh.\" cannot be in a layer", S_IFREG,
	 ERROR_IMAGE},
	{NULL, "/a/b", "/a/b: the capture has no directory above it", S_IFREG, ERROR_GUEST},
	{NULL, "/dir/../x", "/dir/../x: the capture is not in order", S_IFREG, ERROR_GUEST},
};

START_TEST(bad_captures_are_refused)
{
	const struct refusal *refusal = &refusals[_i];
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0};

	if (refusal->drop)
		drop(capture, refusal->drop);
	if (refusal->add)
		add_new(capture, refusal->add, refusal->mode | 0644);
	ck_assert_ptr_null(make_layer(capture, &err));
	ck_assert_str_eq(err.msg, refusal->msg);
	ck_assert_int_eq(err.kind, refusal->kind);
}
END_TEST

static void unknown_path(struct capture *capture)
{
	add_new(capture, "/dir/new", S_IFREG | 0644)->touched = false;
}

static void unknown_origin(struct capture *capture)
{
	add_new(capture, "/dir/new", S_IFREG | 0644)->origin_path = xstrdup("/dir/gone");
}

static void other_type(struct capture *capture)
{
	add_new(capture, "/dir/other", S_IFDIR | 0755)->origin_path = xstrdup("/dir/other");
}

static void link_of_both(struct capture *capture)
{
	uint64_t ino = 0;

	for (size_t i = 0; i < capture->n_entries; i++)
		if (strcmp(capture->entries[i].path, "/dir/other") == 0)
			ino = capture->entries[i].ino;
	add_new(capture, "/dir/second", S_IFREG | 0644)->ino = ino;
}

static void link_without_target(struct capture *capture)
{
	add_new(capture, "/dir/link", S_IFLNK | 0777);
}

static void no_root(struct capture *capture)
{
	drop(capture, "/boot");
	drop(capture, "/dir");
	drop(capture, "/link");
	drop(capture, "/lost+found");
	drop(capture, "/pairs");
	drop(capture, "/var");
	ck_assert_uint_eq(capture->n_entries, 1);
	capture->entries[0].touched = true;
	capture->entries[0].stat.mode = S_IFREG | 0644;
}

static const struct {
	void (*change)(struct capture *capture);
	const char *msg;
} contradictions[] = {
	{unknown_path, "/dir/new: captured as the guest's, which has no such"},
	{unknown_origin, "/dir/new: captured as the guest's, which has no such"},
	{other_type, "/dir/other: the capture changes an inode's type"},
	{link_of_both, "/dir/second: the capture contradicts itself about its hardlinks"},
	{link_without_target, "/dir/link: /dir/link: captured without its target"},
	{no_root, "the capture has no root directory"},
};

START_TEST(captures_that_cannot_be_are_refused)
{
	CLEANUP(capture_free)
	struct capture *capture = fresh_capture();
	struct error err = {0};

	contradictions[_i].change(capture);
	ck_assert_ptr_null(make_layer(capture, &err));
	ck_assert_str_eq(err.msg, contradictions[_i].msg);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
}
END_TEST

#define MODE(mode_) .stat = {.mode = (mode_)}

static const struct {
	struct layer_entry entry;
	const char *msg;
} misfits[] = {
	{{.action = LAYER_METADATA, .path = (char *)"/dir/none", MODE(S_IFREG)},
	 "writing /dir/none: the layer does not fit: /dir/none is not there"},
	{{.action = LAYER_METADATA, .path = (char *)"/dir/other", MODE(S_IFIFO)},
	 "writing /dir/other: the layer does not fit: /dir/other is of another type"},
	{{.action = LAYER_REMOVE, .path = (char *)"/boot"},
	 "writing /boot: the layer does not fit: /boot is a mount point"},
	{{.action = LAYER_REMOVE, .path = (char *)"/var"},
	 "writing /var: the layer does not fit: /var holds a mount point"},
	{{.action = LAYER_LINK, .path = (char *)"/dir/second", .target = (char *)"/dir/none"},
	 "writing /dir/second: the layer does not fit: /dir/second links to what is not there"},
	{{.action = LAYER_REPLACE, .path = (char *)"/none/pipe", MODE(S_IFIFO)},
	 "/none/pipe: the layer does not fit: no directory none"},
};

/* Layers of another guest. */
START_TEST(a_layer_of_another_does_not_fit)
{
	struct chosen chosen = {0};
	struct guest_disk_pair guest;
	struct error err = {0};
	struct fs *below;

	chosen_put(&chosen, &misfits[_i].entry);
	chosen_end(&chosen);
	chosen_store(&chosen, work);
	open_pair(&guest, true, true);
	below = fs_open(guest.blocks[1], &err);
	ck_assert_int_eq(tree_mount(guest.tree, "/var/mnt", below, &err), 0);
	ck_assert_int_eq(commit_apply_layer(guest.tree, &chosen.sums, NULL, NULL, &err), -1);
	ck_assert_str_eq(err.msg, misfits[_i].msg);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	close_pair(&guest);
}
END_TEST

static const struct {
	uint32_t flag;
	const char *msg;
} locks[] = {
	{FS_IMMUTABLE_FL, "writing /dir/file: /dir/file is immutable in the guest (chattr +i), "
			  "and the update would change it: hold its package or take the flag away"},
	{FS_APPEND_FL, "writing /dir/file: /dir/file is append-only in the guest (chattr +a), "
		       "and the update would change it: hold its package or take the flag away"},
};

START_TEST(what_cannot_be_changed_in_the_guest_is_not)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct guest_disk_pair guest;
	struct error err = {0};
	struct fs_stat stat;
	struct place place;

	open_pair(&guest, true, true);
	ck_assert_int_eq(place_find(guest.tree, "/dir/file", &place, &err), 0);
	ck_assert_int_eq(fs_stat(place.fs, place.ino, &stat, &err), 0);
	stat.flags |= locks[_i].flag;
	ck_assert_int_eq(fs_set_meta(place.fs, place.ino, &stat, &err), 0);
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, NULL, &err), -1);
	ck_assert_str_eq(err.msg, locks[_i].msg);
	ck_assert_int_eq(err.kind, ERROR_GUEST);
	close_pair(&guest);
}
END_TEST

/* The guest has the name, but the layer does not bring what it names. */
START_TEST(a_link_is_to_what_the_layer_brings)
{
	const struct layer_entry link = {LAYER_LINK, (char *)"/dir/second",
					 .target = (char *)"/dir/other"};
	struct chosen chosen = {0};
	struct error err = {0};

	chosen_put(&chosen, &link);
	chosen_end(&chosen);
	chosen_store(&chosen, work);
	apply(&chosen.sums);
	ck_assert_int_eq(check(&err), -1);
	ck_assert_str_eq(err.msg, "/dir/second links to what is not in the layer");
	ck_assert_int_eq(err.kind, ERROR_TRUST);
}
END_TEST

/* The guest's /dir becomes a symlink before the layer comes: nothing is written through it. */
START_TEST(a_layer_never_goes_through_a_symlink)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct fs_stat meta = {.mode = S_IFLNK | 0777};
	struct guest_disk_pair guest;
	struct error err = {0};
	struct place place;
	uint64_t ino;

	open_pair(&guest, true, true);
	ck_assert_int_eq(place_find(guest.tree, "/dir/file", &place, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "file", &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "other", &err), 0);
	ck_assert_int_eq(place_find(guest.tree, "/dir", &place, &err), 0);
	ck_assert_int_eq(fs_unlink(place.fs, place.directory, "dir", &err), 0);
	ck_assert_int_eq(
		fs_create_link(place.fs, place.directory, "dir", "/boot", &meta, &ino, &err), 0);
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, NULL, &err), -1);
	ck_assert_str_eq(err.msg, "/dir/file: the layer does not fit: dir is not a directory");
	close_pair(&guest);
}
END_TEST

START_TEST(a_second_time_does_not_fit)
{
	CLEANUP(layer_free)
	struct layer *layer = make_change();
	struct guest_disk_pair guest;
	struct error err = {0};

	apply(layer);
	open_pair(&guest, true, true);
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, NULL, &err), -1);
	ck_assert_str_eq(err.msg, "writing /dir/file: the layer does not fit: /dir/file is not "
				  "there to be removed");
	close_pair(&guest);
}
END_TEST

static void flip(const char *path, off_t offset)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
}

START_TEST(a_layer_that_is_not_its_name_is_refused)
{
	static const char *const files[] = {"layer.json", "merge.json", "layer.tar.zst"};
	static const char *const words[] = {"layer.json", "merge.json is not what",
					    "compressed data"};
	static const off_t offsets[] = {20, 4, 40};
	CLEANUP(layer_free)
	struct layer *layer = make_change(), *again = NULL;
	CLEANUP_FREE char *path = path_join(layer->directory, files[_i]);
	struct layer_visitor nobody = {0};
	struct error err = {0};

	ck_assert_msg(layer_read(layer, &nobody, &err) == 0, "%s", err.msg);
	flip(path, offsets[_i]);
	again = layer_open(work, &layer->digest, &err);
	if (again)
		ck_assert_int_eq(layer_read(again, &nobody, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, words[_i]) != NULL, "%s", err.msg);
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("commit layer");
	TCase *tests = tcase_create("layers");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_changed_gives_an_empty_layer);
	tcase_add_loop_test(tests, bad_captures_are_refused, 0, N(refusals));
	tcase_add_loop_test(tests, captures_that_cannot_be_are_refused, 0, N(contradictions));
	tcase_add_loop_test(tests, a_layer_of_another_does_not_fit, 0, N(misfits));
	tcase_add_loop_test(tests, what_cannot_be_changed_in_the_guest_is_not, 0, N(locks));
	tcase_add_test(tests, a_link_is_to_what_the_layer_brings);
	tcase_add_test(tests, a_layer_never_goes_through_a_symlink);
	tcase_add_test(tests, a_second_time_does_not_fit);
	tcase_add_loop_test(tests, a_layer_that_is_not_its_name_is_refused, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
