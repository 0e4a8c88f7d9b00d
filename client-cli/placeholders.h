/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words in braces that "vnicctl run" fills in, in the arguments of the program that it becomes:
 *
 *   {fds}      the queue fds in the order of the queues, "3:4"
 *   {fd}       the queue fd of a tap that has one queue
 *   {queues}   how many there are
 *   {vectors}  the MSI-X vectors that a virtio-net device with as many queue pairs needs: 2 a pair,
 *              one for its configuration, one for its control queue
 *   {mac}      the MAC address that the guest is to use
 *   {ifname}   the name of the interface
 *
 * Where there are several taps, each has the words with its number: {fds1}, {mac2}. One tap has
 * them too.
 *
 * Any other {word} is left as it is: programs have their own use for braces.
 */

#include <stdbool.h>
#include <stddef.h>

#define PLACEHOLDERS_TAPS_MAX 16

typedef struct Placeholders {
        const int *fds;
        size_t n_fds;
        const char *mac;
        const char *ifname;
} Placeholders;

/* What is wrong with a word in a text. */
typedef enum PlaceholderFault {
        PLACEHOLDERS_FINE,
        PLACEHOLDERS_WHICH,         /* without a number, and there are several taps */
        PLACEHOLDERS_NO_SUCH_TAP,   /* with one that no tap has */
        PLACEHOLDERS_NOT_ONE_QUEUE, /* {fd} of a tap that has more queues than one */
} PlaceholderFault;

/* Looks before there is any tap. queues: how many each of them will have, 0 where that is left to
 * the service. ret: the text from the word on, that is wrong; NULL: none is. */
PlaceholderFault placeholders_check(
                const size_t queues[], size_t n_taps, const char *text, const char **ret);

/* A copy of text with the words filled in, of n_taps taps; what was filled in is not looked at
 * again. -EINVAL: a word that placeholders_check() finds wrong. -ENOMEM. */
int placeholders_fill(const Placeholders taps[], size_t n_taps, const char *text, char **ret);

/* The same for a vector that ends with NULL; give it to placeholders_free_vector(). */
int placeholders_fill_vector(
                const Placeholders taps[], size_t n_taps, char *const *texts, char ***ret);

/* Frees the vector and what it holds. Takes NULL. Returns NULL. */
char **placeholders_free_vector(char **texts);
