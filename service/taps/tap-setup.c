/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tap-setup.h"

#include <errno.h>

#include "common/cleanup.h"
#include "kernel/bridge.h"
#include "kernel/offload.h"
#include "kernel/qdisc.h"

/* One birth under way. */
typedef struct Birth {
        Netlink *netlink;
        const TapPlan *plan;
        FdSet *queues;
        int ifindex;
        LinkInfo link;
        Failure *failure;
} Birth;

static int add_queue(Birth *birth, int fd) {
        int r = fdset_add(birth->queues, fd);

        if (r < 0)
                close_fd(fd);
        return r;
}

/* TUNSETIFF with all flags, root as the owner, header size: what must be right from the first
 * moment. */
static int make_device(Birth *birth) {
        int fd, r;

        r = tap_create(&birth->plan->device, &fd, birth->failure);
        if (r < 0)
                return r;
        r = add_queue(birth, fd);
        if (r < 0)
                return r;
        if (birth->plan->offloads != 0)
                r = offload_set(fd, birth->plan->offloads, birth->failure);
        if (r < 0)
                return r;
        return link_find(birth->netlink, birth->plan->device.name, &birth->ifindex, birth->failure);
}

static int configure(Birth *birth) {
        const TapPlan *plan = birth->plan;
        char tag[TAG_SIZE];
        const LinkSettings settings = {
                .alias = tag_format(&plan->tag, tag),
                .mac = mac_of_host_side(&plan->tag.guest_mac),
                .mtu = plan->mtu,
                .group = plan->port.group,
        };

        return link_configure(birth->netlink, birth->ifindex, &settings, birth->failure);
}

/* Only a saving: a kernel that has it not makes the tap all the same. */
static int leave_out_qdiscs(Birth *birth) {
        if (birth->plan->device.multiqueue)
                (void)qdisc_set_noqueue(birth->netlink, birth->ifindex, NULL);
        return 0;
}

