/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The record of a link's owner: text is refused, or its meaning is written back as the same bytes,
 * or as those of a tag with the same meaning in the current spelling.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuzz.h"
#include "taps/tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);
        char again[TAG_SIZE];
        Tag tag, second;

        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        if (tag_parse(text, &tag) < 0)
                return 0;
        if (!tag.is_older && strcmp(tag_format(&tag, again), text) != 0)
                abort();
        if (tag_parse(tag_format(&tag, again), &second) < 0 || !tags_are_of_one(&tag, &second))
                abort();
        return 0;
}
