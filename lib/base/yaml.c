/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcyaml says what is wrong, and where, only through its log: the first complaint and the first
 * line number of its backtrace are kept. */
#include "base/yaml.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct complaint {
	char text[512];
	unsigned line;
};

/* Messages look like "Load: Unexpected key: foo\n", then a backtrace with "(line: 3, column: 1)".
 */
__attribute__((format(printf, 3, 0))) static void take_complaint(cyaml_log_t level, void *opaque,
								 const char *fmt, va_list args)
{
	struct complaint *complaint = opaque;
	char text[512];
	const char *start = text, *line;

	(void)level;
	vsnprintf(text, sizeof text, fmt, args);
	line = strstr(text, "line: ");
	if (line && complaint->line == 0)
		complaint->line = (unsigned)strtoul(line + 6, NULL, 10);
	if (strncmp(text, "Load: ", 6) == 0)
		start += 6;
	if (complaint->text[0] == '\0' && *start != ' ' && strncmp(start, "Backtrace", 9) != 0)
		snprintf(complaint->text, sizeof complaint->text, "%.*s", (int)strcspn(start, "\n"),
			 start);
}

unsigned yaml_line_of(const struct buffer *text, const char *key)
{
	unsigned line = 0, found = 0;
	size_t len = strlen(key);

	for (const char *at = text->data; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		line++;
		at += strspn(at, " ");
		if (len && strncmp(at, key, len) == 0 && at[len] == ':')
			found = line;
	}
	return found;
}

/* libcyaml gives the line before for a key it does not want. */
static void mend_line(struct complaint *complaint, const struct buffer *text)
{
	static const char *const prefixes[] = {"Unexpected key: ", "Mapping field already seen: "};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i]);
		unsigned line = strncmp(complaint->text, prefixes[i], len) == 0
					? yaml_line_of(text, complaint->text + len)
					: 0;

		if (line)
			complaint->line = line;
	}
}

int yaml_load(const char *path, const struct buffer *text, const struct cyaml_schema_value *schema,
	      void **ret, struct error *err)
{
	struct complaint complaint = {0};
	cyaml_config_t config = {.log_fn = take_complaint,
				 .log_ctx = &complaint,
				 .mem_fn = cyaml_mem,
				 .log_level = CYAML_LOG_ERROR,
				 .flags = CYAML_CFG_NO_ALIAS};
	cyaml_data_t *data = NULL;
	cyaml_err_t status;

	status = cyaml_load_data((const uint8_t *)(text->data ? text->data : ""), text->len,
				 &config, schema, &data, NULL);
	if (status == CYAML_OK && data) {
		*ret = data;
		return 0;
	}
	if (complaint.text[0] == '\0')
		snprintf(complaint.text, sizeof complaint.text, "%s",
			 status == CYAML_OK ? "the file is empty" : cyaml_strerror(status));
	mend_line(&complaint, text);
	return error_set(err, ERROR_CONFIG, "%s: line %u: %s", path,
			 complaint.line ? complaint.line : 1, complaint.text);
}
