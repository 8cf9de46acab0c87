/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replays the seeds of the fuzz targets, whole, cut short, and with each byte changed in turn. */
#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define LLVMFuzzerTestOneInput fuzz_qcow2_header
#include "../fuzz/qcow2_header.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_partition_table
#include "../fuzz/partition_table.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_lvm_metadata
#include "../fuzz/lvm_metadata.c"
#include "suite.h"

enum { MAX_SEED = 1 << 16, CHANGED_BYTES = 600 };

typedef int fuzz_target(const uint8_t *data, size_t size);

static void vary(fuzz_target *target, uint8_t *data, size_t size)
{
	target(data, size);
	for (size_t i = 0; i < size && i < CHANGED_BYTES; i++) {
		uint8_t was = data[i];

		target(data, i);
		data[i] = 0xff;
		target(data, size);
		data[i] = was;
	}
}

static unsigned replay(const char *name, fuzz_target *target)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *path = xasprintf("%s/tests/fuzz/%s", top ? top : ".", name);
	DIR *directory = opendir(path);
	struct dirent *entry;
	struct error err;
	unsigned n = 0;

	ck_assert_msg(directory != NULL, "%s", path);
	while ((entry = readdir(directory))) {
		CLEANUP_FREE char *seed = path_join(path, entry->d_name);
		CLEANUP_BUFFER struct buffer data = {0};

		if (entry->d_name[0] == '.')
			continue;
		ck_assert_msg(file_read(seed, MAX_SEED, &data, &err) == 0, "%s", err.msg);
		vary(target, (uint8_t *)data.data, data.len);
		n++;
	}
	closedir(directory);
	return n;
}

START_TEST(qcow2_header)
{
	ck_assert_uint_ge(replay("qcow2_header", fuzz_qcow2_header), 4);
}
END_TEST

START_TEST(partition_table)
{
	ck_assert_uint_ge(replay("partition_table", fuzz_partition_table), 3);
}
END_TEST

START_TEST(lvm_metadata)
{
	ck_assert_uint_ge(replay("lvm_metadata", fuzz_lvm_metadata), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_fuzz");
	TCase *tests = tcase_create("disk_fuzz");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, qcow2_header);
	tcase_add_test(tests, partition_table);
	tcase_add_test(tests, lvm_metadata);
	return suite_run(suite);
}
