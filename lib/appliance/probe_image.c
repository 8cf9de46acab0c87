/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/probe_image.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LOAD_ADDRESS = 0x400000 };

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	uint8_t code[56];
	char greeting[sizeof PROBE_IMAGE_GREETING - 1];
} __attribute__((packed));

static const uint8_t code[56] = {
	/* write(1, greeting, length) */
	0xb8,
	0x01,
	0x00,
	0x00,
	0x00, /* mov $1, %eax */
	0xbf,
	0x01,
	0x00,
	0x00,
	0x00, /* mov $1, %edi */
	0x48,
	0x8d,
	0x35,
	0x27,
	0x00,
	0x00,
	0x00, /* lea greeting(%rip), %rsi: 56 - 17 */
	0xba,
	sizeof PROBE_IMAGE_GREETING - 1,
	0x00,
	0x00,
	0x00, /* mov $length, %edx */
	0x0f,
	0x05, /* syscall */
	/* reboot(MAGIC1, MAGIC2, RESTART): under `qemu -no-reboot` that is the end */
	0xb8,
	0xa9,
	0x00,
	0x00,
	0x00, /* mov $169, %eax */
	0xbf,
	0xad,
	0xde,
	0xe1,
	0xfe, /* mov $0xfee1dead, %edi */
	0xbe,
	0x69,
	0x19,
	0x12,
	0x28, /* mov $0x28121969, %esi */
	0xba,
	0x67,
	0x45,
	0x23,
	0x01, /* mov $0x01234567, %edx */
	0x0f,
	0x05, /* syscall */
	0xeb,
	0xfe, /* jmp . */
	0x90,
	0x90,
	0x90,
	0x90,
	0x90,
	0x90,
	0x90,
	0x90,
};

static void make_program(struct program *ret)
{
	struct program program = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_entry = LOAD_ADDRESS + offsetof(struct program, code),
			   .e_phoff = offsetof(struct program, segment),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_vaddr = LOAD_ADDRESS,
			    .p_paddr = LOAD_ADDRESS,
			    .p_filesz = sizeof(struct program),
			    .p_memsz = sizeof(struct program),
			    .p_align = 0x1000},
	};

	memcpy(program.code, code, sizeof code);
	memcpy(program.greeting, PROBE_IMAGE_GREETING, sizeof program.greeting);
	*ret = program;
}

static void pad(struct buffer *to)
{
	while (to->len % 4)
		buffer_putc(to, '\0');
}

/* One member in the newc form of cpio
 * (linux/Documentation/driver-api/early-userspace/buffer-format). */
static void put_member(struct buffer *to, const char *name, unsigned mode, const void *data,
		       size_t len)
{
	const size_t fields[13] = {mode != 0,	     mode, 0, 0, 1, 0, len, 0, 0, 0, 0,
				   strlen(name) + 1, 0};

	buffer_puts(to, "070701");
	for (size_t i = 0; i < 13; i++)
		buffer_printf(to, "%08zx", fields[i]);
	buffer_append(to, name, strlen(name) + 1);
	pad(to);
	buffer_append(to, data, len);
	pad(to);
}

void probe_image_make(struct buffer *ret)
{
	struct program program;

	make_program(&program);
	put_member(ret, "init", 0100755, &program, sizeof program);
	put_member(ret, "TRAILER!!!", 0, "", 0);
}
