/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "placeholders.h"

/*
 * Pure: text in, text out. Knows no bus, no options and no process; whether the fds are open is the
 * business of whoever passes them on.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

DEFINE_CLEANUP(char *, placeholders_free_vector)

static void write_fds(const Placeholders *placeholders, FILE *stream) {
        for (size_t i = 0; i < placeholders->n_fds; i++)
                fprintf(stream, "%s%d", i > 0 ? ":" : "", placeholders->fds[i]);
}

static void write_queues(const Placeholders *placeholders, FILE *stream) {
        fprintf(stream, "%zu", placeholders->n_fds);
}

static void write_vectors(const Placeholders *placeholders, FILE *stream) {
        fprintf(stream, "%zu", 2 * placeholders->n_fds + 2);
}

static void write_mac(const Placeholders *placeholders, FILE *stream) {
        fputs(placeholders->mac, stream);
}

static void write_ifname(const Placeholders *placeholders, FILE *stream) {
        fputs(placeholders->ifname, stream);
}

static const struct {
        const char *word;
        void (*write)(const Placeholders *placeholders, FILE *stream);
} words[] = {
        { "{fds}", write_fds },
        { "{fd}", write_fds },
        { "{queues}", write_queues },
        { "{vectors}", write_vectors },
        { "{mac}", write_mac },
        { "{ifname}", write_ifname },
};

bool placeholders_need_one_queue(const char *text) {
        return strstr(text, "{fd}");
}

/* Writes what stands for the word at text, or its first character. Returns how much was used up. */
static size_t write_next(const Placeholders *placeholders, const char *text, FILE *stream) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                size_t length = strlen(words[i].word);

                if (strncmp(text, words[i].word, length) == 0) {
                        words[i].write(placeholders, stream);
                        return length;
                }
        }
        fputc(*text, stream);
        return 1;
}

int placeholders_fill(const Placeholders *placeholders, const char *text, char **ret) {
        _cleanup_free_ char *filled = NULL;
        size_t size;
        FILE *stream;

        if (placeholders->n_fds != 1 && placeholders_need_one_queue(text))
                return -EINVAL;
        stream = open_memstream(&filled, &size);
        if (!stream)
                return -ENOMEM;

        while (*text)
                text += write_next(placeholders, text, stream);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(filled);
        return 0;
}

int placeholders_fill_vector(const Placeholders *placeholders, char *const *texts, char ***ret) {
        _cleanup_(placeholders_free_vectorp) char **filled = NULL;
        size_t n = 0;

        while (texts[n])
                n++;
        filled = calloc(n + 1, sizeof(*filled));
        if (!filled)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                int r = placeholders_fill(placeholders, texts[i], &filled[i]);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(filled);
        return 0;
}

char **placeholders_free_vector(char **texts) {
        for (char **text = texts; text && *text; text++)
                free(*text);
        free(texts);
        return NULL;
}
