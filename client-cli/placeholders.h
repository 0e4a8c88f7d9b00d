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
 * Any other {word} is left as it is: programs have their own use for braces.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Placeholders {
        const int *fds;
        size_t n_fds;
        const char *mac;
        const char *ifname;
} Placeholders;

/* Whether text holds {fd}, so that there must be exactly one queue. */
bool placeholders_need_one_queue(const char *text);

/* A copy of text with the words filled in; what was filled in is not looked at again.
 * -EINVAL: {fd} with another number of queues than one. -ENOMEM. */
int placeholders_fill(const Placeholders *placeholders, const char *text, char **ret);

/* The same for a vector that ends with NULL; give it to placeholders_free_vector(). */
int placeholders_fill_vector(const Placeholders *placeholders, char *const *texts, char ***ret);

/* Frees the vector and what it holds. Takes NULL. Returns NULL. */
char **placeholders_free_vector(char **texts);
