/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What surrounds a run of rpm.  That no service is started needs nothing more than what every run
 * sets: systemctl finds no systemd, whatever its version, and init scripts' processes end with the
 * command. */
#include "package/rpm/rpm.h"

/* The only locale that all of these guests have: bash 4 warns at every start about one it lacks. */
const char *const rpm_environment[] = {"LC_ALL=C", NULL};

const char *const rpm_copied_up[] = {"/var/lib/rpm", "/usr/lib/sysimage/rpm", NULL};
