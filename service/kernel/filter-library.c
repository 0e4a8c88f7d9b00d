/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-library.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

/* The name of the ABI that the declarations match. */
#define LIBRARY "libnftables.so.1"

/* The functions that are used. */
#define FOR_EACH_FUNCTION(_)                                                                       \
        _(nft_ctx_new)                                                                             \
        _(nft_ctx_free)                                                                            \
        _(nft_ctx_buffer_output)                                                                   \
        _(nft_ctx_buffer_error)                                                                    \
        _(nft_ctx_output_set_flags)                                                                \
        _(nft_ctx_get_output_buffer)                                                               \
        _(nft_ctx_get_error_buffer)                                                                \
        _(nft_run_cmd_from_buffer)

#define DECLARE(name) __typeof__(name) *name;
#define FIND(name)                                                                                 \
        if (!(library->name = (__typeof__(library->name))dlsym(handle, #name)))                    \
                return false;

typedef struct Library {
        FOR_EACH_FUNCTION(DECLARE)
} Library;

static bool find_functions(void *handle, Library *library) {
        FOR_EACH_FUNCTION(FIND)
        return true;
}

/* It stays loaded: finding it again takes some microseconds. */
static int load(Library *ret, Failure *failure) {
        void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        bool found = handle && find_functions(handle, ret);

        if (handle)
                dlclose(handle);
        return found ? 0
                     : failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                       "The packet filters of a network are set with " LIBRARY
                                       ", which cannot be loaded. Install libnftables.");
}

/* A context, and the library it belongs to. */
typedef struct Context {
        Library library;
        struct nft_ctx *nft;
} Context;

static void context_done(Context *context) {
        if (context->nft)
                context->library.nft_ctx_free(context->nft);
}

static int context_init(Context *context, Failure *failure) {
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        const Library *library = &context->library;
        int r;

        if (fd < 0)
                return -errno;
        r = load(&context->library, failure);
        if (r < 0)
                return r;
        fd = close_fd(fd);
        context->nft = library->nft_ctx_new(NFT_CTX_DEFAULT);
        if (!context->nft || library->nft_ctx_buffer_output(context->nft) != 0 ||
                        library->nft_ctx_buffer_error(context->nft) != 0)
                return -ENOMEM;
        library->nft_ctx_output_set_flags(context->nft, NFT_CTX_OUTPUT_NUMERIC_ALL);
        return 0;
}

/* "Error: Could not process rule: Operation not supported" and lines that show where. */
static int explain(const Context *context, Failure *failure) {
        const char *text = context->library.nft_ctx_get_error_buffer(context->nft), *error;
        size_t n;

        error = text ? strstr(text, "Error: ") : NULL;
        text = error ? error + strlen("Error: ") : "no reason was given";
        n = strcspn(text, "\n");
        if (memmem(text, n, "File exists", strlen("File exists")))
                return -EEXIST;
        if (memmem(text, n, "not supported", strlen("not supported")) ||
                        memmem(text, n, "No such file", strlen("No such file")))
                return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                "This kernel lacks what the filters of a network need: nf_tables with the families inet and bridge, NAT and connection tracking (%.*s).",
                                (int)n, text);
        return failure_set(failure, FAILURE_KERNEL, EIO, "Cannot change the packet filters: %.*s.",
                        (int)n, text);
}

static int run(const char *commands, char **ret, Failure *failure) {
        _cleanup_(context_done) Context context = { .nft = NULL };
        int r = context_init(&context, failure);

        if (r < 0)
                return r;
        if (!context.nft) /* cannot happen after context_init(), but no analyzer sees that */
                return -ENOMEM;
        if (context.library.nft_run_cmd_from_buffer(context.nft, commands) != 0)
                return explain(&context, failure);
        if (!ret)
                return 0;
        *ret = strdup(context.library.nft_ctx_get_output_buffer(context.nft));
        return *ret ? 0 : -ENOMEM;
}

/* The library keeps global lists of links and names without a lock. */
int filter_library_run(const char *commands, char **ret, Failure *failure) {
        static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
        int r;

        pthread_mutex_lock(&one_at_a_time);
        r = run(commands, ret, failure);
        pthread_mutex_unlock(&one_at_a_time);
        return r;
}
