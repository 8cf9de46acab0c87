/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "boot/console.h"
#include "suite.h"

#define BOOT                                                                                       \
	"\033c\033[?7l\033[2J\033[0mSeaBIOS (version 1.16.2-debian-1.16.2-1)\r\n"                  \
	"Booting from Hard Disk...\r\nGRUB loading..\r\n\033[0;30;47mWelcome to GRUB!\r\n"         \
	"\r\n\033[H\033[J\033[1;1H  Booting `Debian GNU/Linux'\r\n\r\n"                            \
	"\rLoading Linux 6.1.0-50-amd64 ...\r\n\rLoading initial ramdisk ...\r\n"                  \
	"[   11.746384] I/O error, dev fd0, sector 0 op 0x0:(READ)\r\n"                            \
	"[\033[0;1;31mFAILED\033[0m] Failed to start \033[0;1;39mssh.servic\xe2\x80\xa6\033[0m - " \
	"OpenBSD Secure Shell server.\r\r\n"

static const struct {
	const char *text;
	enum console_state state;
	const char *failure, *last;
} recorded[] = {
	{"", CONSOLE_WAITING, NULL, "nothing was printed"},
	{"\r\n \r\n\033[2J", CONSOLE_WAITING, NULL, "nothing was printed"},
	{BOOT "\r\r\nDebian GNU/Linux 12 golden ttyS0\r\n\r\ngolden login: ", CONSOLE_PROMPT, NULL,
	 "golden login: "},
	{BOOT "golden login: [   31.2] random: crng init done\r\n", CONSOLE_PROMPT, NULL,
	 "golden login: "},
	{"\033[0mLN03 login: ", CONSOLE_PROMPT, NULL, "LN03 login: "},
	{"old text\rhost login: ", CONSOLE_PROMPT, NULL, "host login: "},
	{BOOT, CONSOLE_WAITING, NULL,
	 "[FAILED] Failed to start ssh.servic\xe2\x80\xa6 - OpenBSD Secure Shell server."},
	/* not a prompt: more than one word before it, or nothing, or no blank after it */
	{"audit: failed login: root\r\n", CONSOLE_WAITING, NULL, "audit: failed login: root"},
	{" login: x", CONSOLE_WAITING, NULL, " login: x"},
	{"golden login:", CONSOLE_WAITING, NULL, "golden login:"},
	{BOOT "[    3.1] VFS: Cannot open root device \"UUID=1\"\r\n"
	      "[    3.2] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n"
	      "golden login: ",
	 CONSOLE_FAILED, "its kernel panicked",
	 "[    3.2] Kernel panic - not syncing: VFS: Unable to mount root fs"},
	{"ALERT!  UUID=1 does not exist.  Dropping to a shell!\r\n\r\n\r\n(initramfs) ",
	 CONSOLE_FAILED, "it stopped in its initramfs", "(initramfs) "},
	{"[  1.0] dracut: \r\nEntering emergency mode. Exit the shell to continue.\r\n",
	 CONSOLE_FAILED, "it stopped in its initramfs",
	 "Entering emergency mode. Exit the shell to continue."},
	{"You are in emergency mode. After logging in, type", CONSOLE_FAILED,
	 "it went into emergency mode", "You are in emergency mode. After logging in, type"},
	{"You are in rescue mode.\n", CONSOLE_FAILED, "it went into rescue mode",
	 "You are in rescue mode."},
	{"error: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> ", CONSOLE_FAILED,
	 "GRUB found no configuration", "grub rescue> "},
	{"\033[Hgrub> ", CONSOLE_FAILED, "GRUB found no configuration", "grub> "},
	{"see grub> in the manual\n", CONSOLE_WAITING, NULL, "see grub> in the manual"},
	{"No bootable device.\r\n", CONSOLE_FAILED, "its disks hold nothing to boot",
	 "No bootable device."},
	{"a\033]0;title\007b\033]1;x\033\\c\r\n", CONSOLE_WAITING, NULL, "abc"},
};

static void check_recorded(const struct console *console, int i)
{
	ck_assert_int_eq(console->state, recorded[i].state);
	if (recorded[i].failure)
		ck_assert_str_eq(console->failure, recorded[i].failure);
	ck_assert_str_eq(console_last_line(console), recorded[i].last);
}

START_TEST(console_reads_at_once)
{
	struct console console = {0};

	console_feed(&console, recorded[_i].text, strlen(recorded[_i].text));
	check_recorded(&console, _i);
}
END_TEST

/* Signs are looked for at the end of what is fed, too, so a failure may be seen a little earlier.
 */
START_TEST(console_reads_byte_by_byte)
{
	struct console console = {0};

	for (const char *p = recorded[_i].text; *p; p++)
		console_feed(&console, p, 1);
	ck_assert_int_eq(console.state, recorded[_i].state);
	if (recorded[_i].failure)
		ck_assert_str_eq(console.failure, recorded[_i].failure);
}
END_TEST

START_TEST(console_survives_endless_output)
{
	static char chunk[1 << 16];
	struct console console = {0};

	memset(chunk, 'x', sizeof chunk);
	for (int i = 0; i < 64; i++)
		console_feed(&console, chunk, sizeof chunk);
	ck_assert_int_eq(console.state, CONSOLE_WAITING);
	ck_assert_uint_eq(strlen(console_last_line(&console)), CONSOLE_LINE - 1);
	for (size_t i = 0; i < sizeof chunk; i++)
		chunk[i] = (char)(i * 7919 >> 3);
	for (int i = 0; i < 64; i++)
		console_feed(&console, chunk, sizeof chunk);
	console_feed(&console, "\033[0m\r\n\ngolden login: ", 21);
	ck_assert_int_eq(console.state, CONSOLE_PROMPT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("console");
	TCase *tcase = tcase_create("console");
	int n = (int)(sizeof recorded / sizeof *recorded);

	tcase_add_loop_test(tcase, console_reads_at_once, 0, n);
	tcase_add_loop_test(tcase, console_reads_byte_by_byte, 0, n);
	tcase_add_test(tcase, console_survives_endless_output);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
