/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tap-setup.h"

#include <errno.h>

#include "common/cleanup.h"
#include "kernel/bridge.h"
#include "kernel/offload.h"
#include "kernel/qdisc.h"

/* One setup under way. */
typedef struct SetupContext {
        Netlink *netlink;
        const TapPlan *plan;
        FdSet *queues;
        int ifindex;
        LinkInfo link;
        Failure *failure;
} SetupContext;

static int add_queue(SetupContext *setup, int fd) {
        int r = fdset_add(setup->queues, fd);

        if (r < 0)
                close_fd(fd);
        return r;
}

/* TUNSETIFF with all flags, root as the owner, header size: all that must be right from the first
 * moment. */
static int make_device(SetupContext *setup) {
        int fd, r;

        r = tap_create(&setup->plan->device, &fd, setup->failure);
        if (r < 0)
                return r;
        r = add_queue(setup, fd);
        if (r < 0)
                return r;
        if (setup->plan->offloads != 0)
                r = offload_set(fd, setup->plan->offloads, setup->failure);
        if (r < 0)
                return r;
        return link_find(setup->netlink, setup->plan->device.name, &setup->ifindex, setup->failure);
}

static int configure(SetupContext *setup) {
        const TapPlan *plan = setup->plan;
        char tag[TAG_SIZE];
        const LinkSettings settings = {
                .alias = tag_format(&plan->tag, tag),
                .mac = mac_of_host_side(&plan->tag.guest_mac),
                .mtu = plan->mtu,
                .group = plan->port.group,
        };

        return link_configure(setup->netlink, setup->ifindex, &settings, setup->failure);
}

/* This only saves memory: a kernel without it makes the tap all the same. */
static int leave_out_qdiscs(SetupContext *setup) {
        if (setup->plan->device.multiqueue)
                (void)qdisc_set_noqueue(setup->netlink, setup->ifindex, NULL);
        return 0;
}

