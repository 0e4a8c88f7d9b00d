/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The record of a network: text is refused, or its meaning is written back as the same bytes, and
 * is a network that could have been requested.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuzz.h"
#include "networks/network-tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);
        char again[NETWORK_TAG_SIZE], once_more[NETWORK_TAG_SIZE];
        NetworkTag tag, read;

        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        if (network_tag_parse(text, "net", 1500, &tag) < 0)
                return 0;
        network_tag_fit_uplinks(&tag, &tag.uplinks);
        if (strcmp(network_tag_format(&tag, again), text) != 0 && !strstr(text, " life="))
                abort();
        if (network_tag_parse(again, "net", 1500, &read) < 0 ||
                        strcmp(network_tag_format(&read, once_more), again) != 0)
                abort();
        if (tag.uplinks.n > NETWORK_UPLINKS_MAX || network_plan_complete(&tag.plan, NULL) < 0)
                abort();
        return 0;
}
