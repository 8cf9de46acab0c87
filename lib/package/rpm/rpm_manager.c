/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/rpm/rpm.h"

const struct package_manager rpm_manager = {
	.family = &rpm_family,
	.detect = rpm_detect,
	.read_state = rpm_read_state,
	.resolve = rpm_resolve,
	.commands = rpm_commands,
	.read_status = rpm_read_status,
	.verify = rpm_verify,
	.payload = rpm_payload,
	.read_ownership = rpm_read_ownership,
};
