/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The grammar of libdm's configuration files, as far as LVM writes it:
 *
 *     section = { name "{" section "}" | name "=" ( value | "[" value { "," value } "]" ) }
 *
 * Where libdm warns and goes on (a name twice in a section), this stops: two readers that choose
 * differently would see two maps of one disk.
 */
#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "disk/lvm.h"

struct parser {
	const char *at, *end;
	unsigned line;
	size_t n_nodes, depth;
	struct error *err;
};

static int syntax(struct parser *parser, const char *what)
{
	return error_set(parser->err, ERROR_IMAGE, "LVM metadata, line %u: %s", parser->line, what);
}

static void node_clear(struct lvm_node *node)
{
	for (size_t i = 0; i < node->n_items; i++)
		node_clear(&node->items[i]);
	free(node->items);
	free(node->name);
	free(node->text);
}

void lvm_node_free(struct lvm_node *node)
{
	if (!node)
		return;
	node_clear(node);
	free(node);
}

static void skip_space(struct parser *parser)
{
	for (; parser->at < parser->end; parser->at++) {
		if (*parser->at == '#')
			while (parser->at < parser->end && *parser->at != '\n')
				parser->at++;
		if (parser->at == parser->end || !isspace((unsigned char)*parser->at))
			return;
		parser->line += *parser->at == '\n';
	}
}

static bool next_is(struct parser *parser, char c)
{
	skip_space(parser);
	return parser->at < parser->end && *parser->at == c;
}

static bool take(struct parser *parser, char c)
{
	bool found = next_is(parser, c);

	parser->at += found;
	return found;
}

static struct lvm_node *add_item(struct parser *parser, struct lvm_node *parent)
{
	if (parser->n_nodes == LVM_MAX_NODES) {
		syntax(parser, "more values than are read");
		return NULL;
	}
	parser->n_nodes++;
	return ARRAY_ADD(parent->items, parent->n_items);
}

static char *take_name(struct parser *parser)
{
	const char *start;

	skip_space(parser);
	start = parser->at;
	while (parser->at < parser->end && *parser->at && !isspace((unsigned char)*parser->at) &&
	       !strchr("#={}[],\"'", *parser->at))
		parser->at++;
	return parser->at > start ? xstrndup(start, (size_t)(parser->at - start)) : NULL;
}

/* In double quotes a backslash takes the next character as it is, in single ones it does not. */
static int take_quoted(struct parser *parser, struct lvm_node *node)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char quote = *parser->at++;

	buffer_puts(&text, "");
	while (parser->at < parser->end && *parser->at && *parser->at != quote) {
		if (*parser->at == '\\' && quote == '"' && parser->at + 1 < parser->end &&
		    parser->at[1])
			parser->at++;
		parser->line += *parser->at == '\n';
		buffer_putc(&text, *parser->at++);
	}
	if (parser->at == parser->end || !*parser->at)
		return syntax(parser, "a string does not end");
	parser->at++;
	node->kind = LVM_STRING;
	node->text = buffer_steal(&text);
	return 0;
}

/* Decimal; what is signed, broken or larger is kept as neither number nor string. */
static void set_bare(struct lvm_node *node, const char *word)
{
	uint64_t number = 0;

	node->kind = LVM_OTHER;
	for (; *word; word++)
		if (*word < '0' || *word > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*word - '0'), &number))
			return;
	node->kind = LVM_NUMBER;
	node->number = number;
}

static int take_value(struct parser *parser, struct lvm_node *node)
{
	CLEANUP_FREE char *word = NULL;

	if (next_is(parser, '"') || next_is(parser, '\''))
		return take_quoted(parser, node);
	word = take_name(parser);
	if (!word)
		return syntax(parser, "a value is missing");
	set_bare(node, word);
	return 0;
}

static int take_list(struct parser *parser, struct lvm_node *list)
{
	list->kind = LVM_LIST;
	while (!take(parser, ']')) {
		struct lvm_node *item = add_item(parser, list);

		if (!item || take_value(parser, item) < 0)
			return -1;
		if (!take(parser, ',') && !next_is(parser, ']'))
			return syntax(parser, "a list does not end");
	}
	return 0;
}

static int check_names(struct parser *parser, const struct lvm_node *section)
{
	CLEANUP_FREE const char **names = xcalloc(section->n_items + 1, sizeof *names);

	for (size_t i = 0; i < section->n_items; i++)
		names[i] = section->items[i].name;
	qsort(names, section->n_items, sizeof *names, strings_compare);
	for (size_t i = 1; i < section->n_items; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return syntax(parser, "a name comes twice in the section that ends here");
	return 0;
}

static int take_section(struct parser *parser, struct lvm_node *section);

static int take_member(struct parser *parser, struct lvm_node *member)
{
	member->name = take_name(parser);
	if (!member->name)
		return syntax(parser, "a name is missing");
	if (take(parser, '{')) {
		if (take_section(parser, member) < 0)
			return -1;
		return take(parser, '}') ? 0 : syntax(parser, "a section does not end");
	}
	if (!take(parser, '='))
		return syntax(parser, "neither = nor { after a name");
	return take(parser, '[') ? take_list(parser, member) : take_value(parser, member);
}

static bool at_end(struct parser *parser)
{
	skip_space(parser);
	return parser->at == parser->end || *parser->at == '\0' || *parser->at == '}';
}

/* Up to the brace that ends it, or the end. */
static int take_section(struct parser *parser, struct lvm_node *section)
{
	section->kind = LVM_SECTION;
	if (++parser->depth > LVM_MAX_DEPTH)
		return syntax(parser, "sections lie too deep in each other");
	while (!at_end(parser)) {
		struct lvm_node *member = add_item(parser, section);

		if (!member || take_member(parser, member) < 0)
			return -1;
	}
	parser->depth--;
	return check_names(parser, section);
}

struct lvm_node *lvm_text_parse(const char *buf, size_t len, struct error *err)
{
	struct parser parser = {.at = buf, .end = buf + len, .line = 1, .err = err};
	CLEANUP(lvm_node_free)
	struct lvm_node *root = xcalloc(1, sizeof *root);

	if (take_section(&parser, root) < 0)
		return NULL;
	if (parser.at < parser.end && *parser.at)
		return syntax(&parser, "a section ends that never began"), NULL;
	return steal(root);
}

const struct lvm_node *lvm_node_find(const struct lvm_node *section, const char *name,
				     enum lvm_kind kind)
{
	for (size_t i = 0; section && section->kind == LVM_SECTION && i < section->n_items; i++)
		if (strcmp(section->items[i].name, name) == 0)
			return section->items[i].kind == kind ? &section->items[i] : NULL;
	return NULL;
}
