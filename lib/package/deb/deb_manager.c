/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/deb.h"

const struct package_manager deb_manager = {
	.family = &deb_family,
	.detect = deb_detect,
	.read_state = deb_read_state,
	.resolve = deb_resolve,
	.commands = deb_commands,
	.read_status = deb_read_status,
	.verify = deb_verify,
	.payload = deb_payload,
	.read_ownership = deb_read_ownership,
};
