/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/filter-batch.h"
#include "kernel/filter-library.h"
#include "kernel/netlink.h"

DEFINE_CLEANUP(Netlink, netlink_close)

int filter_apply(const char *rules, Failure *failure) {
        return filter_library_run(rules, NULL, failure);
}

int filter_replace(const char *rules, const char *removal, Failure *failure) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, "%s%s", removal, rules) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return filter_apply(text, failure);
}

int filter_create(const char *rules, const char *removal, Failure *failure) {
        int r = filter_apply(rules, failure);

        return r == -EEXIST ? filter_replace(rules, removal, failure) : r;
}

static int write_name(const struct nlmsghdr *message, void *userdata) {
        static const struct nla_policy policy[NFTA_TABLE_MAX + 1] = {
                [NFTA_TABLE_NAME] = { .type = NLA_NUL_STRING },
        };
        struct nlattr *tb[NFTA_TABLE_MAX + 1];

        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX,
                            policy) < 0 ||
                        !tb[NFTA_TABLE_NAME])
                return -EPROTO;
        return fprintf(userdata, "%s\n", nla_get_string(tb[NFTA_TABLE_NAME])) < 0 ? -ENOMEM : 0;
}

static int write_names(FILE *file, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        filter_message_new(NFT_MSG_GETTABLE, NLM_F_DUMP, AF_UNSPEC);
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        int r;

        if (!message)
                return -ENOMEM;
        r = netlink_open(&netlink, NETLINK_NETFILTER);
        if (r >= 0)
                r = netlink_call(netlink, message, write_name, file, "list the packet filters",
                                failure);
        /* This is what a kernel without netfilter, or without nf_tables, returns. */
        return r == -EPROTONOSUPPORT || r == -EINVAL ? -EOPNOTSUPP : r;
}

/* -EINTR: they changed meanwhile. */
static int read_names(char **ret, Failure *failure) {
        size_t size;
        FILE *file = open_memstream(ret, &size);
        int r;

        if (!file)
                return -ENOMEM;
        r = write_names(file, failure);
        return fclose(file) != 0 && r >= 0 ? -ENOMEM : r;
}

/* All names are read first, since each() may change the tables. */
int filter_each_table(filter_each_t each, void *userdata, Failure *failure) {
        _cleanup_free_ char *names = NULL;
        char *rest = NULL;
        int r = -EINTR;

        UNTIL_DUMP_IS_WHOLE(r) {
                free(names);
                names = NULL;
                r = read_names(&names, failure);
        }
        for (char *name = r < 0 ? NULL : strtok_r(names, "\n", &rest); name && r >= 0;
                        name = strtok_r(NULL, "\n", &rest))
                r = each(name, userdata);
        return r;
}
