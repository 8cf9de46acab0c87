/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's tools parse hostile bytes, so each runs with Landlock rules under which it can open the
 * files of its image, which it gets as descriptors, and the system's libraries, and nothing else:
 * no path of the host, no TCP, no abstract socket.  Without Landlock in the kernel the limits
 * remain.  Capabilities go too, except those that let root open an image of another user.
 */
#include "disk/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "base/landlock.h"

#define ADDRESS_SPACE ((rlim_t)4 << 30)

/* Moves a descriptor out of the way; closes the old one. */
static int fd_move(int fd, struct error *err)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);

	if (moved < 0)
		error_os(err, ERROR_HOST, errno, "duplicating a descriptor");
	close(fd);
	return moved;
}

static int rules_add(int ruleset, const struct confined_files *files, struct error *err)
{
	if (landlock_allow_system(ruleset, err) < 0)
		return -1;
	for (size_t i = 0; i < files->n_files; i++) {
		unsigned access = LANDLOCK_READ;

		if (i == 0 && files->writable)
			access |= LANDLOCK_WRITE;
		if (landlock_allow(ruleset, files->fds[i], access, err) < 0)
			return -1;
	}
	return 0;
}

static int ruleset_add(struct confined_files *files, struct error *err)
{
	int fd;

	if (landlock_version() == 0)
		return 0;
	fd = landlock_new(err);
	if (fd < 0)
		return -1;
	fd = fd_move(fd, err);
	if (fd < 0)
		return -1;
	files->fds[files->n_fds++] = fd;
	return rules_add(fd, files, err);
}

static int file_add(struct confined_files *files, int fd, struct error *err)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);

	if (moved < 0)
		return error_os(err, ERROR_HOST, errno, "duplicating a descriptor");
	files->fds[files->n_fds++] = moved;
	files->n_files++;
	return 0;
}

static int file_add_writable(struct confined_files *files, const struct image_file *file,
			     struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", file->fd);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s: opening for writing", file->path);
	return file_add(files, fd, err);
}

int confined_files_open(const struct image *image, bool writable, struct confined_files *ret,
			struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {.writable = writable};

	if (image->n_files >= CONFINE_MAX_FILES)
		return error_set(err, ERROR_BUG, "a chain of %zu files", image->n_files);
	if (writable && file_add_writable(&files, &image->files[0], err) < 0)
		return -1;
	for (size_t i = files.n_files; i < image->n_files; i++)
		if (file_add(&files, image->files[i].fd, err) < 0)
			return -1;
	if (ruleset_add(&files, err) < 0)
		return -1;
	*ret = files;
	files = (struct confined_files){0};
	return 0;
}

int confined_files_single(int fd, struct confined_files *ret, struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {.writable = true};

	if (file_add(&files, fd, err) < 0 || ruleset_add(&files, err) < 0)
		return -1;
	*ret = files;
	files = (struct confined_files){0};
	return 0;
}

void confined_files_close(struct confined_files *files)
{
	for (size_t i = 0; i < files->n_fds; i++)
		close(files->fds[i]);
	*files = (struct confined_files){0};
}

/* `locking` stays QEMU's own: a machine that starts on the image while we read it is noticed. */
static json_t *file_node(int fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", fd);
	json_t *node = json_object();

	json_put_string(node, "driver", "file");
	json_put_string(node, "filename", path);
	return node;
}

char *confined_files_graph(const struct image *image, const struct confined_files *files,
			   size_t depth)
{
	CLEANUP_JSON json_t *below = json_null();
	CLEANUP_FREE char *bytes = NULL;

	for (size_t i = depth; i-- > 0;) {
		json_t *node = json_object();

		json_put_string(node, "driver", image_format_name(image->files[i].format));
		json_put_bool(node, "read-only", i > 0 || !files->writable);
		json_put(node, "file", file_node(files->fds[i]));
		if (image->files[i].format == IMAGE_FORMAT_QCOW2)
			json_put(node, "backing", steal(below));
		else
			json_decref(below);
		below = node;
	}
	bytes = json_to_bytes(below);
	return xasprintf("json:%s", bytes);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == 0 &&
	    (now.rlim_max == RLIM_INFINITY || now.rlim_max > value))
		setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

int confine_child(void *opaque)
{
	const struct confined_files *files = opaque;

	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, ADDRESS_SPACE);
	for (int i = 0; i < 64; i++)
		if (i != CAP_DAC_OVERRIDE && i != CAP_DAC_READ_SEARCH)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (files->n_fds == files->n_files)
		return 0;
	if (landlock_restrict(files->fds[files->n_files]) < 0)
		return -1;
	close(files->fds[files->n_files]);
	return 0;
}

/* The line of `text` in which `phrase` is, or NULL. */
static const char *line_with(const char *text, const char *phrase)
{
	const char *found = strstr(text, phrase);

	while (found && found > text && found[-1] != '\n')
		found--;
	return found;
}

/* A line without names of our descriptors, which tell nobody anything.  The caller frees. */
static char *complaint(const char *line)
{
	static const char name[] = "/proc/self/fd/";
	char *text = xstrndup(line, strcspn(line, "\n")), *found;

	while ((found = strstr(text, name))) {
		char *end = found + sizeof name - 1;

		end += strspn(end, "0123456789");
		end += strspn(end, "': ");
		memmove(found, end, strlen(end) + 1);
	}
	return text;
}

int confined_tool_failed(const char *tool, const struct buffer *messages, struct error *err)
{
	const char *text = messages->len ? messages->data : "no message";
	const char *no_space = line_with(text, "No space left on device");
	CLEANUP_FREE char *line = complaint(no_space ? no_space : text);

	if (line_with(text, " lock"))
		return error_set(
			err, ERROR_BUSY,
			"is open for writing by another process (a running machine?); stop "
			"it first");
	return error_set(err, no_space ? ERROR_SPACE : ERROR_IMAGE, "%s: %s", tool, line);
}
