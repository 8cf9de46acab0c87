/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What image_open takes and what it refuses, on files that real tools made and then were changed by
 * a few bytes. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "disk/backing.h"
#include "disk/image.h"
#include "scripted.h"
#include "suite.h"

static void set_up(void)
{
	scripted_set_up("chain");
}

static void tear_down(void)
{
	scripted_tear_down();
}

/* `given` is the backing file that is allowed, or NULL. */
static struct image *open_with(const char *name, const char *given)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *backing = given ? path_join(directory, given) : NULL;
	const char *list[] = {backing};
	struct image_options options = {.backing = list, .n_backing = given ? 1 : 0};

	err = (struct error){0};
	return image_open(path, &options, &err);
}

static void must_open(const char *name, const char *given)
{
	CLEANUP(image_free)
	struct image *image = open_with(name, given);

	ck_assert_msg(image != NULL, "%s: %s", name, err.msg);
}

static void must_refuse(const char *name, const char *given, enum error_kind kind, const char *text)
{
	CLEANUP(image_free)
	struct image *image = open_with(name, given);

	ck_assert_msg(image == NULL, "%s was opened", name);
	ck_assert_msg(strstr(err.msg, text) && strstr(err.msg, name), "%s: %s", name, err.msg);
	ck_assert_msg(err.kind == kind, "%s: kind %d", err.msg, err.kind);
}

START_TEST(file_that_is_no_file)
{
	run("cd $0; qemu-img create -q -f qcow2 real.qcow2 1M; ln -s real.qcow2 link.qcow2;"
	    "mkfifo fifo; mkdir dir; mknod dev c 1 3; python3 -c 'import socket,sys;"
	    "socket.socket(socket.AF_UNIX).bind(\"sock\")'; ln -s nowhere dangling; : > empty;"
	    "echo hello > text");
	must_refuse("link.qcow2", NULL, ERROR_IMAGE, "is a symbolic link; give the file itself: /");
	must_refuse("dangling", NULL, ERROR_IMAGE, "is a symbolic link; give the file itself");
	must_refuse("fifo", NULL, ERROR_IMAGE, "is a fifo, not an image file");
	must_refuse("dir", NULL, ERROR_IMAGE, "is a directory, not an image file");
	must_refuse("dev", NULL, ERROR_IMAGE, "is a device, not an image file");
	must_refuse("sock", NULL, ERROR_IMAGE, "is a socket, not an image file");
	must_refuse("absent", NULL, ERROR_MISSING, "No such file");
	must_refuse("empty", NULL, ERROR_IMAGE, "not an image: neither qcow2 nor a raw disk");
	must_refuse("text", NULL, ERROR_IMAGE, "not an image: neither qcow2 nor a raw disk");
}
END_TEST

