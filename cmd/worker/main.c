/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coldpatch-worker TASK: one task on one image, in a process of its own (lib/session/task.h).
 * coldpatch-worker janitor PATH FD: removes a workspace whose owner died (lib/session/workspace.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "session/task.h"
#include "session/workspace.h"

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "janitor"))
		return workspace_guard(argv[2], atoi(argv[3]));
	if (argc == 2)
		return task_serve(argv[1]);
	return ERROR_USAGE;
}
