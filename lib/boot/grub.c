/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grub.cfg is a script in a language close to sh.  It is read command by command: a word is bare,
 * quoted or both; commands end at a newline or ';'; a lone '{' opens a block that belongs to the
 * command before it and a lone '}' closes it.  Everything but the commands below passes by.
 */
#include "boot/grub.h"

#include <string.h>

#include "base/buffer.h"

enum { MAX_WORDS = 256, MAX_DEPTH = 32 };

enum token { TOKEN_END, TOKEN_SEPARATOR, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD };

struct lexer {
	const char *at, *end;
};

struct parser {
	struct lexer lexer;
	struct menu *menu;
	char *words[MAX_WORDS];
	size_t n_words;
	size_t blocks[MAX_DEPTH]; /* 1 + index of the menu item, 0: some other block */
	size_t depth;		  /* beyond MAX_DEPTH blocks are counted only */
};

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';';
}

static void take_double_quoted(struct lexer *lexer, struct buffer *word)
{
	while (lexer->at < lexer->end && *lexer->at != '"') {
		if (*lexer->at == '\\' && lexer->end - lexer->at > 1 &&
		    strchr("\"\\$", lexer->at[1]))
			lexer->at++;
		buffer_putc(word, *lexer->at++);
	}
	if (lexer->at < lexer->end)
		lexer->at++;
}

static void take_single_quoted(struct lexer *lexer, struct buffer *word)
{
	while (lexer->at < lexer->end && *lexer->at != '\'')
		buffer_putc(word, *lexer->at++);
	if (lexer->at < lexer->end)
		lexer->at++;
}

static void take_word(struct lexer *lexer, struct buffer *word)
{
	buffer_puts(word, "");
	while (lexer->at < lexer->end && !ends_word(*lexer->at)) {
		char c = *lexer->at++;

		if (c == '"') {
			take_double_quoted(lexer, word);
		} else if (c == '\'') {
			take_single_quoted(lexer, word);
		} else if (c == '\\' && lexer->at < lexer->end) {
			if (*lexer->at != '\n')
				buffer_putc(word, *lexer->at);
			lexer->at++;
		} else {
			buffer_putc(word, c);
		}
	}
}

static bool is_blank(const struct lexer *lexer)
{
	char c = *lexer->at;

	return c == ' ' || c == '\t' || c == '\r' ||
	       (c == '\\' && lexer->end - lexer->at > 1 && lexer->at[1] == '\n');
}

static void skip_blanks(struct lexer *lexer)
{
	while (lexer->at < lexer->end && is_blank(lexer))
		lexer->at += *lexer->at == '\\' ? 2 : 1;
	if (lexer->at < lexer->end && *lexer->at == '#')
		while (lexer->at < lexer->end && *lexer->at != '\n')
			lexer->at++;
}

static bool is_lone(const struct lexer *lexer)
{
	return lexer->end - lexer->at == 1 || ends_word(lexer->at[1]);
}

static enum token next_token(struct lexer *lexer, struct buffer *word)
{
	skip_blanks(lexer);
	if (lexer->at == lexer->end)
		return TOKEN_END;
	switch (*lexer->at) {
	case '\n':
	case ';':
		lexer->at++;
		return TOKEN_SEPARATOR;
	case '{':
	case '}':
		if (is_lone(lexer))
			return *lexer->at++ == '{' ? TOKEN_OPEN : TOKEN_CLOSE;
		break;
	default:
		break;
	}
	take_word(lexer, word);
	return TOKEN_WORD;
}

static void set_string(char **member, const char *value)
{
	free(*member);
	*member = xstrdup(value);
}

static struct menu_item *current_entry(struct parser *parser)
{
	size_t at =
		parser->depth && parser->depth <= MAX_DEPTH ? parser->blocks[parser->depth - 1] : 0;

	return at && !parser->menu->items[at - 1].submenu ? &parser->menu->items[at - 1] : NULL;
}

static size_t current_submenu(const struct parser *parser)
{
	size_t depth = parser->depth < MAX_DEPTH ? parser->depth : MAX_DEPTH;

	for (size_t i = depth; i > 0; i--) {
		size_t at = parser->blocks[i - 1];

		if (at && parser->menu->items[at - 1].submenu)
			return at;
	}
	return 0;
}

/* What opens a block: menuentry TITLE [--option VALUE]... { */
static size_t open_item(struct parser *parser)
{
	bool submenu = parser->n_words && strcmp(parser->words[0], "submenu") == 0;
	struct menu_item *item;
	size_t parent = current_submenu(parser);

	if (!submenu && (!parser->n_words || strcmp(parser->words[0], "menuentry") != 0))
		return 0;
	item = menu_add(parser->menu);
	if (!item)
		return 0;
	item->submenu = submenu;
	item->parent = parent;
	item->title = parser->n_words > 1 ? xstrdup(parser->words[1]) : NULL;
	for (size_t i = 2; i + 1 < parser->n_words; i++)
		if (strcmp(parser->words[i], "--id") == 0 ||
		    strcmp(parser->words[i], "$menuentry_id_option") == 0)
			set_string(&item->id, parser->words[i + 1]);
	return parser->menu->n_items;
}

