/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "placeholders.h"

/*
 * Pure: text in, text out. Knows no bus, no options and no processes; whether the fds are open is
 * up to the caller.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

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
        { "fds", write_fds },
        { "fd", write_fds },
        { "queues", write_queues },
        { "vectors", write_vectors },
        { "mac", write_mac },
        { "ifname", write_ifname },
};

/* A word in braces. */
typedef struct Word {
        size_t index; /* in words[] */
        bool numbered;
        unsigned long number; /* with numbered */
        size_t length;        /* with its braces */
} Word;

/* Whether one begins at text. A number with a leading zero is not ours. */
static bool read_word(const char *text, Word *ret) {
        size_t letters = strspn(text + (*text == '{'), "abcdefghijklmnopqrstuvwxyz");
        const char *digits = text + 1 + letters;
        char *end = (char *)digits;
        Word word = { .numbered = false };

        if (*text != '{' || letters == 0)
                return false;
        if (*digits >= '1' && *digits <= '9') {
                word.numbered = true;
                word.number = strtoul(digits, &end, 10);
        }
        if (*end != '}')
                return false;
        for (word.index = 0; word.index < sizeof(words) / sizeof(words[0]); word.index++)
                if (strlen(words[word.index].word) == letters &&
                                strncmp(text + 1, words[word.index].word, letters) == 0)
                        break;
        word.length = (size_t)(end + 1 - text);
        *ret = word;
        return word.index < sizeof(words) / sizeof(words[0]);
}

static PlaceholderFault check_word(const size_t queues[], size_t n_taps, const Word *word) {
        size_t tap = word->numbered ? word->number - 1 : 0;

        if (!word->numbered && n_taps != 1)
                return PLACEHOLDERS_WHICH;
        if (tap >= n_taps)
                return PLACEHOLDERS_NO_SUCH_TAP;
        return strcmp(words[word->index].word, "fd") == 0 && queues[tap] != 1
                        ? PLACEHOLDERS_NOT_ONE_QUEUE
                        : PLACEHOLDERS_FINE;
}

PlaceholderFault placeholders_check(
                const size_t queues[], size_t n_taps, const char *text, const char **ret) {
        *ret = NULL;
        while (*text) {
                PlaceholderFault fault = PLACEHOLDERS_FINE;
                Word word;

                if (!read_word(text, &word)) {
                        text++;
                        continue;
                }
                fault = check_word(queues, n_taps, &word);
                if (fault != PLACEHOLDERS_FINE) {
                        *ret = text;
                        return fault;
                }
                text += word.length;
        }
        return PLACEHOLDERS_FINE;
}

/* Writes the replacement of the word at text, or else one character of the text. Returns how much
 * was consumed. */
static size_t write_next(const Placeholders taps[], const char *text, FILE *stream) {
        Word word;

        if (!read_word(text, &word)) {
                fputc(*text, stream);
                return 1;
        }
        words[word.index].write(&taps[word.numbered ? word.number - 1 : 0], stream);
        return word.length;
}

int placeholders_fill(const Placeholders taps[], size_t n_taps, const char *text, char **ret) {
        size_t queues[PLACEHOLDERS_TAPS_MAX], size;
        _cleanup_free_ char *filled = NULL;
        const char *wrong;
        FILE *stream;

        if (n_taps > PLACEHOLDERS_TAPS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n_taps; i++)
                queues[i] = taps[i].n_fds;
        if (placeholders_check(queues, n_taps, text, &wrong) != PLACEHOLDERS_FINE)
                return -EINVAL;
        stream = open_memstream(&filled, &size);
        if (!stream)
                return -ENOMEM;

        while (*text)
                text += write_next(taps, text, stream);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(filled);
        return 0;
}

int placeholders_fill_vector(
                const Placeholders taps[], size_t n_taps, char *const *texts, char ***ret) {
        _cleanup_(placeholders_free_vectorp) char **filled = NULL;
        size_t n = 0;

        while (texts[n])
                n++;
        filled = calloc(n + 1, sizeof(*filled));
        if (!filled)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                int r = placeholders_fill(taps, n_taps, texts[i], &filled[i]);

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
