/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of LVM: the text of its maps, in pieces. */
#ifndef TESTS_UNIT_LVM_MAPS_H
#define TESTS_UNIT_LVM_MAPS_H

#define PV0 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PV1 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID(c)                                                                                      \
	c c c c c c "-" c c c c "-" c c c c "-" c c c c "-" c c c c "-" c c c c "-" c c c c c c

/* Extents of 512 KiB; six on each physical volume, from 1 MiB on. */
static const char head[] = "contents = \"Text Format Volume Group\"\nversion = 1\n# a comment\n";
#define GROUP(name, id, seqno, rest)                                                               \
	name " {\nid = \"" ID(id) "\"\nseqno = " seqno                                             \
				  "\nformat = \"lvm2\"\nstatus = [\"RESIZEABLE\", \"READ\", "      \
				  "\"WRITE\"]\nflags = []\n"                                       \
				  "extent_size = 1024\n" rest "}\n"
#define PV(name, id, rest)                                                                         \
	name " { id = \"" ID(id) "\" device = \"/dev/sd\\\"x\" dev_size = 16384 pe_start = 2048 "  \
				 "pe_count = 6 " rest "}\n"
#define PVS	 "physical_volumes { " PV("pv0", "a", "") PV("pv1", "b", "") "}\n"
#define LVS(lvs) "logical_volumes { " lvs " }\n"
#define LV(name, id, status, n, segments)                                                          \
	name " { id = \"" ID(id) "\" status = [" status "] segment_count = " n " " segments " }\n"
#define RW "\"READ\", \"WRITE\", \"VISIBLE\""
#define SEGMENT(n, start, count, type, rest)                                                       \
	"segment" n " { start_extent = " start " extent_count = " count " type = \"" type          \
	"\" " rest " }\n"
#define LINEAR(n, start, count, pv, extent)                                                        \
	SEGMENT(n, start, count, "striped", "stripe_count = 1 stripes = [\"" pv "\", " extent "]")
#define ROOT                                                                                       \
	LV("root", "r", RW, "3",                                                                   \
	   LINEAR("1", "0", "2", "pv0", "1") LINEAR("2", "2", "1", "pv0", "3")                     \
		   LINEAR("3", "3", "4", "pv1", "0"))
#define GOOD(seqno) GROUP("vg", "g", seqno, PVS LVS(ROOT))

#endif
