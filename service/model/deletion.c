/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/deletion.h"

#include <errno.h>

#include "kernel/link.h"
#include "model/tag.h"
#include "util/cleanup.h"

DEFINE_CLEANUP(Netlink, netlink_close)

typedef struct Deletion {
        CloserJob job;
        int ifindex;
        uint32_t nonce;
        int error;
        deletion_done_t done;
        void *userdata;
} Deletion;

/* In a thread. */
static int delete_if_ours(const Deletion *deletion) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        LinkInfo link;
        Tag tag;
        int r;

        r = netlink_open(&netlink);
        if (r < 0)
                return r;
        r = link_get(netlink, deletion->ifindex, &link, NULL);
        if (r < 0)
                return r;
        if (tag_of_link(&link, &tag) < 0 || tag.nonce != deletion->nonce)
                return -ESTALE;
        return link_delete(netlink, deletion->ifindex, NULL);
}

static void run(CloserJob *job) {
        Deletion *deletion = container_of(job, Deletion, job);

        deletion->error = delete_if_ours(deletion);
}

static void done(CloserJob *job) {
        _cleanup_free_ Deletion *deletion = container_of(job, Deletion, job);

        deletion->done(deletion->ifindex, deletion->error, deletion->userdata);
}

int deletion_submit(Closer *closer, int ifindex, uint32_t nonce, deletion_done_t on_done,
                void *userdata) {
        Deletion *deletion = calloc(1, sizeof(Deletion));

        if (!deletion)
                return -ENOMEM;
        *deletion = (Deletion){
                .job = { .run = run, .done = done },
                .ifindex = ifindex,
                .nonce = nonce,
                .done = on_done,
                .userdata = userdata,
        };
        closer_submit(closer, &deletion->job);
        return 0;
}
