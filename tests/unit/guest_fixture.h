/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of guests: small ones, and what is in the way of patching them. */
#ifndef TESTS_UNIT_GUEST_FIXTURE_H
#define TESTS_UNIT_GUEST_FIXTURE_H

#include <elf.h>
#include <string.h>
#include <sys/utsname.h>

#include "guest_images.h"

#define UUID_A "11111111-aaaa-4aaa-8aaa-111111111111"
#define UUID_B "22222222-bbbb-4bbb-8bbb-222222222222"

static inline unsigned host_machine(void)
{
	struct utsname host;

	uname(&host);
	return strcmp(host.machine, "aarch64") == 0 ? EM_AARCH64 : EM_X86_64;
}

/* The root of a guest with everything on one file system. */
static inline void put_root(const char *directory, const char *fstab)
{
	CLEANUP_FREE char *release = xasprintf("%s/etc/os-release", directory);
	CLEANUP_FREE char *table = xasprintf("%s/etc/fstab", directory);
	CLEANUP_FREE char *shell = xasprintf("%s/bin/sh", directory);

	put_file(release, test_os_release);
	if (fstab)
		put_file(table, fstab);
	put_program(shell, host_machine());
}

static inline void put_small_guest(const char *fstab)
{
	put_root("root", fstab);
	make_disk("disk0.img", 8, NULL);
	make_fs(&(struct test_fs){.disk = "disk0.img", .size = 8, .from = "root"});
}

static inline const char *blocker(const struct guest *guest, const char *code)
{
	for (size_t i = 0; i < guest->n_blockers; i++)
		if (strcmp(guest->blockers[i].code, code) == 0)
			return guest->blockers[i].msg;
	return "";
}

static inline void make_two(const char *uuid_a, const char *uuid_b, const char *second)
{
	make_disk("disk0.img", 24, "label: gpt\nstart=2048, size=16384\nstart=18432, size=16384\n");
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 1, .size = 8, .from = "root", .uuid = uuid_a});
	make_fs(&(struct test_fs){
		.disk = "disk0.img", .offset = 9, .size = 8, .from = second, .uuid = uuid_b});
}

#endif
