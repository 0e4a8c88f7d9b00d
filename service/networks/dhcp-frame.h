/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a DHCP client says to its server, as a whole Ethernet frame. Pure.
 *
 * Sources: RFC 2131 (4.3.2, 4.4.6), RFC 2132, RFC 1071.
 */

#include <netinet/in.h>
#include <stdint.h>

#include "common/mac.h"

#define DHCP_FRAME_SIZE 300

typedef enum DhcpMessageType {
        DHCP_REQUEST = 3, /* of a client that remembers its address (INIT-REBOOT) */
        DHCP_RELEASE = 7, /* of a client that has one */
} DhcpMessageType;

typedef struct DhcpServer {
        Mac mac;
        struct in_addr address;
} DhcpServer;

typedef struct DhcpMessage {
        DhcpMessageType type;
        Mac client;
        struct in_addr address; /* that it has, or wants */
} DhcpMessage;

/* The rest behind the message is zero, as padding is in DHCP. */
void dhcp_frame(const DhcpServer *server, const DhcpMessage *message,
                uint8_t ret[static DHCP_FRAME_SIZE]);
