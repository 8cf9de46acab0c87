/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls that guest code may make: a list of what is allowed, close to what container
 * engines allow by default, without ptrace, io_uring and handles.  What the kernel grew later than
 * this list is "not there" (ENOSYS), so that C libraries fall back; what is known and refused says
 * EPERM.  Calls that wait for a disk succeed at once: the view is thrown away on failure, and read
 * back through the same kernel on success.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "run/calls.h"
#include "runner.h"

static const char *const allowed[] = {
	"accept",
	"accept4",
	"access",
	"alarm",
	"arch_prctl",
	"bind",
	"brk",
	"cachestat",
	"capget",
	"capset",
	"chdir",
	"chroot",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd",
	"eventfd2",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fchdir",
	"fcntl",
	"fcntl64",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fork",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_time64",
	"futex_requeue",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"futimesat",
	"get_mempolicy",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getcwd",
	"getdents",
	"getdents64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getitimer",
	"getpeername",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"getuid32",
	"getxattr",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"io_cancel",
	"io_destroy",
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"io_setup",
	"io_submit",
	"ioctl",
	"ioprio_get",
	"ioprio_set",
	"kill",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"lgetxattr",
	"link",
	"linkat",
	"listen",
	"listxattr",
	"llistxattr",
	"_llseek",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"lstat64",
	"madvise",
	"membarrier",
	"memfd_create",
	"mincore",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"mq_timedsend",
	"mq_timedsend_time64",
	"mq_unlink",
	"mremap",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"munlock",
	"munlockall",
	"munmap",
	"name_to_handle_at",
	"nanosleep",
	"newfstatat",
	"_newselect",
	"open",
	"openat",
	"openat2",
	"pause",
	"pidfd_open",
	"pidfd_send_signal",
	"pipe",
	"pipe2",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"poll",
	"ppoll",
	"ppoll_time64",
	"prctl",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"pselect6",
	"pselect6_time64",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"remap_file_pages",
	"removexattr",
	"rename",
	"renameat",
	"renameat2",
	"restart_syscall",
	"riscv_flush_icache",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"rt_tgsigqueueinfo",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_rr_get_interval_time64",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"seccomp",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"send",
	"sendfile",
	"sendfile64",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"setfsgid",
	"setfsgid32",
	"setfsuid",
	"setfsuid32",
	"setgid",
	"setgid32",
	"setgroups",
	"setgroups32",
	"setitimer",
	"setpgid",
	"setpriority",
	"setregid",
	"setregid32",
	"setresgid",
	"setresgid32",
	"setresuid",
	"setresuid32",
	"setreuid",
	"setreuid32",
	"setrlimit",
	"setsid",
	"setsockopt",
	"setuid",
	"setuid32",
	"setxattr",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigprocmask",
	"sigreturn",
	"socketpair",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sysinfo",
	"tee",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"times",
	"tkill",
	"truncate",
	"truncate64",
	"ugetrlimit",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"vfork",
	"vmsplice",
	"wait4",
	"waitid",
	"waitpid",
	"write",
	"writev",
	NULL,
};

/* Allowed as well, but for the two directories that mount_points.c knows of. */
static const char *const watched[] = {
	"chmod",  "chown32",  "chown",	  "fchmod", "fchmodat", "fchmodat2",
	"fchown", "fchown32", "fchownat", "lchown", "lchown32", NULL,
};

/* Beside what no worker may do either. */
static const char *const refused[] = {
	"mbind", "mount", "set_mempolicy", "stime", "unshare", NULL,
};

/* Done at once. */
static const char *const pretended[] = {
	"fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync", NULL,
};

enum {
	NAMESPACE_FLAGS = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
};

static int add_unconditional(scmp_filter_ctx filter, uint32_t when_watched)
{
	const struct {
		const char *const *names;
		uint32_t action;
	} lists[] = {
		{allowed, SCMP_ACT_ALLOW},
		{watched, when_watched},
		{calls_never, SCMP_ACT_ERRNO(EPERM)},
		{calls_of_namespaces, SCMP_ACT_ERRNO(EPERM)},
		{refused, SCMP_ACT_ERRNO(EPERM)},
		{pretended, SCMP_ACT_ERRNO(0)},
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (calls_act(filter, lists[i].action, lists[i].names) < 0)
			return -1;
	return 0;
}

static int add_conditional(scmp_filter_ctx filter)
{
	static const uint32_t personalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
	static const uint64_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	int outcome = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, (uint64_t)NAMESPACE_FLAGS, 0));

	for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
		outcome |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
					    SCMP_A0_32(SCMP_CMP_EQ, personalities[i], 0));
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		outcome |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					    SCMP_A0(SCMP_CMP_EQ, families[i], 0));
	return outcome;
}

static int load(uint32_t when_watched, int *ret_listener)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int outcome;

	if (!filter)
		return -1;
	if (seccomp_arch_native() == SCMP_ARCH_X86_64)
		seccomp_arch_add(filter, SCMP_ARCH_X86);
	if (seccomp_arch_native() == SCMP_ARCH_AARCH64)
		seccomp_arch_add(filter, SCMP_ARCH_ARM);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	outcome = add_unconditional(filter, when_watched) < 0 || add_conditional(filter) < 0 ||
				  seccomp_load(filter) < 0
			  ? -1
			  : 0;
	if (outcome == 0)
		*ret_listener = when_watched == SCMP_ACT_NOTIFY ? seccomp_notify_fd(filter) : -1;
	seccomp_release(filter);
	return outcome;
}

int filter_load(bool watch, int *ret_listener)
{
	/* There may be only one listener: perhaps a container engine's. */
	if (watch && load(SCMP_ACT_NOTIFY, ret_listener) == 0)
		return 0;
	return load(SCMP_ACT_ALLOW, ret_listener);
}
