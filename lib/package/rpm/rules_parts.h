/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the readers of rules.c have in common.  Each is given a file's text, which it may write to,
 * and the file's name, which outlives the rules. */
#ifndef COLDPATCH_PACKAGE_RPM_RULES_PARTS_H
#define COLDPATCH_PACKAGE_RPM_RULES_PARTS_H

#include "package/rpm/rules.h"

void rules_add(struct rpm_rules *rules, enum rpm_rule_kind kind, const char *pattern,
	       const char *from);
/* What is locked is not known, so the guest is not updated. */
void rules_not_understood(struct rpm_rules *rules, const char *from, const char *what);

/* Without the blanks around it. */
char *rules_trim(char *text);

/* Between the words of a list. */
extern const char rules_blanks[];
/* "1", "true", "yes", "on"; "0", "false", "no", "off". */
bool rules_is_true(const char *value);
bool rules_is_false(const char *value);

/* Options of the sections of an INI file, "key = value" or "key: value" as Python's ConfigParser
 * has them. */
typedef void rules_option_taker(void *opaque, const char *section, const char *key, char *value);
void rules_read_sections(char *text, rules_option_taker *take, void *opaque);

/* rules_repositories.c: what the repositories of a file exclude. */
void rules_read_repositories(struct rpm_rules *rules, char *text, const char *from);

/* rules_versionlock.c */
void rules_read_versionlock(struct rpm_rules *rules, char *text, const char *from);
void rules_read_versionlock_conf(struct rpm_rules *rules, char *text, const char *from);
void rules_read_versionlock_toml(struct rpm_rules *rules, char *text, const char *from);
/* Of versionlock.conf's text. */
bool rules_versionlock_is_on(char *text);

/* rules_zypp.c */
void rules_read_zypp_locks(struct rpm_rules *rules, char *text, const char *from);

#endif