START_TEST(format_that_is_not_supported_is_named)
{
	run("cd $0; for f in vmdk vhdx vdi qed vpc; do qemu-img create -q -f $f x.$f 8M; done;"
	    "qemu-img create -q -f vpc -o subformat=fixed,force_size=on fixed.vhd 8M;"
	    "head -c 5000 /dev/zero | gzip > x.gz; head -c 5000 /dev/zero | xz > x.xz;"
	    "head -c 5000 /dev/zero | zstd -q > x.zst; printf 'BZh91AY' > x.bz2;"
	    "printf 'PK\\003\\004' > x.zip; printf '# Disk DescriptorFile' > text.vmdk;"
	    "printf 'QFI\\373\\000\\000\\000\\001' > x.qcow; printf WithoutFreeSpace > x.hdd;"
	    "tar cf x.ova x.vdi;"
	    /* Without luck it cannot measure how fast the processor is. */
	    "for i in $(seq 50); do qemu-img create -q -f luks --object secret,id=s,data=abc "
	    "-o key-secret=s,iter-time=10 x.luks 1M && break; done");
	must_refuse("x.vmdk", NULL, ERROR_IMAGE, "is a VMDK image; only qcow2 and raw");
	must_refuse("x.vhdx", NULL, ERROR_IMAGE, "is a VHDX image");
	must_refuse("x.vdi", NULL, ERROR_IMAGE, "is a VDI image");
	must_refuse("x.qed", NULL, ERROR_IMAGE, "is a QED image");
	must_refuse("x.vpc", NULL, ERROR_IMAGE, "is a VHD (vpc) image");
	must_refuse("fixed.vhd", NULL, ERROR_IMAGE, "is a VHD (vpc) image");
	must_refuse("x.luks", NULL, ERROR_IMAGE, "is encrypted with LUKS");
	must_refuse("x.gz", NULL, ERROR_IMAGE, "is compressed with gzip");
	must_refuse("x.xz", NULL, ERROR_IMAGE, "is compressed with xz");
	must_refuse("x.zst", NULL, ERROR_IMAGE, "is compressed with zstd");
	must_refuse("x.bz2", NULL, ERROR_IMAGE, "is compressed with bzip2");
	must_refuse("x.zip", NULL, ERROR_IMAGE, "is a zip archive");
	must_refuse("text.vmdk", NULL, ERROR_IMAGE, "is a VMDK descriptor");
	must_refuse("x.qcow", NULL, ERROR_IMAGE, "is a qcow version 1 image");
	must_refuse("x.hdd", NULL, ERROR_IMAGE, "is a Parallels image");
	must_refuse("x.ova", NULL, ERROR_IMAGE, "is a tar archive (an OVA?)");
}
END_TEST

START_TEST(raw_disk_is_recognized)
{
	run("cd $0; truncate -s 16M mbr gpt ext iso; echo ',,L' | sfdisk -q mbr;"
	    "sgdisk -n1 gpt >/dev/null; mkfs.ext4 -q ext;"
	    "printf CD001 | dd of=iso bs=1 seek=32769 conv=notrunc status=none");
	must_open("mbr", NULL);
	must_open("gpt", NULL);
	must_open("ext", NULL);
	must_open("iso", NULL);
}
END_TEST

/* Every way QEMU makes a qcow2 must pass. */
START_TEST(qcow2_of_any_kind_is_taken)
{
	run("cd $0; truncate -s 33333k disk; mkfs.ext4 -q -F disk;"
	    "dd if=/dev/urandom of=disk bs=1k seek=20000 count=5001 conv=notrunc status=none;"
	    "i=0; for o in compat=0.10 cluster_size=512 cluster_size=2M extended_l2=on "
	    "preallocation=metadata preallocation=falloc preallocation=full refcount_bits=1 "
	    "lazy_refcounts=on; do i=$((i+1));"
	    "qemu-img convert -f raw -O qcow2 -o $o disk $i.qcow2; done;"
	    "qemu-img convert -c -f raw -O qcow2 disk 10.qcow2;"
	    "qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd disk 11.qcow2;"
	    "qemu-img create -q -f qcow2 -o preallocation=metadata 12.qcow2 1G;"
	    "qemu-img create -q -f qcow2 13.qcow2 0;"
	    "cp 2.qcow2 14.qcow2; qemu-img snapshot -c kept 14.qcow2;"
	    "qemu-io -f qcow2 -c 'write -z 1M 8M' -c 'discard 10M 1M' 14.qcow2 >/dev/null;"
	    "qemu-img create -q -f qcow2 15.qcow2 1000000000000; qemu-io -f qcow2 "
	    "-c 'write 999999995904 512' -c 'write 512 512' 15.qcow2 >/dev/null;"
	    "cp 3.qcow2 16.qcow2; qemu-img resize -q -f qcow2 16.qcow2 +1000k;"
	    "qemu-img bitmap --add -f qcow2 16.qcow2 b");
	for (int i = 1; i <= 16; i++) {
		CLEANUP_FREE char *name = xasprintf("%d.qcow2", i);

		must_open(name, NULL);
	}
}
END_TEST

