/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/printable.h"

#include <stdbool.h>

typedef struct Range {
        uint32_t first, last;
} Range;

/* Control characters (C0, DEL, C1), soft hyphen, directional marks, invisible characters, line and
 * paragraph separators, and noncharacters. */
static const Range hidden[] = {
        { 0x0000, 0x001f },
        { 0x007f, 0x009f },
        { 0x00ad, 0x00ad },
        { 0x061c, 0x061c },
        { 0x180e, 0x180e },
        { 0x200b, 0x200f },
        { 0x2028, 0x202e },
        { 0x2060, 0x206f },
        { 0xd800, 0xdfff },
        { 0xfdd0, 0xfdef },
        { 0xfeff, 0xfeff },
        { 0xfff9, 0xfffb },
        { 0xfffe, 0xffff },
        { 0xe0000, 0xe0fff },
};

static bool may_be_shown(uint32_t character) {
        for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
                if (character >= hidden[i].first && character <= hidden[i].last)
                        return false;
        return true;
}

/* The length of a character by its first byte; 0: no character begins like that. */
static size_t length_by_first(unsigned char first) {
        return first < 0x80            ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
}

/* The terminating zero byte is not a continuation byte, so nothing is read beyond it. */
size_t utf8_decode(const char *bytes, uint32_t *ret_character) {
        const unsigned char *text = (const unsigned char *)bytes;
        static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t length = length_by_first(*text);
        uint32_t character = *text & first_bits[length];

        for (size_t i = 1; i < length; i++) {
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
                character = character << 6 | (text[i] & 0x3f);
        }
        if (length == 0 || character < least[length] || character > 0x10ffff)
                return 0;
        *ret_character = character;
        return length;
}

char *printable(char *text) {
        const char *from = text;
        char *to = text;

        while (*from) {
                uint32_t character = 0;
                size_t length = utf8_decode(from, &character);

                if (length > 0 && may_be_shown(character)) {
                        for (size_t i = 0; i < length; i++)
                                *to++ = *from++;
                        continue;
                }
                *to++ = '?';
                from += length > 0 ? length : 1;
        }
        *to = '\0';
        return text;
}