static void do_assignment(struct parser *parser, const char *word)
{
	if (strncmp(word, "default=", 8) == 0 && !strstr(word, "next_entry"))
		set_string(&parser->menu->default_entry, word + 8);
	else if (strncmp(word, "kernelopts=", 11) == 0)
		set_string(&parser->menu->kernel_options, word + 11);
}

static void add_filesystem(struct menu *menu, const char *tag, const char *value)
{
	if (!strchr(value, '$') && menu->n_filesystems < MENU_MAX_ITEMS)
		*ARRAY_ADD(menu->filesystems, menu->n_filesystems) = xasprintf("%s=%s", tag, value);
}

static void do_search(struct parser *parser)
{
	const char *tag = NULL, *value = NULL;

	for (size_t i = 1; i < parser->n_words; i++) {
		const char *word = parser->words[i];

		if (strcmp(word, "--fs-uuid") == 0 || strcmp(word, "-u") == 0)
			tag = "UUID";
		else if (strcmp(word, "--label") == 0 || strcmp(word, "-l") == 0)
			tag = "LABEL";
		else if (word[0] != '-')
			value = word;
	}
	if (tag && value)
		add_filesystem(parser->menu, tag, value);
}

static char *join_words(const struct parser *parser, size_t from)
{
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, "");
	for (size_t i = from; i < parser->n_words; i++)
		buffer_printf(&text, "%s%s", i > from ? " " : "", parser->words[i]);
	return buffer_steal(&text);
}

static bool is_command(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 &&
	       (word[len] == '\0' || strcmp(word + len, "16") == 0 ||
		strcmp(word + len, "efi") == 0);
}

static void do_entry_command(struct parser *parser, struct menu_item *entry)
{
	const char *name = parser->words[0];

	if (parser->n_words < 2)
		return;
	if (is_command(name, "linux")) {
		set_string(&entry->kernel, parser->words[1]);
		free(entry->options);
		entry->options = join_words(parser, 2);
	} else if (is_command(name, "initrd")) {
		set_string(&entry->initrd, parser->words[parser->n_words - 1]);
	}
}

static bool is_keyword(const char *word)
{
	return strcmp(word, "then") == 0 || strcmp(word, "else") == 0 || strcmp(word, "do") == 0;
}

static void drop_first_word(struct parser *parser)
{
	free(parser->words[0]);
	parser->n_words--;
	memmove(parser->words, parser->words + 1, parser->n_words * sizeof *parser->words);
}

static void do_command(struct parser *parser)
{
	struct menu_item *entry = current_entry(parser);
	const char *name = parser->words[0];

	if (strcmp(name, "search") == 0)
		do_search(parser);
	else if (strcmp(name, "search.fs_uuid") == 0 && parser->n_words > 1)
		add_filesystem(parser->menu, "UUID", parser->words[1]);
	else if (entry)
		do_entry_command(parser, entry);
	else if (strcmp(name, "set") == 0 && parser->n_words > 1)
		do_assignment(parser, parser->words[1]);
	else if (strcmp(name, "blscfg") == 0)
		parser->menu->use_bls = true;
	else
		do_assignment(parser, name);
}

static void end_command(struct parser *parser)
{
	while (parser->n_words && is_keyword(parser->words[0]))
		drop_first_word(parser);
	if (parser->n_words)
		do_command(parser);
	while (parser->n_words)
		free(parser->words[--parser->n_words]);
}

static void open_block(struct parser *parser)
{
	size_t item = open_item(parser);

	if (parser->depth < MAX_DEPTH)
		parser->blocks[parser->depth] = item;
	parser->depth++;
	while (parser->n_words)
		free(parser->words[--parser->n_words]);
}

void grub_parse(const char *buf, size_t len, struct menu *menu)
{
	struct parser parser = {.lexer = {buf, buf + len}, .menu = menu};
	enum token token;

	do {
		CLEANUP_BUFFER struct buffer word = {0};

		token = next_token(&parser.lexer, &word);
		if (token == TOKEN_OPEN)
			open_block(&parser);
		else if (token != TOKEN_WORD)
			end_command(&parser);
		else if (parser.n_words < MAX_WORDS)
			parser.words[parser.n_words++] = buffer_steal(&word);
		if (token == TOKEN_CLOSE && parser.depth)
			parser.depth--;
	} while (token != TOKEN_END);
}

char *grub_env_get(const char *buf, size_t len, const char *name)
{
	const char *end = buf + len;
	size_t name_len = strlen(name);

	while (buf < end) {
		const char *newline = memchr(buf, '\n', end - buf);
		const char *stop = newline ? newline : end;

		if ((size_t)(stop - buf) > name_len && memcmp(buf, name, name_len) == 0 &&
		    buf[name_len] == '=' && !memchr(buf, '\0', stop - buf))
			return xstrndup(buf + name_len + 1, stop - buf - name_len - 1);
		buf = newline ? newline + 1 : end;
	}
	return NULL;
}