static int open_further_queues(Birth *birth) {
        while (birth->queues->n < birth->plan->queues) {
                int fd, r;

                r = tap_open_queue(&birth->plan->device, &fd, birth->failure);
                if (r < 0)
                        return r;
                r = add_queue(birth, fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int differs(Birth *birth, const char *what) {
        return failure_set(birth->failure, FAILURE_KERNEL, EXDEV,
                        "The new tap's %s is not what was set; it was taken away again. Something else on this host changes new interfaces.",
                        what);
}

/* A queue too many is somebody else's: he came in before the device had its owner. Only a
 * multiqueue device can be joined. */
static int count_queues(Birth *birth) {
        int r;

        if (!birth->plan->device.multiqueue)
                return 0;
        r = link_get(birth->netlink, birth->ifindex, &birth->link, birth->failure);
        if (r < 0)
                return r;
        if (link_tun_queues(&birth->link.tun) == birth->plan->queues)
                return 0;
        (void)failure_set(birth->failure, FAILURE_KERNEL, EAGAIN,
                        "Somebody on this host opens queues of other people's new taps, and was quicker at each attempt; nothing was made. Try again, and look for who it is.");
        return -EAGAIN;
}

static int explain_join(Birth *birth, int r) {
        const char *bridge = birth->plan->bridge->name;

        if (r == -EXFULL)
                return failure_set(birth->failure, FAILURE_BRIDGE_FULL, EXFULL,
                                "The bridge \"%s\" has all the ports that a bridge can have. Release an endpoint on it, or use another bridge.",
                                bridge);
        if (r == -ENODEV)
                return failure_set(birth->failure, FAILURE_STALE, ESTALE,
                                "The bridge \"%s\" was deleted or replaced meanwhile. Ask again.",
                                bridge);
        return r;
}

/* What somebody has set meanwhile is not replaced. */
static bool is_only_learnt(Birth *birth) {
        const LinkInfo *bridge = birth->plan->bridge;
        const Mac *mac = &birth->plan->tag.guest_mac;
        FdbEntry entry;
        int r = bridge_find_mac(birth->netlink, bridge->ifindex, mac, &entry, NULL);

        if (r == -ENOENT && bridge->vlan > 0)
                r = bridge_find_mac_in_vlan(
                                birth->netlink, bridge->ifindex, mac, bridge->vlan, &entry, NULL);
        return r >= 0 && entry.learnt;
}

static int tie_guest_mac(Birth *birth) {
        const bool replace = birth->plan->replace_learnt && is_only_learnt(birth);
        int r = bridge_tie_mac(birth->netlink, birth->ifindex, &birth->plan->tag.guest_mac, replace,
                        birth->failure);

        if (r == -EEXIST)
                return failure_set(birth->failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                                "The bridge \"%s\" knows the guest's MAC on another port. Choose another one, or leave guest_mac out.",
                                birth->plan->bridge->name);
        return r;
}

/* While the link is down: no frame passes before the port's filter stands. */
static int join_bridge(Birth *birth) {
        const TapPlan *plan = birth->plan;
        int r;

        if (!plan->bridge)
                return 0;
        r = bridge_pin(birth->netlink, plan->bridge, plan->pin_mac, birth->failure);
        if (r < 0)
                return explain_join(birth, r);
        r = link_set_master(birth->netlink, birth->ifindex, plan->bridge->ifindex, birth->failure);
        if (r < 0)
                return explain_join(birth, r);
        r = bridge_set_port(birth->netlink, birth->ifindex, &plan->port.port, birth->failure);
        if (r < 0)
                return r;
        return plan->tie_mac ? tie_guest_mac(birth) : 0;
}

static int verify_port(Birth *birth) {
        const LinkPort *wanted = &birth->plan->port.port, *got = &birth->link.port;

        if (birth->link.master != birth->plan->bridge->ifindex)
                return differs(birth, "bridge");
        if (got->group_fwd_mask != wanted->group_fwd_mask ||
                        got->root_block != wanted->root_block ||
                        got->bpdu_guard != wanted->bpdu_guard)
                return differs(birth, "port");
        if (got->isolated == wanted->isolated && got->locked == wanted->locked &&
                        got->learning == wanted->learning)
                return 0;
        return failure_set(birth->failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                        "This kernel's bridge has no %s ports, which the tap was to be. Linux %s or later is needed.",
                        got->locked != wanted->locked ? "locked" : "isolated",
                        got->locked != wanted->locked ? "5.16" : "4.18");
}

/* What the kernel says, not what was asked of it. */
static int verify(Birth *birth) {
        const TapPlan *plan = birth->plan;
        const LinkTun *tun = &birth->link.tun;
        const Mac host_mac = mac_of_host_side(&plan->tag.guest_mac);
        int r;

        r = link_get(birth->netlink, birth->ifindex, &birth->link, birth->failure);
        if (r < 0)
                return r;
        if (!mac_equal(&birth->link.mac, &host_mac))
                return differs(birth, "MAC");
        if (!tun->owned || tun->owner != 0 || tun->persistent)
                return differs(birth, "owner");
        if (plan->mtu > 0 && birth->link.mtu != plan->mtu)
                return differs(birth, "MTU");
        if (birth->link.group != plan->port.group)
                return differs(birth, "group");
        return plan->bridge ? verify_port(birth) : 0;
}

int tap_birth(Netlink *netlink, const TapPlan *plan, FdSet *queues, int *ret_ifindex, LinkInfo *ret,
                Failure *failure) {
        static int (*const steps[])(Birth *) = {
                make_device,
                configure,
                leave_out_qdiscs,
                open_further_queues,
                count_queues,
                join_bridge,
                verify,
        };
        Birth birth = { .netlink = netlink, .plan = plan, .queues = queues, .failure = failure };
        int r = 0;

        *ret = (LinkInfo){ 0 };
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && r >= 0; i++)
                r = steps[i](&birth);
        *ret_ifindex = birth.ifindex;
        if (r >= 0)
                r = link_set_up(netlink, birth.ifindex, failure);
        /* After everything else: until here it dies with us. */
        if (r >= 0 && plan->tag.persistent)
                r = tap_hand_over(queues->fds[0], plan->tag.uid, failure);
        if (r < 0)
                return r;
        *ret = birth.link;
        return 0;
}
