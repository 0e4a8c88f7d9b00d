/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

DEFINE_CLEANUP(Filter, filter_close)

#define WORD_SIZE 128

struct Filter {
        struct nft_ctx *context;
};

int filter_open(Filter **ret) {
        _cleanup_(filter_closep) Filter *filter = calloc(1, sizeof(Filter));

        if (!filter)
                return -ENOMEM;
        filter->context = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!filter->context)
                return -ENOMEM;
        if (nft_ctx_buffer_output(filter->context) != 0 ||
                        nft_ctx_buffer_error(filter->context) != 0)
                return -ENOMEM;
        nft_ctx_output_set_flags(filter->context, NFT_CTX_OUTPUT_NUMERIC_ALL);
        *ret = TAKE_PTR(filter);
        return 0;
}

Filter *filter_close(Filter *filter) {
        if (filter) {
                if (filter->context)
                        nft_ctx_free(filter->context);
                free(filter);
        }
        return NULL;
}

/* "Error: Could not process rule: Operation not supported" and lines that show where. */
static int explain(Filter *filter, Failure *failure) {
        const char *text = nft_ctx_get_error_buffer(filter->context), *error;
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

static int run(Filter *filter, const char *commands, Failure *failure) {
        return nft_run_cmd_from_buffer(filter->context, commands) == 0 ? 0
                                                                       : explain(filter, failure);
}

int filter_apply(Filter *filter, const char *rules, Failure *failure) {
        return run(filter, rules, failure);
}

int filter_each_table(Filter *filter, filter_each_t each, void *userdata, Failure *failure) {
        _cleanup_free_ char *text = NULL;
        char *rest = NULL;
        int r = run(filter, "list tables", failure);

        if (r < 0)
                return r;
        text = strdup(nft_ctx_get_output_buffer(filter->context));
        if (!text)
                return -ENOMEM;
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

int filter_find_forward_drop(
                Filter *filter, const char *ours, char *ret, size_t size, Failure *failure) {
        Position position = { .family = "" };
        _cleanup_free_ char *text = NULL;
        char *rest = NULL;
        int r = run(filter, "list chains", failure);

        if (r < 0)
                return r;
        text = strdup(nft_ctx_get_output_buffer(filter->context));
        if (!text)
                return -ENOMEM;
        *ret = '\0';
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (is_forward_drop(line, ours, &position)) {
                        snprintf(ret, size, "%s %s %s", position.family, position.table,
                                        position.chain);
                        break;
                }
        return 0;
}
