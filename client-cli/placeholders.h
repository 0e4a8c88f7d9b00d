/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words in braces that "vnicctl run" replaces in the arguments of the program that it becomes:
 *
 *   {fds}      the queue fds in the order of the queues, "3:4"
 *   {fd}       the queue fd of a tap that has one queue
 *   {queues}   how many there are
 *   {vectors}  the MSI-X vectors that a virtio-net device with as many queue pairs needs: 2 a pair,
 *              one for its configuration, one for its control queue
 *   {mac}      the MAC address that the guest is to use
 *   {ifname}   the name of the interface
 *
 * With several taps, the words carry the number of the tap: {fds1}, {mac2}. That is also permitted
 * with one tap.
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
        PLACEHOLDERS_WHICH,         /* it has no number, and there are several taps */
        PLACEHOLDERS_NO_SUCH_TAP,   /* it has a number that no tap has */
        PLACEHOLDERS_NOT_ONE_QUEUE, /* {fd} of a tap that has more queues than one */
} PlaceholderFault;

/* Checks the text before there is any tap. queues: how many each tap will have; 0: the service
 * decides. ret: the text from the faulty word on; NULL: there is none. */
PlaceholderFault placeholders_check(
                const size_t queues[], size_t n_taps, const char *text, const char **ret);

/* Copies text and replaces the words; replacements are not scanned again. -EINVAL:
 * placeholders_check() would find a fault. -ENOMEM. */
int placeholders_fill(const Placeholders taps[], size_t n_taps, const char *text, char **ret);

/* The same for a vector terminated by NULL; free the result with placeholders_free_vector(). */
int placeholders_fill_vector(
                const Placeholders taps[], size_t n_taps, char *const *texts, char ***ret);

/* Frees the vector and its strings. Takes NULL. Returns NULL. */
char **placeholders_free_vector(char **texts);
