/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/leases.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/read-file.h"
#include "networks/network-service.h"

/* Expiry, hardware address (DHCPv6: association), address, name, client. */
enum {
        WORD_EXPIRY,
        WORD_HARDWARE,
        WORD_ADDRESS,
        WORD_NAME,
        WORD_CLIENT,
        WORDS
};

#define LINE_SIZE 1024 /* a DHCPv6 identifier has 128 bytes at most, three letters each */

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static bool split(char *line, char *words[static WORDS]) {
        for (int i = 0; i < WORDS; i++) {
                words[i] = line;
                line += strcspn(line, " ");
                if (line == words[i] || (*line == '\0') != (i == WORDS - 1))
                        return false;
                *line++ = '\0';
        }
        return true;
}

/* Until the year 2286: any time that is read can be counted in microseconds. */
#define EXPIRY_DIGITS 10

static bool read_expiry(const char *word, uint64_t *ret) {
        size_t n = strlen(word);

        if (n > EXPIRY_DIGITS || strspn(word, "0123456789") != n)
                return false;
        *ret = strtoull(word, NULL, 10);
        return true;
}

/* Gives the address as inet_ntop(3) writes it. */
static bool read_address(const char *word, int *ret_family, char ret[static INET6_ADDRSTRLEN]) {
        int family = strchr(word, ':') ? AF_INET6 : AF_INET;
        struct in6_addr bytes;

        if (inet_pton(family, word, &bytes) != 1)
                return false;
        inet_ntop(family, &bytes, ret, INET6_ADDRSTRLEN);
        *ret_family = family;
        return true;
}

static bool read_name(const char *word, char ret[static LEASE_NAME_MAX + 1]) {
        size_t n = strlen(word);

        if (strcmp(word, "*") == 0)
                return true;
        if (n > LEASE_NAME_MAX || strspn(word, NAME_LETTERS) != n)
                return false;
        strcpy(ret, word);
        return true;
}

static void take_mac(const char *word, char ret[static MAC_TEXT_SIZE]) {
        Mac mac;

        if (mac_parse(word, &mac) >= 0)
                mac_format(&mac, ret);
}

/* RFC 8415, 11.2 and 11.4: an identifier made of a link's address, for Ethernet. */
static void take_mac_of_duid(const char *word, char ret[static MAC_TEXT_SIZE]) {
        static const char with_time[] = "00:01:00:01:tt:tt:tt:tt:", without[] = "00:03:00:01:";

        if (strncmp(word, with_time, strlen("00:01:00:01:")) == 0 &&
                        strlen(word) == strlen(with_time) + MAC_TEXT_SIZE - 1)
                take_mac(word + strlen(with_time), ret);
        else if (strncmp(word, without, strlen(without)) == 0)
                take_mac(word + strlen(without), ret);
}

static bool read_lease(char *line, Lease *ret) {
        Lease lease = { .expiry = 0 };
        char *words[WORDS];
        int family;

        if (!split(line, words) || !read_expiry(words[WORD_EXPIRY], &lease.expiry) ||
                        !read_address(words[WORD_ADDRESS], &family, lease.address) ||
                        !read_name(words[WORD_NAME], lease.name))
                return false;
        if (family == AF_INET)
                take_mac(words[WORD_HARDWARE], lease.mac);
        else
                take_mac_of_duid(words[WORD_CLIENT], lease.mac);
        *ret = lease;
        return true;
}

/* At most one more than there are line ends; 0 if there is no text. */
static size_t count_lines(const char *text, size_t size) {
        size_t n = size > 0;

        for (size_t i = 0; i < size; i++)
                n += text[i] == '\n';
        return n < LEASES_MAX ? n : LEASES_MAX;
}

int leases_parse(const char *text, size_t size, Leases *ret) {
        size_t most = count_lines(text, size);
        _cleanup_free_ Lease *leases = calloc(most + 1, sizeof(*leases));
        const char *end = text + size;
        size_t n = 0;

        if (!leases)
                return -ENOMEM;
        while (text < end && n < most) {
                const char *stop = memchr(text, '\n', (size_t)(end - text));
                size_t length = (size_t)((stop ? stop : end) - text);
                char line[LINE_SIZE];

                if (length < sizeof(line)) {
                        memcpy(line, text, length);
                        line[length] = '\0';
                        n += strlen(line) == length && read_lease(line, &leases[n]);
                }
                text = stop ? stop + 1 : end;
        }
        *ret = (Leases){ .leases = TAKE_PTR(leases), .n = n };
        return 0;
}

/* The folder belongs to the service, which guests talk to: anything there but a file is neither
 * followed nor waited for. */
int leases_read(const char *network, Leases *ret) {
        char path[PATH_MAX];
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct stat status;
        size_t size = 0;
        int r;

        snprintf(path, sizeof(path), NETWORK_LEASES_DIRECTORY "/%s/leases", network);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? leases_parse("", 0, ret) : -errno;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        r = read_text(fd, LEASES_BYTES, &text, &size);
        return r < 0 ? r : leases_parse(text, size, ret);
}

void leases_done(Leases *leases) {
        free(leases->leases);
        *leases = LEASES_INIT;
}
