/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "taps/tag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

bool label_is_valid(const char *label) {
        size_t n = strnlen(label, LABEL_SIZE);

        return n > 0 && n < LABEL_SIZE && strspn(label, LABEL_CHARACTERS) == n;
}

static const char *const mac_states[MAC_STATE_MAX] = {
        [MAC_GIVEN] = "given",
        [MAC_GENERATED] = "generated",
        [MAC_TOLD] = "told",
};

static const char *life_of(const Tag *tag) {
        return tag->until_logout ? "logout" : tag->persistent ? "1" : "0";
}

const char *tag_format(const Tag *tag, char buffer[static TAG_SIZE]) {
        const char *place = *tag->bridge == '\0' ? "" : tag->on_network ? " network=" : " bridge=";
        char mac[MAC_TEXT_SIZE], address[INET_ADDRSTRLEN] = "";

        if (tag->address.s_addr != 0)
                inet_ntop(AF_INET, &tag->address, address, sizeof(address));
        snprintf(buffer, TAG_SIZE,
                        "vnicd:1 uid=%" PRIu32 " persistent=%s queues=%" PRIu32 " nonce=%08" PRIx32
                        " hdr=%" PRIu32 " mac=%s guest=%s at=%" PRIu64
                        " isolated=%d anti_spoof=%d bpdu_guard=%d%s%s%s%s%s%s",
                        (uint32_t)tag->uid, life_of(tag), tag->queues, tag->nonce,
                        tag->vnet_hdr_size, mac_format(&tag->guest_mac, mac),
                        mac_states[tag->mac_state], tag->created, tag->isolated, tag->anti_spoof,
                        tag->bpdu_guard, place, tag->bridge, *tag->label ? " label=" : "",
                        tag->label, *address ? " ip=" : "", address);
        return buffer;
}

/* As up to 0.1.0. */
static const char *format_older(const Tag *tag, char buffer[static TAG_SIZE]) {
        char mac[MAC_TEXT_SIZE];

        snprintf(buffer, TAG_SIZE,
                        "vnicd:1 uid=%" PRIu32 " life=%s queues=%" PRIu32 " nonce=%08" PRIx32
                        " hdr=%" PRIu32 " mac=%s at=%" PRIu64 "%s%s",
                        (uint32_t)tag->uid, tag->persistent ? "persistent" : "fd", tag->queues,
                        tag->nonce, tag->vnet_hdr_size, mac_format(&tag->guest_mac, mac),
                        tag->created, *tag->label ? " label=" : "", tag->label);
        return buffer;
}

/* The value of the word at *text, if the word has that key (" label="): into value, and *text goes
 * behind it. */
static bool take_word(const char **text, const char *key, char *value, size_t size) {
        const size_t skip = strlen(key);
        size_t n;

        if (strncmp(*text, key, skip) != 0)
                return false;
        n = strcspn(*text + skip, " ");
        if (n >= size)
                return false;
        memcpy(value, *text + skip, n);
        value[n] = '\0';
        *text += skip + n;
        return true;
}

/* What the kernel takes for the name of a link has neither of these. An empty one is no word. */
static bool bridge_is_valid(const char *name) {
        return *name && strcspn(name, "/: \t\n\v\f\r") == strlen(name);
}

/* The words that may be left out, and nothing after them. */
static bool scan_rest(const char *text, Tag *tag) {
        char address[INET_ADDRSTRLEN];

        tag->on_network = take_word(&text, " network=", tag->bridge, sizeof(tag->bridge));
        if ((tag->on_network || take_word(&text, " bridge=", tag->bridge, sizeof(tag->bridge))) &&
                        !bridge_is_valid(tag->bridge))
                return false;
        if (take_word(&text, " label=", tag->label, sizeof(tag->label)) &&
                        !label_is_valid(tag->label))
                return false;
        if (take_word(&text, " ip=", address, sizeof(address)) &&
                        inet_pton(AF_INET, address, &tag->address) != 1)
                return false;
        return *text == '\0';
}

/* These two read loosely: tag_parse() then compares with what is made of it again, byte by byte. */
static bool scan(const char *text, Tag *ret) {
        char life[8] = "", mac[MAC_TEXT_SIZE] = "", state[16] = "";
        unsigned isolated, anti_spoof, bpdu_guard;
        Tag tag = { 0 };
        uint32_t uid;
        int n = 0;

        sscanf(text,
                        "vnicd:1 uid=%" SCNu32 " persistent=%7s queues=%" SCNu32 " nonce=%8" SCNx32
                        " hdr=%" SCNu32 " mac=%17s guest=%15s at=%" SCNu64
                        " isolated=%1u anti_spoof=%1u bpdu_guard=%1u%n",
                        &uid, life, &tag.queues, &tag.nonce, &tag.vnet_hdr_size, mac, state,
                        &tag.created, &isolated, &anti_spoof, &bpdu_guard, &n);
        if (n == 0 || mac_parse(mac, &tag.guest_mac) < 0)
                return false;
        while (tag.mac_state < MAC_STATE_MAX && strcmp(mac_states[tag.mac_state], state) != 0)
                tag.mac_state++;
        if (tag.mac_state == MAC_STATE_MAX || !scan_rest(text + n, &tag))
                return false;
        tag.uid = uid;
        tag.until_logout = strcmp(life, "logout") == 0;
        tag.persistent = tag.until_logout || strcmp(life, "1") == 0;
        tag.isolated = isolated;
        tag.anti_spoof = anti_spoof;
        tag.bpdu_guard = bpdu_guard;
        *ret = tag;
        return true;
}

static bool scan_older(const char *text, Tag *ret) {
        char life[16] = "", mac[MAC_TEXT_SIZE] = "";
        Tag tag = { .is_older = true };
        uint32_t uid;
        int n = 0;

        sscanf(text,
                        "vnicd:1 uid=%" SCNu32 " life=%15s queues=%" SCNu32 " nonce=%8" SCNx32
                        " hdr=%" SCNu32 " mac=%17s at=%" SCNu64 "%n",
                        &uid, life, &tag.queues, &tag.nonce, &tag.vnet_hdr_size, mac, &tag.created,
                        &n);
        if (n == 0 || mac_parse(mac, &tag.guest_mac) < 0 || !scan_rest(text + n, &tag))
                return false;
        tag.uid = uid;
        tag.persistent = strcmp(life, "persistent") == 0;
        *ret = tag;
        return true;
}

int tag_parse(const char *text, Tag *ret) {
        char again[TAG_SIZE];
        Tag tag;

        if (!(scan(text, &tag) && strcmp(tag_format(&tag, again), text) == 0) &&
                        !(scan_older(text, &tag) && strcmp(format_older(&tag, again), text) == 0))
                return -EINVAL;
        *ret = tag;
        return 0;
}

int tag_of_link(const LinkInfo *link, Tag *ret) {
        if (strcmp(link->kind, "tun") != 0 || !link->tun.tap)
                return -ENOMSG;
        return tag_parse(link->alias, ret) < 0 ? -ENOMSG : 0;
}

bool tags_are_of_one(const Tag *a, const Tag *b) {
        return a->nonce == b->nonce && a->uid == b->uid && a->persistent == b->persistent &&
                        a->until_logout == b->until_logout &&
                        a->vnet_hdr_size == b->vnet_hdr_size && a->created == b->created &&
                        mac_equal(&a->guest_mac, &b->guest_mac) && strcmp(a->label, b->label) == 0;
}
