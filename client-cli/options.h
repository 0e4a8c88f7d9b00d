/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The options of the verbs. They come in groups; a verb lists the groups that it accepts.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/network-fields.h"
#include "status.h"

typedef enum OptionGroup {
        OPTIONS_NONE = 0,
        OPTIONS_JSON = 1 << 0, /* --json */
        OPTIONS_ALL = 1 << 1,  /* --all */
        OPTIONS_ASK = 1 << 2,  /* --ask, --no-ask */
        OPTIONS_TAP = 1 << 3,  /* what a new tap is to be */
        /* Not an option: a program's command line follows the options. */
        OPTIONS_PROGRAM = 1 << 4,
        OPTIONS_FORMAT = 1 << 5,  /* --format */
        OPTIONS_KEEP = 1 << 6,    /* --persistent, --until-logout, --owner */
        OPTIONS_NETWORK = 1 << 7, /* what a new network is to be */
        OPTIONS_RUN = 1 << 8,     /* --wait, --and */
        OPTIONS_RELEASE = 1 << 9, /* which of the caller's endpoints */
} OptionGroup;

/* An option that may not have been given. */
typedef struct OptionNumber {
        bool given;
        uint32_t value;
} OptionNumber;

typedef struct OptionSwitch {
        bool given;
        bool value;
} OptionSwitch;

/* How a field of a network is held until the service gets it. */
#define NETWORK_OPTION_flag(member)       OptionSwitch member;
#define NETWORK_OPTION_number(member)     OptionNumber member;
#define NETWORK_OPTION_kind(member)       const char *member;
#define NETWORK_OPTION_domain(member)     const char *member;
#define NETWORK_OPTION_addresses(member)  const char *member;
#define NETWORK_OPTION(type, member, ...) NETWORK_OPTION_##type(member)

/* The parsed command line, from which it borrows its strings. */
typedef struct Options {
        bool help;
        bool json;
        const char *format; /* NULL: not given */
        bool all;
        bool ask, no_ask;
        bool no_agent; /* the terminal is not ours: start no text agent */

        const char *bridge; /* "": the service's own choice */
        OptionNumber queues;
        const char *label, *guest_mac, *address, *offloads; /* NULL: not given */
        OptionNumber mtu;
        OptionSwitch isolated, anti_spoof;
        OptionNumber vnet_hdr_size;
        bool no_vnet_hdr;
        bool multiqueue;
        bool persistent, until_logout;
        const char *owner;                      /* a name or a uid; NULL: not given */
        const char *label_prefix, *from_bridge; /* NULL: not given */
        bool wait;
        bool and_another; /* the arguments begin with the options of another tap */

        struct {
                NETWORK_FIELDS(NETWORK_OPTION)
        } network; /* texts: NULL: not given */

        char **arguments; /* what is not an option; ends with NULL */
        int n_arguments;
} Options;

/* argv[0] is the name of the verb; groups is what it accepts (bits of OptionGroup). May reorder
 * argv. Stops after --and. */
Status options_parse(unsigned groups, int argc, char *argv[], Options *ret);

/* Prints the help on the options of these groups. */
void options_print_help(unsigned groups, FILE *stream);

/* Parses "yes", "no" and their synonyms; NULL means yes. Returns false, and leaves ret alone, for
 * any other word. */
bool options_parse_switch(const char *text, OptionSwitch *ret);

/* How many queues there will be; 0: the service decides. */
uint32_t options_queues(const Options *options);

/* Whether it is a multiqueue tap; more than one queue imply that. */
bool options_multiqueue(const Options *options);
