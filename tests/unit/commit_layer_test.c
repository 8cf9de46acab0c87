/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers from hand-made captures, and layers that are not what they should be or do not fit. */
#include "commit_fixture.h"

#include "commit/place.h"
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
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, &err), -1);
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
	ck_assert_int_eq(commit_apply_layer(guest.tree, layer, NULL, &err), -1);
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

int main(void)
{
	Suite *suite = suite_create("commit layer");
	TCase *tests = tcase_create("layers");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_changed_gives_an_empty_layer);
	tcase_add_loop_test(tests, bad_captures_are_refused, 0, sizeof refusals / sizeof *refusals);
	tcase_add_test(tests, a_layer_never_goes_through_a_symlink);
	tcase_add_test(tests, a_second_time_does_not_fit);
	tcase_add_loop_test(tests, a_layer_that_is_not_its_name_is_refused, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
