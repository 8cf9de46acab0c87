/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mirror lists, as the mirrors of Rocky, Fedora and Amazon Linux give them. */
#include <check.h>
#include <string.h>

#include "base/buffer.h"
#include "fetch/mirror_list.h"
#include "suite.h"

#define METALINK(resources)                                                                        \
	"<?xml version='1.0'?>\n<metalink version='3.0' xmlns='http://www.metalinker.org/'>"       \
	"<files><file name='repomd.xml'><mm0:timestamp xmlns:mm0='urn:m'>1</mm0:timestamp>"        \
	"<resources maxconnections='1'>" resources "</resources></file></files></metalink>"

static const struct {
	const char *text, *urls;
} good[] = {
	{"https://cdn.example/core/guids/0a/x86_64/\n",
	 "https://cdn.example/core/guids/0a/x86_64/ "},
	{"# repo = rocky-BaseOS-9 arch = x86_64 country = US \r\nhttp://a.example/9/os/\r\n\n"
	 "ftp://b.example/os\nrsync://c.example/os/\n  https://d.example/os #near\n/etc\n",
	 "http://a.example/9/os/ https://d.example/os "},
	{"http://last.example/os", "http://last.example/os "},
	{METALINK("<url protocol='rsync' preference='100'>rsync://a.example/os/repodata/repomd.xml"
		  "</url>\n<url protocol='https'> https://b.example/os/repodata/repomd.xml\n</url>"
		  "<url>http://c.example/other.xml</url>"
		  "<url>http://d.example/a b/repodata/repomd.xml</url>"),
	 "https://b.example/os "},
	{"\n<metalink xmlns='urn:ietf:params:xml:ns:metalink'><file name='repomd.xml'>"
	 "<url priority='1'>http://a.example/repodata/repomd.xml</url></file></metalink>",
	 "http://a.example "},
};

START_TEST(list_is_read)
{
	CLEANUP_MIRROR_LIST struct mirror_list list = {0};
	CLEANUP_BUFFER struct buffer urls = {0};
	struct error err = {0};

	ck_assert_msg(mirror_list_parse(good[_i].text, strlen(good[_i].text), &list, &err) == 0,
		      "%s", err.msg);
	for (size_t i = 0; i < list.n; i++)
		buffer_printf(&urls, "%s ", list.urls[i]);
	ck_assert_str_eq(urls.data, good[_i].urls);
}
END_TEST

static const struct {
	const char *text, *message;
} bad[] = {
	{"", "it names no http or https URL"},
	{"<html><body>Not found</body></html>", "it names no http or https URL"},
	{"<!DOCTYPE html><html>", "line 1: has a document type, which is not followed"},
	{"<metalink>", "line 1: no element found"},
	{"No such repository\n", "it names no http or https URL"},
	{METALINK(""), "it names no http or https URL"},
};

START_TEST(bad_list_is_refused)
{
	CLEANUP_MIRROR_LIST struct mirror_list list = {0};
	struct error err = {0};

	ck_assert_int_eq(mirror_list_parse(bad[_i].text, strlen(bad[_i].text), &list, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MIRROR);
	ck_assert_str_eq(err.msg, bad[_i].message);
}
END_TEST

START_TEST(long_list_is_cut)
{
	CLEANUP_MIRROR_LIST struct mirror_list list = {0};
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};

	for (int i = 0; i < MIRROR_LIST_MAX + 50; i++)
		buffer_printf(&text, "http://m%d.example/\n", i);
	ck_assert_int_eq(mirror_list_parse(text.data, text.len, &list, &err), 0);
	ck_assert_uint_eq(list.n, MIRROR_LIST_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror_list");
	TCase *tests = tcase_create("mirror_list");

	tcase_add_loop_test(tests, list_is_read, 0, sizeof good / sizeof *good);
	tcase_add_loop_test(tests, bad_list_is_refused, 0, sizeof bad / sizeof *bad);
	tcase_add_test(tests, long_list_is_cut);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
