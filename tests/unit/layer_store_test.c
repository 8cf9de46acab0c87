/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers in a store whose bytes are not those that their name and layer.json tell. */
#include "layer_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layer/content.h"
#include "suite.h"

static char *store;

static void set_up(void)
{
	struct error err = {0};

	store = directory_make_temporary("/tmp", "layer-store-test", &err);
	ck_assert_ptr_nonnull(store);
}

static void tear_down(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(store, &err), 0);
	free(store);
}

static struct layer_entry entries[] = {
	{.action = LAYER_REMOVE, .path = (char *)"/a"},
	{.action = LAYER_REPLACE, .path = (char *)"/b", .stat = {.mode = S_IFIFO | 0600}},
};

static struct chosen two_entries(void)
{
	struct chosen chosen = {0};

	chosen_put(&chosen, &entries[0]);
	chosen_put(&chosen, &entries[1]);
	return chosen;
}

static void damage(const struct layer *layer, const char *script)
{
	CLEANUP_FREE char *directory = layer_directory(store, &layer->digest);
	CLEANUP_FREE char *text = xasprintf("set -e; cd %s; %s", directory, script);
	const char *const argv[] = {"bash", "-c", text, NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 4096};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_IO, &result, &err) == 0, "%s", err.msg);
}

static int read_layer(const struct digest *digest, struct error *err)
{
	CLEANUP(layer_free)
	struct layer *layer = layer_open(store, digest, err);
	struct layer_visitor nobody = {0};

	return layer ? layer_read(layer, &nobody, err) : -1;
}

static void refused(const struct digest *digest, const char *words)
{
	CLEANUP_FREE char *directory = layer_directory(store, digest);
	CLEANUP_FREE char *message = xasprintf("layer %s: %s", directory, words);
	struct error err = {0};

	ck_assert_int_eq(read_layer(digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(what_is_as_it_says_is_read)
{
	struct chosen chosen = two_entries();
	struct error err = {0};

	chosen_end(&chosen);
	chosen_store(&chosen, store);
	ck_assert_msg(read_layer(&chosen.sums.digest, &err) == 0, "%s", err.msg);
}
END_TEST

static const struct {
	const char *script, *words;
} damages[] = {
	{"sed -i 's/\"version\": *1/\"version\": 2/' layer.json",
	 "layer.json: version 2 is not known"},
	{"sed -i 's/\"tar\": *\"../\"tar\": \"00/' layer.json",
	 "layer.json is not what the layer's name says"},
	{"echo > merge.json", "merge.json is not what the layer's name says"},
	{"zstd -qd --rm layer.tar.zst; printf x | dd of=layer.tar bs=1 seek=512 conv=notrunc "
	 "status=none; zstd -q --rm layer.tar",
	 "not a layer: a damaged header"},
	{"zstd -qd --rm layer.tar.zst; truncate -s -600 layer.tar; zstd -q --rm layer.tar",
	 "the tar is cut short"},
	{"zstd -qd --rm layer.tar.zst; truncate -s +600 layer.tar; zstd -q --rm layer.tar",
	 "there is more after the tar's end"},
	{"truncate -s -3 layer.tar.zst", "the compressed data is cut short"},
	{"printf GIF89a > layer.tar.zst", "damaged compressed data: Unknown frame descriptor"},
};

START_TEST(what_was_damaged_is_refused)
{
	struct chosen chosen = two_entries();

	chosen_end(&chosen);
	chosen_store(&chosen, store);
	damage(&chosen.sums, damages[_i].script);
	refused(&chosen.sums.digest, damages[_i].words);
}
END_TEST

/* Each is a sound layer; its tar lies where that of the other should. */
START_TEST(the_tar_of_another_is_refused)
{
	struct chosen one = two_entries(), other = {0};
	CLEANUP_FREE char *from = NULL, *script = NULL;

	chosen_put(&other, &entries[0]);
	entries[1].stat.mode ^= 1;
	chosen_put(&other, &entries[1]);
	chosen_end(&one);
	chosen_end(&other);
	chosen_store(&one, store);
	chosen_store(&other, store);
	from = layer_directory(store, &other.sums.digest);
	script = xasprintf("cp %s/layer.tar.zst .", from);
	damage(&one.sums, script);
	refused(&one.sums.digest, "layer.tar.zst is not what the layer's name says");
}
END_TEST

static const struct {
	uint64_t entries, removed, content;
	const char *words;
} counts[] = {
	{1, 1, 0, "it holds more than layer.json says"},
	{2, 0, 0, "it holds more than layer.json says"},
	{3, 1, 0, "it holds less than layer.json says"},
	{2, 2, 0, "it holds less than layer.json says"},
	{2, 1, 5, "it holds less than layer.json says"},
};

START_TEST(what_it_holds_is_counted)
{
	struct chosen chosen = two_entries();

	chosen.sums.n_entries = counts[_i].entries;
	chosen.sums.n_removed = counts[_i].removed;
	chosen.sums.content_bytes = counts[_i].content;
	chosen_end(&chosen);
	chosen_store(&chosen, store);
	refused(&chosen.sums.digest, counts[_i].words);
}
END_TEST

START_TEST(a_capture_may_lose_its_content)
{
	FILE *spool = tmpfile();
	struct capture_extent extent = {0, 100, 0};
	struct content content = {
		.size = 100, .spool = fileno(spool), .extents = &extent, .n_extents = 1};
	struct content hole = {.size = (UINT64_C(64) << 30) + 1, .spool = fileno(spool)};
	struct segments segments = {0};
	struct digest digest;
	struct error err = {0};

	fputs("too little", spool);
	fflush(spool);
	ck_assert_int_eq(content_segments(&content, &segments, &err), 0);
	ck_assert_int_eq(content_digest(&content, &segments, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "the capture's content is cut short");
	content.spool = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(content_digest(&content, &segments, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "reading the capture: Is a directory");
	close(content.spool);
	segments_free(&segments);
	ck_assert_int_eq(content_digest(&hole, &segments, &digest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "a changed sparse file of 68719476737 bytes is too large");
	fclose(spool);
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("layer store");
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_as_it_says_is_read);
	tcase_add_loop_test(tests, what_was_damaged_is_refused, 0, N(damages));
	tcase_add_test(tests, the_tar_of_another_is_refused);
	tcase_add_loop_test(tests, what_it_holds_is_counted, 0, N(counts));
	tcase_add_test(tests, a_capture_may_lose_its_content);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
