/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a kernel message to a LinkInfo. The kernel is trusted not to lie, but it may be older or
 * newer than we are: any attribute may be missing, and unknown ones are skipped.
 */

#include <linux/netlink.h>

#include "kernel/link-info.h"

/* Reads an RTM_NEWLINK or RTM_DELLINK of the link itself. -EPROTO: malformed. -ENOMSG: something
 * else, for example a bridge's report about one of its ports, which has the same message type. */
int link_parse(const struct nlmsghdr *message, LinkInfo *ret);
