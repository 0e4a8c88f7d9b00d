/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Builds what a DHCP client says to its server, as a whole Ethernet frame. Pure.
 *
 * Sources: RFC 2131 (4.3.2, 4.4.6), RFC 2132, RFC 1071.
 */

#include <netinet/in.h>
#include <stdint.h>

#include "common/mac.h"

#define DHCP_FRAME_SIZE 300

typedef enum DhcpMessageType {
        DHCP_REQUEST = 3, /* by a client that remembers its address (INIT-REBOOT) */
        DHCP_RELEASE = 7, /* by a client that has one */
} DhcpMessageType;

typedef struct DhcpServer {
        Mac mac;
        struct in_addr address;
} DhcpServer;

typedef struct DhcpMessage {
        DhcpMessageType type;
        Mac client;
        struct in_addr address; /* the one it has, or wants */
} DhcpMessage;

/* The rest after the message is zero, which is DHCP's padding. */
void dhcp_frame(const DhcpServer *server, const DhcpMessage *message,
                uint8_t ret[static DHCP_FRAME_SIZE]);
