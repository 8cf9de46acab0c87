#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same result as the vendor's tool: CentOS 7.6 after `coldpatch apply` and after `yum update` of the same 91 packages
# (rpm_oracle.bash says what is compared).  Only with COLDPATCH_TEST_FULL: two updates of a whole system.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
[ -n "${COLDPATCH_TEST_FULL:-}" ] || skip "takes five minutes: COLDPATCH_TEST_FULL=1"
workdir
. "$(dirname "$0")/rpm_oracle.bash"
guest=$(centos_guest) && MIRROR=$(centos_mirror) && key=$(rpm_key) && keyring=$(centos_keyring) || exit 1

# What yum keeps for itself (persistdir) is neither compared nor written by us: docs/rpm.md.
VENDOR_CONF='[main]
cachedir=/run/cache
persistdir=/run/yum
logfile=/run/yum.log
obsoletes=1
gpgcheck=0
plugins=0
reposdir=/run/none
[b]
name=b
baseurl=file:///run/mirror'
yum_update() { in_chroot "$1" yum -y -c /run/vendor.conf update; }

expect 0 mirror snapshot --os centos:7 --keyring "$key/keyring.gpg" --keyring "$keyring" "$MIRROR"
oracle "$guest" centos-7-all yum_update "$TEST_TOP/tests/image/rpm-oracle.exceptions"
say "equal"
