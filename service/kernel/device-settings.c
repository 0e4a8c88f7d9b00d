/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/device-settings.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "kernel/rtnl-gaps.h"

/* One of an array of settings, if the kernel's array is long enough. */
static bool find_setting(const struct nlattr *values, size_t number, uint32_t *ret) {
        if (!values || (size_t)nla_len(values) < (number + 1) * sizeof(*ret))
                return false;
        memcpy(ret, (const char *)nla_data(values) + number * sizeof(*ret), sizeof(*ret));
        return true;
}

static int take_settings(const struct nlmsghdr *message, void *userdata) {
        DeviceSettings *settings = userdata;
        uint32_t disabled = 0;

        if (message->nlmsg_type != RTM_NEWLINK)
                return 0;
        (void)find_setting(rtnl_find_in_family(message, AF_INET, IFLA_INET_CONF),
                        IPV4_DEVCONF_TAG - 1, &settings->mark);
        /* A kernel without IPv6 reports nothing for it. */
        settings->ipv6 = find_setting(rtnl_find_in_family(message, AF_INET6, IFLA_INET6_CONF),
                                         DEVCONF_DISABLE_IPV6, &disabled) &&
                        disabled == 0;
        return 0;
}

int device_settings_get(Netlink *netlink, int ifindex, DeviceSettings *ret, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message = NULL;

        *ret = (DeviceSettings){ .mark = 0 };
        /* libnl would end the program. */
        if (ifindex <= 0)
                return failure_kernel(failure, ENODEV, "read the settings of the device", NULL);
        message = rtnl_build_link_get(ifindex, NULL);
        if (!message)
                return -ENOMEM;
        return netlink_call(netlink, message, take_settings, ret, "read the settings of the device",
                        failure);
}
