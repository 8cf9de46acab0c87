/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "appliance/appliance.h"
#include "appliance/kvm.h"
#include "base/file.h"
#include "base/process.h"
#include "run/cgroup.h"
#include "session/confine.h"
#include "session/session.h"

enum { TOOL_DEADLINE_MS = 20000, SUBUID_RANGE = 65536, MAX_SUBUID_FILE = 1 << 20 };
static const uint64_t gibibyte = UINT64_C(1) << 30;
static const uint64_t comfortable_scratch = UINT64_C(8) << 30;

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_MISSING] = "missing"};

	return names[state];
}

static void judge(struct doctor_check *check, enum doctor_state state, const char *cost,
		  const char *action)
{
	check->state = state;
	check->cost = cost;
	check->action = action;
}

static void check_kvm(const struct doctor_request *request, struct doctor_check *check)
{
	struct error err = {0};

	(void)request;
	if (kvm_usable(NULL, &err) == 0) {
		check->found = xstrdup("a kernel boots under it");
		return;
	}
	check->found = xstrdup(err.msg);
	judge(check, DOCTOR_WARN,
	      "executor auto uses the sandbox, for trusted images only; an appliance is emulated, "
	      "20 times slower and no boundary",
	      "use a host with hardware virtualisation, and give the user access to /dev/kvm");
}

/* The first line that a tool says about its version; false when it cannot be run. */
static bool tool_version(const char *tool, char **ret)
{
	const char *const argv[] = {tool, "--version", NULL};
	const char *const e2fsprogs_argv[] = {tool, "-V", NULL};
	bool e2fsprogs = strstr(tool, "2fs") != NULL;
	struct process_spec spec = {.argv = e2fsprogs ? e2fsprogs_argv : argv,
				    .output_limit = 4096,
				    .deadline_ms = TOOL_DEADLINE_MS};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct buffer *said = &result.out;
	struct error err = {0};

	if (process_run(&spec, &result, &err) < 0) {
		*ret = xstrdup(err.msg);
		return false;
	}
	if (said->len == 0)
		said = &result.err;
	buffer_putc(said, '\0');
	said->data[strcspn(said->data, "\n")] = '\0';
	*ret = xstrdup(said->data);
	return true;
}

static void check_tool(struct doctor_check *check, const char *tool, enum doctor_state without,
		       const char *cost, const char *action)
{
	if (!tool_version(tool, &check->found))
		judge(check, without, cost, action);
}

static void check_qemu_nbd(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "qemu-nbd", DOCTOR_MISSING, "no image can be read or written",
		   "apt-get install qemu-utils");
}

static void check_qemu_img(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "qemu-img", DOCTOR_MISSING, "no overlay can be made or checked",
		   "apt-get install qemu-utils");
}

static void check_qemu_system(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "qemu-system-x86_64", DOCTOR_WARN, "no appliance and no boot test",
		   "apt-get install qemu-system-x86");
}

static void check_gpgv(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "gpgv", DOCTOR_MISSING, "no mirror can be verified",
		   "apt-get install gpgv");
}

static void check_e2fsck(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "e2fsck", DOCTOR_MISSING, "no guest file system can be checked",
		   "apt-get install e2fsprogs");
}

static void check_mke2fs(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	check_tool(check, "mke2fs", DOCTOR_WARN, "no run in the appliance",
		   "apt-get install e2fsprogs");
}

static void check_appliance(const struct doctor_request *request, struct doctor_check *check)
{
	struct error err = {0};

	(void)request;
	if (appliance_available(&err) == 0) {
		check->found = xstrdup("its parts are installed");
		return;
	}
	check->found = xstrdup(err.msg);
	judge(check, DOCTOR_WARN, "executor appliance cannot be used",
	      "apt-get install libguestfs0 supermin qemu-system-x86");
}

static int enter_user_namespace(void *opaque)
{
	(void)opaque;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET);
}

static void check_namespaces(const struct doctor_request *request, struct doctor_check *check)
{
	const char *const argv[] = {"true", NULL};
	struct process_spec spec = {
		.argv = argv, .deadline_ms = TOOL_DEADLINE_MS, .child_setup = enter_user_namespace};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	(void)request;
	if (process_run_ok(&spec, ERROR_HOST, &result, &err) == 0) {
		check->found = xstrdup("user, mount, PID and network namespaces can be made");
		return;
	}
	check->found = xstrdup("user namespaces cannot be made");
	judge(check, DOCTOR_WARN, "executor sandbox cannot be used",
	      "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000");
}

