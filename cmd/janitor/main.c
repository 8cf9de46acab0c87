/* SPDX-License-Identifier: GPL-2.0-or-later */
/* coldpatch-janitor PATH FD: removes a workspace whose owner died (lib/session/workspace.h).  A
 * program of its own because one is started with each workspace: it needs hardly a library. */
#include <stdlib.h>

#include "base/error.h"
#include "session/workspace.h"

int main(int argc, char **argv)
{
	return argc == 3 ? workspace_guard(argv[1], atoi(argv[2])) : ERROR_USAGE;
}
