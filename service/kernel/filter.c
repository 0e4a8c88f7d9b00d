/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter.h"

#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define WORD_SIZE 128

typedef struct nft_ctx Context;

static Context *context_free(Context *context) {
        if (context)
                nft_ctx_free(context);
        return NULL;
}

DEFINE_CLEANUP(Context, context_free)

#define _cleanup_context_ _cleanup_(context_freep)

static int context_new(Context **ret) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        _cleanup_context_ Context *context = NULL;

        if (fd < 0)
                return -errno;
        fd = close_fd(fd);
        context = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!context || nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0)
                return -ENOMEM;
        nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_NUMERIC_ALL);
        *ret = TAKE_PTR(context);
        return 0;
}

/* "Error: Could not process rule: Operation not supported" and lines that show where. */
static int explain(Context *context, Failure *failure) {
        const char *text = nft_ctx_get_error_buffer(context), *error;
        size_t n;

        error = text ? strstr(text, "Error: ") : NULL;
        text = error ? error + strlen("Error: ") : "no reason was given";
        n = strcspn(text, "\n");
        if (memmem(text, n, "not supported", strlen("not supported")) ||
                        memmem(text, n, "No such file", strlen("No such file")))
                return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                "This kernel has not what the filters of a network need: nf_tables "
                                "with the families inet and bridge, NAT and connection tracking "
                                "(%.*s).",
                                (int)n, text);
        return failure_set(failure, FAILURE_KERNEL, EIO, "Cannot change the packet filters: %.*s.",
                        (int)n, text);
}

/* ret: what was printed, in new memory; NULL: nobody wants it. */
static int run(const char *commands, char **ret, Failure *failure) {
        _cleanup_context_ Context *context = NULL;
        int r = context_new(&context);

        if (r < 0)
                return r;
        if (nft_run_cmd_from_buffer(context, commands) != 0)
                return explain(context, failure);
        if (!ret)
                return 0;
        *ret = strdup(nft_ctx_get_output_buffer(context));
        return *ret ? 0 : -ENOMEM;
}

int filter_apply(const char *rules, Failure *failure) {
        return run(rules, NULL, failure);
}

int filter_each_table(filter_each_t each, void *userdata, Failure *failure) {
        _cleanup_free_ char *text = NULL;
        char *rest = NULL;
        int r = run("list tables", &text, failure);

        if (r < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &rest); line && r >= 0;
                        line = strtok_r(NULL, "\n", &rest)) {
                char family[WORD_SIZE], name[WORD_SIZE];

                if (sscanf(line, "table %127s %127s", family, name) == 2)
                        r = each(family, name, userdata);
        }
        return r;
}

/* What was read of the list so far: which chain of which table. */
typedef struct Position {
        char family[WORD_SIZE], table[WORD_SIZE], chain[WORD_SIZE];
} Position;

/* Lines are "table FAMILY NAME {", "chain NAME {", "type TYPE hook HOOK [..] priority N; policy P;" and "}".
 */
static bool is_forward_drop(const char *line, const char *ours, Position *position) {
        if (sscanf(line, " table %127s %127s", position->family, position->table) == 2)
                return false;
        if (sscanf(line, " chain %127s", position->chain) == 1)
                return false;
        return strncmp(position->table, ours, strlen(ours)) != 0 &&
                        strcmp(position->family, "bridge") != 0 &&
                        strcmp(position->family, "arp") != 0 && strstr(line, "hook forward ") &&
                        strstr(line, "policy drop;");
}

int filter_find_forward_drop(const char *ours, char *ret, size_t size, Failure *failure) {
        Position position = { .family = "" };
        _cleanup_free_ char *text = NULL;
        char *rest = NULL;
        int r = run("list chains", &text, failure);

        if (r < 0)
                return r;
        *ret = '\0';
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (is_forward_drop(line, ours, &position)) {
                        snprintf(ret, size, "%s %s %s", position.family, position.table,
                                        position.chain);
                        break;
                }
        return 0;
}
