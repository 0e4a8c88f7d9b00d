/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/tag.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

bool label_is_valid(const char *label) {
        size_t n = strnlen(label, LABEL_SIZE);

        return n > 0 && n < LABEL_SIZE && strspn(label, LABEL_CHARACTERS) == n;
}

const char *tag_format(const Tag *tag, char buffer[static TAG_SIZE]) {
        char mac[MAC_TEXT_SIZE];

        snprintf(buffer, TAG_SIZE,
                        "vnicd:1 uid=%" PRIu32 " life=%s queues=%" PRIu32 " nonce=%08" PRIx32
                        " hdr=%" PRIu32 " mac=%s at=%" PRIu64 "%s%s",
                        (uint32_t)tag->uid, tag->persistent ? "persistent" : "fd", tag->queues,
                        tag->nonce, tag->vnet_hdr_size, mac_format(&tag->guest_mac, mac),
                        tag->created, *tag->label ? " label=" : "", tag->label);
        return buffer;
}

/* Reads loosely; tag_parse() then compares with what tag_format() makes of it, byte by byte. */
static int scan(const char *text, Tag *ret) {
        char life[16] = "", mac[MAC_TEXT_SIZE] = "", label[LABEL_SIZE] = "";
        Tag tag = { 0 };
        uint32_t uid;
        int n;

        n = sscanf(text,
                        "vnicd:1 uid=%" SCNu32 " life=%15s queues=%" SCNu32 " nonce=%8" SCNx32
                        " hdr=%" SCNu32 " mac=%17s at=%" SCNu64 " label=%32s",
                        &uid, life, &tag.queues, &tag.nonce, &tag.vnet_hdr_size, mac, &tag.created,
                        label);
        if (n < 7 || mac_parse(mac, &tag.guest_mac) < 0)
                return -EINVAL;
        if (n > 7 && !label_is_valid(label))
                return -EINVAL;
        tag.uid = uid;
        tag.persistent = strcmp(life, "persistent") == 0;
        snprintf(tag.label, sizeof(tag.label), "%s", label);
        *ret = tag;
        return 0;
}

int tag_parse(const char *text, Tag *ret) {
        char again[TAG_SIZE];
        Tag tag;

        if (scan(text, &tag) < 0 || strcmp(tag_format(&tag, again), text) != 0)
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
                        a->vnet_hdr_size == b->vnet_hdr_size && a->created == b->created &&
                        mac_equal(&a->guest_mac, &b->guest_mac) && strcmp(a->label, b->label) == 0;
}
