/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/calls.h"

#include <stddef.h>

const char *const calls_never[] = {
	"acct",
	"add_key",
	"adjtimex",
	"bpf",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kcmp",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"move_pages",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"pidfd_getfd",
	"process_madvise",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"userfaultfd",
	NULL,
};

const char *const calls_of_namespaces[] = {
	"pivot_root",
	"setdomainname",
	"sethostname",
	"setns",
	"umount",
	"umount2",
	"vhangup",
	/* mounting by descriptors */
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"mount_setattr",
	"move_mount",
	"open_tree",
	NULL,
};

int calls_act(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int status = 0;

	for (; *names && status == 0; names++) {
		int number = seccomp_syscall_resolve_name(*names);

		if (number != __NR_SCMP_ERROR)
			status = seccomp_rule_add(filter, action, number, 0);
	}
	return status;
}
