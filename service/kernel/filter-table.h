/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table of nf_tables by its family and name.
 */

/* The kernel's own numbers (NFPROTO_*); others than these occur. */
typedef enum FilterFamily {
        FILTER_FAMILY_INET = 1,
        FILTER_FAMILY_ARP = 3,
        FILTER_FAMILY_BRIDGE = 7,
} FilterFamily;

typedef struct FilterTable {
        FilterFamily family;
        const char *name;
} FilterTable;