/* "NAME:START:COUNT" lines, or with the user's number for a name. */
static bool has_subordinate_range(const char *text, const char *user, unsigned uid)
{
	CLEANUP_FREE char *number = xasprintf("%u", uid);
	CLEANUP_FREE char *copy = xstrdup(text);
	char *state = NULL;

	for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *name = strsep(&line, ":"), *start = strsep(&line, ":");

		if (start && line && (strcmp(name, user) == 0 || strcmp(name, number) == 0) &&
		    strtoul(line, NULL, 10) >= SUBUID_RANGE)
			return true;
	}
	return false;
}

static void check_subuid(const struct doctor_request *request, struct doctor_check *check)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};
	const struct passwd *user = getpwuid(geteuid());

	(void)request;
	if (geteuid() == 0) {
		check->found = xstrdup("root needs none: it maps ranges by itself");
		return;
	}
	if (file_read("/etc/subuid", MAX_SUBUID_FILE, &text, &err) == 0 && text.len &&
	    has_subordinate_range(text.data, user ? user->pw_name : "", geteuid())) {
		check->found = xstrdup("the user has a range of 65536 ids");
		return;
	}
	check->found = xstrdup("the user has no range of 65536 ids in /etc/subuid");
	judge(check, DOCTOR_WARN, "executor sandbox cannot be used by this user",
	      "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER");
}

static void check_confinement(const struct doctor_request *request, struct doctor_check *check)
{
	CLEANUP_FREE char *lacks = confine_lacks();

	(void)request;
	if (!lacks) {
		check->found = xstrdup("workers are confined in files, calls, network, privileges");
		return;
	}
	check->found = xasprintf("workers have to do without %s", lacks);
	judge(check, DOCTOR_WARN, "what takes over a worker by a hostile image gets further",
	      "run as root, on a kernel with Landlock (lsm=landlock,...) and seccomp");
}

static void check_limits(const struct doctor_request *request, struct doctor_check *check)
{
	bool memory, pids;

	(void)request;
	check->found = cgroup_limits(&memory, &pids);
	if (!memory || !pids)
		judge(check, DOCTOR_WARN,
		      "guest code in the sandbox may take all of the host's, until its deadline",
		      "run as root on a host with control groups, version 2");
}

static void check_loop(const struct doctor_request *request, struct doctor_check *check)
{
	(void)request;
	if (access("/dev/loop-control", R_OK | W_OK) == 0) {
		check->found = xstrdup("/dev/loop-control can be opened");
		return;
	}
	check->found = xasprintf("/dev/loop-control: %s", strerror(errno));
	judge(check, DOCTOR_WARN, "only for developers: tests that mount images are skipped",
	      "modprobe loop");
}

/* The directory or, while it does not exist, the one it will be made in. */
static char *existing_directory(const char *path)
{
	CLEANUP_FREE char *at = xstrdup(path);
	char *slash;

	while (access(at, F_OK) != 0 && (slash = strrchr(at, '/')) && slash != at)
		*slash = '\0';
	return access(at, F_OK) == 0 ? steal(at) : xstrdup("/");
}

static bool is_remote(long type)
{
	static const long remote[] = {NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
				      SMB_SUPER_MAGIC, CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,
				      V9FS_MAGIC};

	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
		if (type == remote[i])
			return true;
	return false;
}

/* Free bytes and type; false, with `found` saying why, when it cannot be looked at. */
static bool look_at(const char *path, struct doctor_check *check, uint64_t *ret_free,
		    bool *ret_remote)
{
	struct statfs st;

	if (statfs(path, &st) < 0) {
		check->found = xasprintf("%s: %s", path, strerror(errno));
		return false;
	}
	*ret_free = (uint64_t)st.f_bavail * (uint64_t)st.f_bsize;
	*ret_remote = is_remote((long)st.f_type);
	return true;
}