START_TEST(truncated_qcow2)
{
	run("cd $0; qemu-img create -q -f qcow2 whole.qcow2 1G; qemu-io -f qcow2 "
	    "-c 'write 0 1M' -c 'write 900M 1M' whole.qcow2 >/dev/null; s=$(stat -c %s "
	    "whole.qcow2);"
	    "for n in 50 80 1000 65536 131073 196624 262144 $((s-65536-1)); do "
	    "head -c $n whole.qcow2 > cut-$n; done; mv cut-$((s-65536-1)) cut-last");
	must_open("whole.qcow2", NULL);
	must_refuse("cut-50", NULL, ERROR_IMAGE, "truncated: the header lies beyond");
	must_refuse("cut-80", NULL, ERROR_IMAGE, "truncated: the header lies beyond");
	must_refuse("cut-1000", NULL, ERROR_IMAGE, "truncated: the L1 table lies beyond");
	must_refuse("cut-65536", NULL, ERROR_IMAGE, "truncated: the L1 table lies beyond");
	must_refuse("cut-131073", NULL, ERROR_IMAGE, "truncated: the L1 table lies beyond");
	must_refuse("cut-196624", NULL, ERROR_IMAGE, "truncated: an L2 table lies beyond");
	must_refuse("cut-262144", NULL, ERROR_IMAGE, "truncated: an L2 table lies beyond");
	must_refuse("cut-last", NULL, ERROR_IMAGE, "truncated: a data cluster lies beyond");
}
END_TEST

/* Byte N of the header becomes V. */
#define POKE "poke() { printf \"\\\\x$3\" | dd of=$1 bs=1 seek=$2 conv=notrunc status=none; };"

START_TEST(unsafe_features)
{
	run(POKE "cd $0; for f in dirty corrupt unknown future crypt; do "
		 "qemu-img create -q -f qcow2 $f 1M; done;"
		 "poke dirty 79 01; poke corrupt 79 02; poke unknown 79 20; poke unknown 72 80;"
		 "poke future 7 04; poke crypt 35 01;"
		 "qemu-img create -q -f qcow2 -o data_file=$0/data external 1M");
	must_refuse("dirty", NULL, ERROR_IMAGE, "was not closed cleanly; run qemu-img check");
	must_refuse("corrupt", NULL, ERROR_IMAGE, "marked corrupt; look at it with qemu-img check");
	must_refuse("unknown", NULL, ERROR_IMAGE,
		    "unknown incompatible feature bits 0x8000000000000020");
	must_refuse("future", NULL, ERROR_IMAGE, "qcow2 version 4 is not supported");
	must_refuse("crypt", NULL, ERROR_IMAGE, "encrypted (method 1), which is not supported");
	must_refuse("external", NULL, ERROR_IMAGE, "its data is in an external data file");
}
END_TEST

/* The snapshot of a running machine differs from that of a disk in its size of memory. */
START_TEST(saved_memory)
{
	run("cd $0; qemu-img create -q -f qcow2 s.qcow2 1M;"
	    "qemu-img snapshot -c disk-only s.qcow2; cp s.qcow2 m.qcow2; python3 - m.qcow2 <<'X'\n"
	    "import struct,sys\n"
	    "f=open(sys.argv[1],'r+b'); h=f.read(112); at=struct.unpack('>Q',h[64:72])[0]\n"
	    "f.seek(at+40); f.write(struct.pack('>Q',5000)); f.seek(at+32)\n"
	    "f.write(struct.pack('>I',5000))\nX\n");
	must_open("s.qcow2", NULL);
	must_refuse("m.qcow2", NULL, ERROR_IMAGE, "saved memory state of a running machine");
}
END_TEST

