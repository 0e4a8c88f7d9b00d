/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A message about a link with arbitrary bytes, but with its actual length, as from netlink. The
 * strings of an accepted one are terminated.
 */

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuzz.h"
#include "kernel/link-parse.h"
#include "kernel/link.h"
#include "taps/tag.h"

static void check_link(const LinkInfo *link) {
        Tag tag;

        if (!memchr(link->name, '\0', sizeof(link->name)) ||
                        !memchr(link->kind, '\0', sizeof(link->kind)) ||
                        !memchr(link->alias, '\0', sizeof(link->alias)))
                abort();
        (void)tag_of_link(link, &tag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ struct nlmsghdr *message = NULL;
        LinkInfo link;

        if (size < sizeof(struct nlmsghdr))
                return 0;
        message = malloc(size);
        if (!message)
                return 0;
        memcpy(message, data, size);
        message->nlmsg_len = (uint32_t)size;
        if (link_parse(message, &link) >= 0)
                check_link(&link);
        return 0;
}