static int open_further_queues(SetupContext *setup) {
        while (setup->queues->n < setup->plan->queues) {
                int fd, r;

                r = tap_open_queue(&setup->plan->device, &fd, setup->failure);
                if (r < 0)
                        return r;
                r = add_queue(setup, fd);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int differs(SetupContext *setup, const char *what) {
        return failure_set(setup->failure, FAILURE_KERNEL, EXDEV,
                        "The new tap's %s is not what was set; it was taken away again. Something else on this host changes new interfaces.",
                        what);
}

/* One queue too many is somebody else's, who opened it before the device had its owner. Only a
 * multiqueue device can have that. */
static int count_queues(SetupContext *setup) {
        int r;

        if (!setup->plan->device.multiqueue)
                return 0;
        r = link_get(setup->netlink, setup->ifindex, &setup->link, setup->failure);
        if (r < 0)
                return r;
        if (link_tun_queues(&setup->link.tun) == setup->plan->queues)
                return 0;
        (void)failure_set(setup->failure, FAILURE_KERNEL, EAGAIN,
                        "Somebody on this host opens queues of other people's new taps, and was quicker at each attempt; nothing was made. Try again, and look for who it is.");
        return -EAGAIN;
}

static int explain_join(SetupContext *setup, int r) {
        const char *bridge = setup->plan->bridge->name;

        if (r == -EXFULL)
                return failure_set(setup->failure, FAILURE_BRIDGE_FULL, EXFULL,
                                "The bridge \"%s\" has all the ports that a bridge can have. Release an endpoint on it, or use another bridge.",
                                bridge);
        if (r == -ENODEV)
                return failure_set(setup->failure, FAILURE_STALE, ESTALE,
                                "The bridge \"%s\" was deleted or replaced meanwhile. Ask again.",
                                bridge);
        return r;
}

/* An entry that somebody has set meanwhile is not replaced. */
static bool is_only_learnt(SetupContext *setup) {
        const LinkInfo *bridge = setup->plan->bridge;
        const Mac *mac = &setup->plan->tag.guest_mac;
        FdbEntry entry;
        int r = bridge_find_mac(setup->netlink, bridge->ifindex, mac, &entry, NULL);

        if (r == -ENOENT && bridge->vlan > 0)
                r = bridge_find_mac_in_vlan(
                                setup->netlink, bridge->ifindex, mac, bridge->vlan, &entry, NULL);
        return r >= 0 && entry.learnt;
}

static int add_fdb_entry(SetupContext *setup) {
        const bool replace = setup->plan->replace_learnt && is_only_learnt(setup);
        int r = fdb_add_static(setup->netlink, setup->ifindex, &setup->plan->tag.guest_mac, replace,
                        setup->failure);

        if (r == -EEXIST)
                return failure_set(setup->failure, FAILURE_MAC_IN_USE, EADDRINUSE,
                                "The bridge \"%s\" knows the guest's MAC on another port. Choose another one, or leave guest_mac out.",
                                setup->plan->bridge->name);
        return r;
}

/* Done while the link is down: no frame passes before the port's filter is in force. */
static int join_bridge(SetupContext *setup) {
        const TapPlan *plan = setup->plan;
        int r;

        if (!plan->bridge)
                return 0;
        r = bridge_pin(setup->netlink, plan->bridge, plan->pin_mac, setup->failure);
        if (r < 0)
                return explain_join(setup, r);
        r = link_set_master(setup->netlink, setup->ifindex, plan->bridge->ifindex, setup->failure);
        if (r < 0)
                return explain_join(setup, r);
        r = bridge_set_port(setup->netlink, setup->ifindex, &plan->port.port, setup->failure);
        if (r < 0)
                return r;
        return plan->add_fdb_entry ? add_fdb_entry(setup) : 0;
}

static int verify_port(SetupContext *setup) {
        const LinkPort *wanted = &setup->plan->port.port, *got = &setup->link.port;

        if (setup->link.master != setup->plan->bridge->ifindex)
                return differs(setup, "bridge");
        if (got->group_fwd_mask != wanted->group_fwd_mask ||
                        got->root_block != wanted->root_block ||
                        got->bpdu_guard != wanted->bpdu_guard)
                return differs(setup, "port");
        if (got->isolated == wanted->isolated && got->locked == wanted->locked &&
                        got->learning == wanted->learning)
                return 0;
        return failure_set(setup->failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                        "This kernel's bridge has no %s ports, which the tap was to be. Linux %s or later is needed.",
                        got->locked != wanted->locked ? "locked" : "isolated",
                        got->locked != wanted->locked ? "5.16" : "4.18");
}

/* Compares what the kernel says with what was asked of it. */
static int verify(SetupContext *setup) {
        const TapPlan *plan = setup->plan;
        const LinkTun *tun = &setup->link.tun;
        const Mac host_mac = mac_of_host_side(&plan->tag.guest_mac);
        int r;

        r = link_get(setup->netlink, setup->ifindex, &setup->link, setup->failure);
        if (r < 0)
                return r;
        if (!mac_equal(&setup->link.mac, &host_mac))
                return differs(setup, "MAC");
        if (!tun->owned || tun->owner != 0 || tun->persistent)
                return differs(setup, "owner");
        if (plan->mtu > 0 && setup->link.mtu != plan->mtu)
                return differs(setup, "MTU");
        if (setup->link.group != plan->port.group)
                return differs(setup, "group");
        return plan->bridge ? verify_port(setup) : 0;
}

int tap_setup(Netlink *netlink, const TapPlan *plan, FdSet *queues, int *ret_ifindex, LinkInfo *ret,
                Failure *failure) {
        static int (*const steps[])(SetupContext *) = {
                make_device,
                configure,
                leave_out_qdiscs,
                open_further_queues,
                count_queues,
                join_bridge,
                verify,
        };
        SetupContext setup = {
                .netlink = netlink, .plan = plan, .queues = queues, .failure = failure
        };
        int r = 0;

        *ret = (LinkInfo){ 0 };
        for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && r >= 0; i++)
                r = steps[i](&setup);
        *ret_ifindex = setup.ifindex;
        if (r >= 0)
                r = link_set_up(netlink, setup.ifindex, failure);
        /* After everything else: until here the device ends with our last queue. */
        if (r >= 0 && plan->tag.persistent)
                r = tap_hand_over(queues->fds[0], plan->tag.uid, failure);
        if (r < 0)
                return r;
        *ret = setup.link;
        return 0;
}
