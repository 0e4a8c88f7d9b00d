/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/deletion.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "kernel/link.h"
#include "taps/tag.h"

DEFINE_CLEANUP(Netlink, netlink_close)

typedef struct Deletion {
        WorkersJob job;
        int ifindex;
        uint32_t nonce;
        int error;
        deletion_done_t done;
        void *userdata;
} Deletion;

static bool is_ours(const LinkInfo *link, uint32_t nonce) {
        char name[IFNAMSIZ];
        Tag tag;

        if (tag_of_link(link, &tag) >= 0)
                return tag.nonce == nonce;
        return strcmp(link->kind, "tun") == 0 && *link->alias == '\0' &&
                        strcmp(link->name, ifname_of_nonce(nonce, name)) == 0;
}

/* In a thread. */
static int delete_if_ours(const Deletion *deletion) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        char name[IFNAMSIZ];
        LinkInfo link;
        int r;

        r = netlink_open(&netlink, NETLINK_ROUTE);
        if (r < 0)
                return r;
        if (deletion->ifindex > 0)
                r = link_get(netlink, deletion->ifindex, &link, NULL);
        else
                r = link_get_by_name(netlink, ifname_of_nonce(deletion->nonce, name), &link, NULL);
        if (r < 0)
                return r;
        return is_ours(&link, deletion->nonce) ? link_delete(netlink, link.ifindex, NULL) : -ESTALE;
}

static void run(WorkersJob *job) {
        Deletion *deletion = container_of(job, Deletion, job);

        deletion->error = delete_if_ours(deletion);
}

static void done(WorkersJob *job) {
        _cleanup_free_ Deletion *deletion = container_of(job, Deletion, job);

        if (deletion->done)
                deletion->done(deletion->ifindex, deletion->error, deletion->userdata);
}

int deletion_submit(Workers *workers, int ifindex, uint32_t nonce, deletion_done_t on_done,
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
        workers_submit(workers, &deletion->job);
        return 0;
}
