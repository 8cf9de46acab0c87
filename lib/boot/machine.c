/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/machine.h"

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/process.h"

enum { MEMORY_MIB = 2048, MAX_ARGUMENTS = 128 };

/* What a guest can make QEMU write in one boot. */
static const rlim_t file_limit = (rlim_t)8 << 30;

static const char *const firmwares[] = {
	"/usr/share/ovmf/OVMF.fd",
	"/usr/share/OVMF/OVMF.fd",
	"/usr/share/qemu/OVMF.fd",
	"/usr/share/edk2/ovmf/OVMF.fd",
};

const char *machine_uefi_firmware(struct error *err)
{
	for (size_t i = 0; i < sizeof firmwares / sizeof *firmwares; i++)
		if (access(firmwares[i], R_OK) == 0)
			return firmwares[i];
	error_set(err, ERROR_HOST,
		  "the guest boots by UEFI only, and there is no firmware for that here (%s): "
		  "install ovmf",
		  firmwares[0]);
	return NULL;
}

struct arguments {
	char *items[MAX_ARGUMENTS + 1];
	size_t n;
};

static void arguments_free(struct arguments *arguments)
{
	for (size_t i = 0; i < arguments->n; i++)
		free(arguments->items[i]);
}

static void add(struct arguments *arguments, char *argument)
{
	if (arguments->n == MAX_ARGUMENTS)
		abort();
	arguments->items[arguments->n++] = argument;
}

static void add_pair(struct arguments *arguments, const char *option, const char *value)
{
	if (!value)
		return;
	add(arguments, xstrdup(option));
	add(arguments, xstrdup(value));
}

/* In QEMU's option syntax a comma in a value is written twice. */
static char *escaped(const char *value)
{
	struct buffer text = {0};

	for (; *value; value++) {
		if (*value == ',')
			buffer_putc(&text, ',');
		buffer_putc(&text, *value);
	}
	return buffer_steal(&text);
}

static void add_disks(struct arguments *arguments, const struct machine *machine)
{
	for (size_t i = 0; i < machine->n_sockets; i++) {
		CLEANUP_FREE char *socket = escaped(machine->sockets[i]);

		add(arguments, xstrdup("-drive"));
		add(arguments, xasprintf("if=virtio,format=raw,snapshot=on,file.driver=nbd,"
					 "file.server.type=unix,file.server.path=%s",
					 socket));
	}
}

static void add_hardware(struct arguments *arguments, const struct machine *machine)
{
	add_pair(arguments, "-machine",
		 machine->kvm ? "pc,accel=kvm,graphics=off" : "pc,accel=tcg,graphics=off");
	add_pair(arguments, "-cpu", "max");
	add_pair(arguments, "-smp", "2");
	add(arguments, xstrdup("-m"));
	add(arguments, xasprintf("%d", MEMORY_MIB));
	add_pair(arguments, "-display", "none");
	add_pair(arguments, "-vga", "std");
	add_pair(arguments, "-nic", "none");
	add_pair(arguments, "-serial", "stdio");
	add_pair(arguments, "-device", "virtio-rng-pci");
}

static void add_boot(struct arguments *arguments, const struct machine *machine)
{
	add_pair(arguments, "-bios", machine->firmware);
	add_pair(arguments, "-kernel", machine->kernel);
	if (!machine->kernel)
		return;
	add_pair(arguments, "-initrd", machine->initramfs);
	add_pair(arguments, "-append", machine->options);
}

static int limit_child(void *opaque)
{
	const struct rlimit size = {.rlim_cur = file_limit, .rlim_max = file_limit};
	const struct rlimit no_core = {0};

	(void)opaque;
	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_CORE, &no_core);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

pid_t machine_start(const struct machine *machine, int console, int messages, struct error *err)
{
	__attribute__((cleanup(arguments_free))) struct arguments arguments = {0};
	CLEANUP_FREE char *temporary = xasprintf("TMPDIR=%s", machine->work_dir);
	const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
				   temporary, NULL};
	struct process_spec spec = {.env = env, .child_setup = limit_child};

	add(&arguments, xstrdup("qemu-system-x86_64"));
	add(&arguments, xstrdup("-nodefaults"));
	add(&arguments, xstrdup("-no-user-config"));
	add(&arguments, xstrdup("-no-reboot"));
	add_pair(&arguments, "-sandbox",
		 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add_hardware(&arguments, machine);
	add_disks(&arguments, machine);
	add_boot(&arguments, machine);
	spec.argv = (const char *const *)(uintptr_t)arguments.items;
	return process_start(&spec, console, messages, err);
}
