/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a kernel message to a LinkInfo. The kernel is trusted not to lie, but not to be of our age:
 * every attribute may be missing, and unknown ones are passed over.
 */

#include <linux/netlink.h>

#include "kernel/link-info.h"

/* Reads an RTM_NEWLINK or RTM_DELLINK of the link itself. -EPROTO: malformed. -ENOMSG: something
 * else, for example a bridge's word about one of its ports, which comes with the same message type.
 */
int link_parse(const struct nlmsghdr *message, LinkInfo *ret);
