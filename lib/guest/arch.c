/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/arch.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

struct machine {
	uint16_t number;
	unsigned char class, data;
	const char *name;
};

static const struct machine machines[] = {
	{EM_X86_64, ELFCLASS64, ELFDATA2LSB, "x86_64"},
	{EM_X86_64, ELFCLASS32, ELFDATA2LSB, "x32"},
	{EM_386, ELFCLASS32, ELFDATA2LSB, "i686"},
	{EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "aarch64"},
	{EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64le"},
	{EM_PPC64, ELFCLASS64, ELFDATA2MSB, "ppc64"},
	{EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x"},
	{EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64"},
	{EM_MIPS, ELFCLASS64, ELFDATA2LSB, "mips64el"},
	{EM_LOONGARCH, ELFCLASS64, ELFDATA2LSB, "loongarch64"},
};

static uint32_t read_number(const unsigned char *at, size_t size, bool big)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[big ? i : size - 1 - i];
	return value;
}

/* The floating-point ABI is what tells the two ports apart. */
static const char *arm_of_flags(uint32_t flags)
{
	return flags & EF_ARM_ABI_FLOAT_HARD ? "armhf" : "armel";
}

const char *arch_of_elf(const unsigned char *buf, size_t len)
{
	bool big;
	uint32_t number;

	if (len < sizeof(Elf32_Ehdr) || memcmp(buf, ELFMAG, SELFMAG) != 0)
		return NULL;
	big = buf[EI_DATA] == ELFDATA2MSB;
	number = read_number(buf + offsetof(Elf32_Ehdr, e_machine), 2, big);
	if (number == EM_ARM && buf[EI_CLASS] == ELFCLASS32 && !big)
		return arm_of_flags(read_number(buf + offsetof(Elf32_Ehdr, e_flags), 4, big));
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
		if (machines[i].number == number && machines[i].class == buf[EI_CLASS] &&
		    machines[i].data == buf[EI_DATA])
			return machines[i].name;
	return NULL;
}

/* A path that is no regular file, or whose symlinks run in circles, says nothing. */
static int arch_of_program(struct tree *tree, const char *path, const char **ret, struct error *err)
{
	unsigned char header[ELF_HEADER_SIZE];
	struct tree_node node;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);
	ssize_t n;

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (!found || !S_ISREG(node.stat.mode))
		return 0;
	n = fs_read(node.fs, node.ino, header, sizeof header, 0, err);
	if (n < 0)
		return error_prefix(err, "%s", path);
	*ret = arch_of_elf(header, (size_t)n);
	return 0;
}

int arch_of_tree(struct tree *tree, const char **ret, struct error *err)
{
	static const char *const programs[] = {"/bin/sh", "/usr/bin/env", "/sbin/init",
					       "/usr/lib/systemd/systemd", "/bin/busybox"};
	const char *arch = NULL;

	for (size_t i = 0; !arch && i < sizeof programs / sizeof *programs; i++)
		if (arch_of_program(tree, programs[i], &arch, err) < 0)
			return -1;
	*ret = arch;
	return 0;
}

bool arch_runs_on(const char *arch, const char *machine)
{
	if (strcmp(arch, machine) == 0)
		return true;
	if (strcmp(arch, "i686") == 0)
		return strcmp(machine, "x86_64") == 0 || strcmp(machine, "i586") == 0;
	if (strcmp(arch, "armhf") == 0 || strcmp(arch, "armel") == 0)
		return strcmp(machine, "armv7l") == 0;
	return false;
}
