/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deny-lists, since what apt, libnbd, e2fsprogs and QEMU's tools call differs by version, while
 * what none of them ever needs does not.  Guest code has an allow-list of its own on top
 * (cmd/runner/filter.c).
 */
#include "session/confine_calls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "run/calls.h"

static const char *const not_without_guest_code[] = {"chroot", "mknod", "name_to_handle_at", NULL};

static const char *const not_without_mounts[] = {"mount", "unshare", NULL};

static int deny(scmp_filter_ctx filter, const char *const *names)
{
	return calls_act(filter, SCMP_ACT_ERRNO(EPERM), names);
}

/* clone3 hides its flags from filters: without it, C libraries use clone. */
static int deny_namespaces(scmp_filter_ctx filter)
{
	static const unsigned long flags[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
					      CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
					      CLONE_NEWNET};
	int status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof flags / sizeof *flags && status == 0; i++)
		status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					  SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return status;
}

static int deny_sockets(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
}

/* IP, and what looking up names asks the kernel (AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16).
 */
static int deny_strange_sockets(scmp_filter_ctx filter)
{
	int status = 0;

	for (int family = AF_UNSPEC; family <= AF_NETLINK && status == 0; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6 &&
		    family != AF_NETLINK)
			status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
						  SCMP_SYS(socket), 1,
						  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
	if (status == 0)
		status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
					  SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
	return status;
}

static int fill(scmp_filter_ctx filter, const struct confinement *confinement)
{
	enum confined_by by = confinement->by;
	int status = deny(filter, calls_never);

	/* Guest code may be of another architecture that the kernel runs; its own filter sees to
	 * that. */
	if (status == 0 && by == CONFINED_LOOSELY)
		return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (status == 0)
		status = deny(filter, not_without_guest_code);
	if (status == 0 && !confinement->appliance)
		status = deny(filter, calls_of_namespaces);
	if (status == 0)
		status = confinement->network ? deny_strange_sockets(filter) : deny_sockets(filter);
	if (status == 0 && by == CONFINED_BY_RULES)
		status = deny(filter, not_without_mounts);
	if (status == 0 && by == CONFINED_BY_RULES)
		status = deny_namespaces(filter);
	return status;
}

int confine_calls(const struct confinement *confinement, struct error *err)
{
	scmp_filter_ctx filter;
	int status;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		return 0;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	status = filter ? fill(filter, confinement) : -ENOMEM;
	if (status == 0)
		status = seccomp_load(filter);
	seccomp_release(filter);
	return status < 0 ? error_os(err, ERROR_HOST, -status, "a system call filter") : 0;
}
