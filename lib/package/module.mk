# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/package/families.c \
	lib/package/names.c \
	lib/package/ownership.c \
	lib/package/package.c \
	lib/package/payload.c \
	lib/package/resolution_json.c \
	lib/package/deb/apt_acquire.cc \
	lib/package/deb/apt_config.cc \
	lib/package/deb/apt_explain.cc \
	lib/package/deb/apt_failure.cc \
	lib/package/deb/apt_index.c \
	lib/package/deb/apt_offer.cc \
	lib/package/deb/apt_order.cc \
	lib/package/deb/apt_policy.cc \
	lib/package/deb/apt_report.cc \
	lib/package/deb/apt_resolver.cc \
	lib/package/deb/apt_shim.cc \
	lib/package/deb/apt_version.cc \
	lib/package/deb/control.c \
	lib/package/deb/deb.c \
	lib/package/deb/deb_commands.c \
	lib/package/deb/deb_ownership.c \
	lib/package/deb/deb_payload.c \
	lib/package/deb/deb_progress.c \
	lib/package/deb/deb_places.c \
	lib/package/deb/deb_resolve.c \
	lib/package/deb/deb_roles.c \
	lib/package/deb/deb_state.c \
	lib/package/deb/deb_status.c \
	lib/package/deb/deb_verify.c \
	lib/package/rpm/install_only.c \
	lib/package/rpm/location.c \
	lib/package/rpm/rpm.c \
	lib/package/rpm/rpm_commands.c \
	lib/package/rpm/rpm_describe.c \
	lib/package/rpm/rpm_headers.c \
	lib/package/rpm/rpm_ownership.c \
	lib/package/rpm/modules.c \
	lib/package/rpm/modules_yaml.c \
	lib/package/rpm/rpm_packages.c \
	lib/package/rpm/rpm_payload.c \
	lib/package/rpm/rpm_places.c \
	lib/package/rpm/rpm_progress.c \
	lib/package/rpm/rpm_resolve.c \
	lib/package/rpm/rpm_roles.c \
	lib/package/rpm/rpm_run.c \
	lib/package/rpm/rpm_state.c \
	lib/package/rpm/rpm_verify.c \
	lib/package/rpm/rules.c \
	lib/package/rpm/rules_pattern.c \
	lib/package/rpm/solve.c \
	lib/package/rpm/solve_advisories.c \
	lib/package/rpm/solve_cache.c \
	lib/package/rpm/solve_decide.c \
	lib/package/rpm/solve_explain.c \
	lib/package/rpm/solve_hide.c \
	lib/package/rpm/solve_install_only.c \
	lib/package/rpm/solve_installed.c \
	lib/package/rpm/solve_left.c \
	lib/package/rpm/solve_limit.c \
	lib/package/rpm/solve_modules.c \
	lib/package/rpm/solve_package.c \
	lib/package/rpm/solve_repo.c \
	lib/package/rpm/solve_report.c \
	lib/package/rpm/solve_streams.c \
	lib/package/rpm/solve_weak.c
UNIT_TESTS += \
	tests/unit/deb_oracle_test.c \
	tests/unit/deb_scenario_test.c \
	tests/unit/deb_test.c \
	tests/unit/payload_test.c \
	tests/unit/rpm_commands_test.c \
	tests/unit/rpm_scenario_test.c \
	tests/unit/rpm_state_test.c
FUZZERS += tests/fuzz/dpkg_status.c
TEST_TOOLS += tests/image/rpm_resolve_tool.c
