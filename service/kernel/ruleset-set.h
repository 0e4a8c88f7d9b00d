/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One set of a Ruleset: from the kernel's messages to elements that can be compared. */

#include <linux/netlink.h>

#include "kernel/ruleset.h"

/* Empty. NULL: out of memory. */
RulesetSet *ruleset_set_new(uint8_t family, const char *table, const char *name);
void ruleset_set_free(RulesetSet *set);

/* The answer to NFT_MSG_GETSET: what its keys are like. -EPROTO: malformed. */
int ruleset_set_take(RulesetSet *set, const struct nlmsghdr *message);

/* Those to NFT_MSG_GETSETELEM. -E2BIG: there are too many. -EPROTO, -ENOMEM */
int ruleset_set_take_elements(RulesetSet *set, const struct nlmsghdr *message);
void ruleset_set_forget_elements(RulesetSet *set);

/* All elements are there. */
void ruleset_set_finish(RulesetSet *set);