static void check_scratch(const struct doctor_request *request, struct doctor_check *check)
{
	CLEANUP_FREE char *path = existing_directory(request->scratch);
	uint64_t free_bytes;
	bool remote;

	if (!look_at(path, check, &free_bytes, &remote)) {
		judge(check, DOCTOR_MISSING, "nothing can be run", "set scratch: to a local disk");
		return;
	}
	check->found = xasprintf("%s: %llu GiB free%s", request->scratch,
				 (unsigned long long)(free_bytes / gibibyte),
				 remote ? ", on a network file system" : "");
	if (remote)
		judge(check, DOCTOR_MISSING, "refused: views need a local disk",
		      "set scratch: to a local disk");
	else if (free_bytes < comfortable_scratch)
		judge(check, DOCTOR_WARN, "a larger guest does not fit: the sandbox copies it",
		      "make room, or set scratch: to a larger disk");
}

/* Whether two files can share blocks there: tried with files that have no name. */
static bool has_reflink(const char *directory)
{
	CLEANUP_CLOSE int from = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CLEANUP_CLOSE int to = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char block[4096] = {1};

	return from >= 0 && to >= 0 && write(from, block, sizeof block) == sizeof block &&
	       ioctl(to, FICLONE, from) == 0;
}

static void check_store(const struct doctor_request *request, struct doctor_check *check)
{
	CLEANUP_FREE char *path = existing_directory(request->store);
	uint64_t free_bytes;
	bool remote;

	if (!look_at(path, check, &free_bytes, &remote)) {
		judge(check, DOCTOR_MISSING, "no mirror snapshot and no layer can be kept",
		      "set store: to a disk of this host");
		return;
	}
	check->found = xasprintf("%s: %llu GiB free, reflinks: %s", request->store,
				 (unsigned long long)(free_bytes / gibibyte),
				 has_reflink(path) ? "yes" : "no");
	if (free_bytes < gibibyte)
		judge(check, DOCTOR_WARN, "mirror snapshots and layers soon find no room",
		      "make room, or set store: to a larger disk");
}

static void check_clock(const struct doctor_request *request, struct doctor_check *check)
{
	struct timex state = {0};
	bool synchronised = adjtimex(&state) >= 0 && !(state.status & STA_UNSYNC);
	time_t now = time(NULL);
	struct tm tm;

	(void)request;
	gmtime_r(&now, &tm);
	check->found = xasprintf("%04d-%02d-%02d %02d:%02d UTC, %s", tm.tm_year + 1900,
				 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
				 synchronised ? "synchronised" : "not known to be synchronised");
	if (tm.tm_year + 1900 < 2025 || tm.tm_year + 1900 > 2099)
		judge(check, DOCTOR_MISSING, "ages of mirrors are misjudged, records are misdated",
		      "set the clock");
	else if (!synchronised)
		judge(check, DOCTOR_WARN, "a wrong clock misjudges ages of mirrors",
		      "run a time service, or compare the clock by hand");
}

static const struct {
	const char *name;
	void (*run)(const struct doctor_request *request, struct doctor_check *check);
} checks[] = {
	{"kvm", check_kvm},
	{"qemu-nbd", check_qemu_nbd},
	{"qemu-img", check_qemu_img},
	{"qemu-system", check_qemu_system},
	{"appliance", check_appliance},
	{"namespaces", check_namespaces},
	{"subuid", check_subuid},
	{"confinement", check_confinement},
	{"cgroups", check_limits},
	{"loop", check_loop},
	{"scratch", check_scratch},
	{"store", check_store},
	{"clock", check_clock},
	{"gpgv", check_gpgv},
	{"e2fsck", check_e2fsck},
	{"mke2fs", check_mke2fs},
};

static json_t *check_to_json(const struct doctor_check *check)
{
	json_t *json = json_object();

	json_put_string(json, "name", check->name);
	json_put_string(json, "state", doctor_state_name(check->state));
	json_put_bytes(json, "found", check->found);
	json_put_string(json, "cost", check->cost);
	json_put_string(json, "action", check->action);
	return json;
}

json_t *doctor_run(const struct doctor_request *request)
{
	json_t *result = json_object(), *list = json_array();

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct doctor_check check = {.name = checks[i].name};

		checks[i].run(request, &check);
		json_array_append_new(list, check_to_json(&check));
		free(check.found);
	}
	json_put(result, "checks", list);
	return result;
}

int coldpatch_host_doctor(struct coldpatch_session *session, char **ret_json,
			  struct coldpatch_error *err)
{
	const struct config *config = &session->config;
	const struct doctor_request request = {.scratch = config->scratch, .store = config->store};
	CLEANUP_JSON json_t *result = doctor_run(&request);

	(void)err;
	*ret_json = session_text(result);
	return 0;
}
