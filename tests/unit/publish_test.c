/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The published directory: what is removed from it is what was put there, as it was put there. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "library/clones.h"
#include "library/publish.h"
#include "scripted.h"
#include "suite.h"

static void set_up(void)
{
	scripted_set_up("publish");
	run("cd $0; chmod 755 .; mkdir -p pool t/{web,web-g0,db}/{0,1,5,9} bases;"
	    "for f in t/*/*; do qemu-img create -q -f qcow2 $f/disk0.qcow2 1M; done");
}

static void tear_down(void)
{
	scripted_tear_down();
}

/* In place of the C library's: the file that was made durable last. */
static ino_t synced;

int fsync(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	synced = st.st_ino;
	return 0;
}

/* Publishes this generation of the template and nothing else. */
static void publish(const char *name, unsigned generation)
{
	CLEANUP_FREE char *pool = path_join(directory, "pool");
	CLEANUP_FREE char *template = xasprintf("%s/t/%s", directory, name);
	CLEANUP_FREE char *disk = xasprintf("%s/%u/disk0.qcow2", template, generation);
	CLEANUP_FREE char *file = xasprintf("%s-g%u.qcow2", name, generation);
	struct publish_entry entry = {.name = file, .disk = disk};
	const struct publish_list list = {.entries = &entry, .n_entries = 1};
	struct monitor monitor = {0};

	ck_assert_msg(publish_mend_directory(pool, template, &list, &monitor, &err) == 0, "%s",
		      err.msg);
}

static void was_made_durable(const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(st.st_ino == synced);
}

START_TEST(what_was_published_goes_and_nothing_else)
{
	publish("web-g0", 1);
	publish("web", 0);
	publish("web", 1);
	run("cd $0/pool; [ \"$(echo *)\" = 'web-g0-g1.qcow2 web-g1.qcow2' ]");
	was_made_durable("pool/web-g1.qcow2");
	/* Of the template, but of another name; of its name, but with data or to be written to. */
	run("cd $0/pool; over() { qemu-img create -q -f qcow2 -F qcow2 -b $1 $2; };"
	    "over $PWD/../t/web/1/disk0.qcow2 web-g7.qcow2; chmod 444 web-g7.qcow2;"
	    "over $0/t/web/1/disk0.qcow2 web-g8.qcow2; chmod 444 web-g8.qcow2;"
	    "over $0/t/web/1/disk0.qcow2 customer-g1.qcow2; chmod 444 customer-g1.qcow2;"
	    "over $0/t/web/9/disk0.qcow2 web-g9.qcow2;"
	    "chmod 644 web-g9.qcow2; chmod 644 web-g1.qcow2;"
	    "qemu-io -f qcow2 -c 'write -P 7 0 64k' web-g1.qcow2; chmod 444 web-g1.qcow2;"
	    "over $0/t/web/5/disk0.qcow2 web-g5.qcow2; qemu-img snapshot -c s web-g5.qcow2;"
	    "chmod 444 web-g5.qcow2; ls >../before");
	publish("web", 0);
	run("cd $0/pool; ls | grep -vx web-g0.qcow2 | diff ../before -");
}
END_TEST

START_TEST(what_is_open_stays)
{
	publish("web", 1);
	run("cd $0; qemu-nbd --fork --persistent -r --socket=$0/s --pid-file=$0/pid -f qcow2 "
	    "pool/web-g1.qcow2");
	publish("web", 0);
	run("cd $0; p=$(cat pid); [ -e pool/web-g1.qcow2 ]; kill $p; "
	    "for i in $(seq 100); do [ -e /proc/$p ] || break; sleep .05; done");
	publish("web", 0);
	run("[ ! -e $0/pool/web-g1.qcow2 ]");
}
END_TEST

START_TEST(others_in_the_directory_are_clones)
{
	CLEANUP_FREE char *pool = path_join(directory, "pool");
	CLEANUP_CLONES struct clones clones = {0};
	const char *const roots[] = {pool};
	struct monitor monitor = {0};
	const struct clones_request request = {.library = directory,
					       .roots = roots,
					       .n_roots = 1,
					       .publish = pool,
					       .monitor = &monitor};

	run("mv $0/t $0/templates; qemu-img create -q -f qcow2 -F qcow2 -b "
	    "$0/templates/web/1/disk0.qcow2 $0/pool/db-g5.qcow2; qemu-img create -q -f qcow2 -F "
	    "qcow2 -b $0/templates/web/1/disk0.qcow2 $0/pool/web-g1.qcow2; "
	    "chmod 444 $0/pool/web-g1.qcow2");
	ck_assert_msg(clones_find(&request, &clones, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(clones.n_unknown, 0);
	ck_assert_uint_eq(clones.n_uses, 1);
	ck_assert_ptr_nonnull(strstr(clones.uses[0].path, "/db-g5.qcow2"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("publish");
	TCase *tcase = tcase_create("publish");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, what_was_published_goes_and_nothing_else);
	tcase_add_test(tcase, what_is_open_stays);
	tcase_add_test(tcase, others_in_the_directory_are_clones);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
