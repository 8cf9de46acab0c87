/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML documents by libcyaml: who reads one declares its schema with libcyaml's own macros. */
#ifndef COLDPATCH_BASE_YAML_H
#define COLDPATCH_BASE_YAML_H

#include "base/buffer.h"
#include "base/error.h"

struct cyaml_schema_value;

/* *ret is what the schema, a pointer to a mapping, describes; the caller frees it as libcyaml made
 * it. ERROR_CONFIG "PATH: line N: what is wrong". */
int yaml_load(const char *path, const struct buffer *text, const struct cyaml_schema_value *schema,
	      void **ret, struct error *err);
/* The number of the last line that begins with `key` and a colon, 0 when there is none. */
unsigned yaml_line_of(const struct buffer *text, const char *key);

#endif
