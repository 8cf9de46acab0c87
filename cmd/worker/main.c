/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coldpatch-worker TASK: one task on one image, in a process of its own (lib/session/task.h). */
#include "base/error.h"
#include "session/task.h"

int main(int argc, char **argv)
{
	return argc == 2 ? task_serve(argv[1]) : ERROR_USAGE;
}
