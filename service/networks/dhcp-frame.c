/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/dhcp-frame.h"

#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define MAGIC       0x63825363U
#define TTL         64

enum {
        OPTION_REQUESTED_ADDRESS = 50,
        OPTION_MESSAGE_TYPE = 53,
        OPTION_SERVER = 54,
        OPTION_END = 255,
};

/* RFC 2131, 2. */
typedef struct __attribute__((packed)) Bootp {
        uint8_t op, hardware, hardware_size, hops;
        uint32_t transaction;
        uint16_t seconds, flags;
        uint32_t client, yours, next_server, relay;
        uint8_t client_mac[16];
        uint8_t server_name[64], file[128];
        uint32_t magic;
} Bootp;

typedef struct __attribute__((packed)) Packet {
        struct ether_header ethernet;
        struct iphdr ip;
        struct udphdr udp;
        Bootp bootp;
        uint8_t options[DHCP_FRAME_SIZE - sizeof(struct ether_header) - sizeof(struct iphdr) -
                        sizeof(struct udphdr) - sizeof(Bootp)];
} Packet;

_Static_assert(sizeof(Packet) == DHCP_FRAME_SIZE, "a frame is a packet");

static uint16_t checksum(const void *data, size_t size) {
        const uint8_t *bytes = data;
        uint32_t sum = 0;

        for (size_t i = 0; i + 1 < size; i += 2)
                sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t)~sum);
}

static uint8_t *put_address(uint8_t *at, uint8_t option, struct in_addr address) {
        at[0] = option;
        at[1] = sizeof(address);
        memcpy(at + 2, &address, sizeof(address));
        return at + 2 + sizeof(address);
}

/* Nobody answers a release, and a request in the name of a guest is answered to that guest, which
 * has not asked. */
static void write_dhcp(const DhcpServer *server, const DhcpMessage *message, Packet *packet) {
        const bool release = message->type == DHCP_RELEASE;
        uint8_t *at = packet->options;

        packet->bootp = (Bootp){
                .op = 1,
                .hardware = 1,
                .hardware_size = sizeof(Mac),
                .client = release ? message->address.s_addr : 0,
                .magic = htonl(MAGIC),
        };
        memcpy(packet->bootp.client_mac, &message->client, sizeof(Mac));
        memcpy(&packet->bootp.transaction, (const uint8_t *)&message->client + 2,
                        sizeof(packet->bootp.transaction));
        *at++ = OPTION_MESSAGE_TYPE;
        *at++ = 1;
        *at++ = (uint8_t)message->type;
        at = release ? put_address(at, OPTION_SERVER, server->address)
                     : put_address(at, OPTION_REQUESTED_ADDRESS, message->address);
        *at = OPTION_END;
}

/* UDP goes without a checksum, which IPv4 permits. */
void dhcp_frame(const DhcpServer *server, const DhcpMessage *message,
                uint8_t ret[static DHCP_FRAME_SIZE]) {
        const bool release = message->type == DHCP_RELEASE;
        Packet packet = { .ethernet.ether_type = htons(ETHERTYPE_IP) };

        memcpy(packet.ethernet.ether_dhost, &server->mac, sizeof(Mac));
        memcpy(packet.ethernet.ether_shost, &message->client, sizeof(Mac));
        packet.ip = (struct iphdr){
                .version = 4,
                .ihl = sizeof(struct iphdr) / 4,
                .tot_len = htons(sizeof(Packet) - offsetof(Packet, ip)),
                .ttl = TTL,
                .protocol = IPPROTO_UDP,
                .saddr = release ? message->address.s_addr : INADDR_ANY,
                .daddr = release ? server->address.s_addr : INADDR_BROADCAST,
        };
        packet.ip.check = checksum(&packet.ip, sizeof(packet.ip));
        packet.udp = (struct udphdr){
                .source = htons(CLIENT_PORT),
                .dest = htons(SERVER_PORT),
                .len = htons(sizeof(Packet) - offsetof(Packet, udp)),
        };
        write_dhcp(server, message, &packet);
        memcpy(ret, &packet, sizeof(packet));
}