START_TEST(backing_file_must_be_given)
{
	run("cd $0; mkdir sub; qemu-img create -q -f qcow2 base 1M; ln -s ../base sub/alias;"
	    "qemu-img create -q -f qcow2 other 1M;"
	    "qemu-img create -q -f qcow2 -b base -F qcow2 top;"
	    "qemu-img create -q -f qcow2 -b alias -F qcow2 sub/top");
	must_open("top", "base");
	must_open("sub/top", "base");
	must_refuse("top", NULL, ERROR_IMAGE,
		    "backing file base was not given; give it with --backing /");
	must_refuse("top", "other", ERROR_IMAGE, "backing file base was not given");
	run("rm $0/base");
	must_refuse("top", "other", ERROR_MISSING, "backing file base: No such file");
}
END_TEST

/* As QEMU does it: a relative name is meant from where the name lies that leads to the file, and
 * not from where a link of this name leads to. */
START_TEST(a_header_that_cannot_be_read)
{
	CLEANUP_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct image_backing backing;

	ck_assert_int_eq(image_backing_read(fd, &backing, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_str_eq(err.msg, "reading a header: Is a directory");
}
END_TEST

/* QEMU takes JSON within a string of JSON. */
START_TEST(names_within_names_have_an_end)
{
	CLEANUP_FREE char *name = xstrdup("base");

	for (int i = 0; i < 10; i++) {
		CLEANUP_JSON json_t *inner = json_string(name);
		CLEANUP_FREE char *quoted = json_dumps(inner, JSON_ENCODE_ANY);

		CLEANUP_BACKING_FILES struct image_backing_files files = {0};

		free(name);
		name = xasprintf("json:{\"file.filename\": %s}", quoted);
		ck_assert_int_eq(image_backing_files_new(name, &files, &err), i < 9 ? 0 : -1);
		if (i < 9)
			ck_assert_str_eq(files.names[0], "base");
	}
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "its backing file is a name within more than 8 others");
}
END_TEST

START_TEST(backing_name_through_a_link)
{
	const char *const opens =
		"cd / && qemu-img info --backing-chain \"$0/top.qcow2\" >/dev/null";
	CLEANUP_FREE char *mid = path_join(directory, "far/mid.qcow2");
	CLEANUP_FREE char *far = path_join(directory, "far/low.qcow2");
	CLEANUP_FREE char *near = path_join(directory, "low.qcow2");
	CLEANUP_FREE char *top = path_join(directory, "top.qcow2");
	const char *const backing[] = {mid, far, near};
	struct image_options options = {.backing = backing, .n_backing = 2};
	CLEANUP(image_free)
	struct image *image = NULL;

	run("cd $0; mkdir far; qemu-img create -q -f qcow2 far/low.qcow2 1M;"
	    "qemu-img create -q -f qcow2 -b low.qcow2 -F qcow2 far/mid.qcow2; ln -s far/mid.qcow2 "
	    "link.qcow2; qemu-img create -q -u -f qcow2 -b link.qcow2 -F qcow2 top.qcow2 1M;"
	    "! qemu-img info --backing-chain top.qcow2 >/dev/null 2>&1");
	ck_assert_ptr_null(image_open(top, &options, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "backing file low.qcow2"));
	run("cp $0/far/low.qcow2 $0/");
	run(opens);
	options.n_backing = 3;
	image = image_open(top, &options, &err);
	ck_assert_msg(image != NULL, "%s", err.msg);
	ck_assert_str_eq(image->files[2].path, near);
}
END_TEST

START_TEST(backing_name_that_is_no_file_name)
{
	run("cd $0; for n in json:{} nbd://h/x file:base; do "
	    "qemu-img create -q -u -f qcow2 -b $n -F raw top-${n%%:*} 1M; done; : > base");
	must_refuse("top-json", "base", ERROR_IMAGE, "backing file json:{} is not a file name");
	must_refuse("top-nbd", "base", ERROR_IMAGE, "backing file nbd://h/x is not a file name");
	must_refuse("top-file", "base", ERROR_IMAGE, "backing file file:base is not a file name");
}
END_TEST

START_TEST(backing_format_is_never_guessed)
{
	run("cd $0; qemu-img create -q -f qcow2 base 1M;"
	    "qemu-img create -q -f qcow2 -b base -F qcow2 top; cp top vmdk; cp top none;"
	    "cp top raw; qemu-img rebase -u -f qcow2 -b base -F raw raw;"
	    "sed -i 's/qcow2/vmdk!/' vmdk; python3 - none <<'X'\n"
	    "import sys\nd=bytearray(open(sys.argv[1],'rb').read())\n"
	    "at=d.find(b'\\xe2\\x79\\x2a\\xca'); d[at:at+4]=b'\\x11\\x11\\x11\\x11'\n"
	    "open(sys.argv[1],'wb').write(d)\nX\n");
	must_open("top", "base");
	must_refuse("none", "base", ERROR_IMAGE,
		    "does not say the format of its backing file; run qemu-img rebase -u -F");
	must_refuse("vmdk", "base", ERROR_IMAGE, "backing format vmdk! is not supported");
	/* What a guest wrote into a raw disk is data, also when it looks like a header. */
	CLEANUP(image_free)
	struct image *image = open_with("raw", "base");
	ck_assert_msg(image != NULL, "%s", err.msg);
	ck_assert_int_eq(image->files[1].format, IMAGE_FORMAT_RAW);
	ck_assert_str_eq(image_format_name(image->files[1].format), "raw");
}
END_TEST

START_TEST(loop_and_depth)
{
	char *names[41];
	struct image_options options = {.backing = (const char *const *)names, .n_backing = 41};

	for (int i = 0; i <= 40; i++)
		names[i] = xasprintf("%s/%d", directory, i);
	run("cd $0; qemu-img create -q -f qcow2 0 1M; for i in $(seq 40); do "
	    "qemu-img create -q -u -f qcow2 -b $((i-1)) -F qcow2 $i 1M; done;"
	    "qemu-img rebase -u -f qcow2 -b 2 -F qcow2 0");
	ck_assert_ptr_null(image_open(names[40], &options, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 32 files in the chain"));
	ck_assert_ptr_null(image_open(names[5], &options, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "backing file 2 is above it: a loop"));
	for (int i = 0; i <= 40; i++)
		free(names[i]);
}
END_TEST

START_TEST(fields_of_a_chain)
{
	CLEANUP(image_free)
	struct image *image = NULL;

	run("cd $0; truncate -s 5000000 base; printf '\\x53\\xef' | dd of=base bs=1 seek=1080 "
	    "conv=notrunc status=none; qemu-img create -q -f qcow2 -b base -F raw top 8M");
	image = open_with("top", "base");
	ck_assert_msg(image != NULL, "%s", err.msg);
	ck_assert_uint_eq(image->n_files, 2);
	ck_assert_uint_eq(image->files[0].virtual_size, 8 << 20);
	ck_assert_str_eq(image->files[0].backing_name, "base");
	ck_assert_uint_eq(image->files[1].file_size, 5000000);
	ck_assert_uint_eq(image->files[1].virtual_size, 5000192);
	ck_assert_ptr_null(image->files[1].backing_name);
	ck_assert_int_eq(image->files[1].path[0], '/');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk_chain");
	TCase *tests = tcase_create("disk_chain");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, file_that_is_no_file);
	tcase_add_test(tests, format_that_is_not_supported_is_named);
	tcase_add_test(tests, raw_disk_is_recognized);
	tcase_add_test(tests, qcow2_of_any_kind_is_taken);
	tcase_add_test(tests, truncated_qcow2);
	tcase_add_test(tests, unsafe_features);
	tcase_add_test(tests, saved_memory);
	tcase_add_test(tests, backing_file_must_be_given);
	tcase_add_test(tests, backing_name_that_is_no_file_name);
	tcase_add_test(tests, a_header_that_cannot_be_read);
	tcase_add_test(tests, names_within_names_have_an_end);
	tcase_add_test(tests, backing_name_through_a_link);
	tcase_add_test(tests, backing_format_is_never_guessed);
	tcase_add_test(tests, loop_and_depth);
	tcase_add_test(tests, fields_of_a_chain);
	return suite_run(suite);
}
