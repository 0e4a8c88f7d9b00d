/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

/*
 * One table has every option of every verb; getopt's own table, the parser and the help are derived
 * from it. This checks the form of a value (a number is a number) and leaves its meaning to the
 * service, the only place that knows ranges and combinations.
 */

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/ifname.h"
#include "language.h"

typedef enum OptionType {
        TYPE_FLAG,   /* bool */
        TYPE_TEXT,   /* const char * */
        TYPE_LABEL,  /* likewise; not the name of an interface of vnicd */
        TYPE_NUMBER, /* OptionNumber */
        TYPE_SWITCH, /* OptionSwitch */
} OptionType;

typedef struct OptionRow {
        const char *name, *argument; /* as in the help */
        unsigned groups;             /* ~0U: every verb has it */
        OptionType type;
        size_t offset; /* in Options */
        const char *help;
} OptionRow;

#define FIELD(name) offsetof(Options, name)

#define NETWORK_TYPE_flag      TYPE_SWITCH
#define NETWORK_TYPE_number    TYPE_NUMBER
#define NETWORK_TYPE_kind      TYPE_TEXT
#define NETWORK_TYPE_domain    TYPE_TEXT
#define NETWORK_TYPE_addresses TYPE_TEXT
#define NETWORK_ROW(type, member, key, word, preset, least, most, argument, help)                  \
        { word, argument, OPTIONS_NETWORK, NETWORK_TYPE_##type, FIELD(network.member), help },

static const OptionRow rows[] = {
        { "bridge", " NAME", OPTIONS_TAP, TYPE_TEXT, FIELD(bridge),
                        N_("the bridge or network; \"-\": none; not given: the default one") },
        { "queues", " N", OPTIONS_TAP, TYPE_NUMBER, FIELD(queues),
                        N_("queue pairs; more than one makes a multiqueue tap") },
        { "multiqueue", "", OPTIONS_TAP, TYPE_FLAG, FIELD(multiqueue),
                        N_("make a multiqueue tap, even with one queue") },
        { "label", " TEXT", OPTIONS_TAP, TYPE_LABEL, FIELD(label),
                        N_("a name of your own for the endpoint") },
        { "guest-mac", " MAC", OPTIONS_TAP, TYPE_TEXT, FIELD(guest_mac),
                        N_("the MAC address the guest will use") },
        { "address", " IPV4", OPTIONS_TAP, TYPE_TEXT, FIELD(address),
                        N_("the guest's address, on a network with DHCP") },
        { "mtu", " BYTES", OPTIONS_TAP, TYPE_NUMBER, FIELD(mtu),
                        N_("default, and on a bridge the only one: the bridge's") },
        { "isolated", "[=BOOL]", OPTIONS_TAP, TYPE_SWITCH, FIELD(isolated),
                        N_("no traffic to other isolated ports") },
        { "anti-spoof", "[=BOOL]", OPTIONS_TAP, TYPE_SWITCH, FIELD(anti_spoof),
                        N_("only the guest's MAC as source; default with --guest-mac") },
        { "vnet-hdr-size", " BYTES", OPTIONS_TAP, TYPE_NUMBER, FIELD(vnet_hdr_size),
                        N_("length of the virtio_net_hdr before each frame") },
        { "no-vnet-hdr", "", OPTIONS_TAP, TYPE_FLAG, FIELD(no_vnet_hdr),
                        N_("frames without virtio_net_hdr, hence without offloads") },
        { "offloads", " LIST", OPTIONS_TAP, TYPE_TEXT, FIELD(offloads),
                        N_("offloads to turn on, for a program that does not: csum,tso4") },
        { "persistent", "", OPTIONS_KEEP, TYPE_FLAG, FIELD(persistent),
                        N_("keep it when nobody has it open, until reboot or release") },
        { "until-logout", "", OPTIONS_KEEP, TYPE_FLAG, FIELD(until_logout),
                        N_("the same, but only until its owner has logged out") },
        { "owner", " USER", OPTIONS_KEEP, TYPE_TEXT, FIELD(owner),
                        N_("owner of the endpoint, whose limits apply") },
        { "label-prefix", " TEXT", OPTIONS_RELEASE, TYPE_TEXT, FIELD(label_prefix),
                        N_("those of your own whose labels begin with this") },
        { "bridge", " NAME", OPTIONS_RELEASE, TYPE_TEXT, FIELD(from_bridge),
                        N_("those of your own on this bridge or network; \"-\": on none") },
        { "wait", "", OPTIONS_RUN, TYPE_FLAG, FIELD(wait),
                        N_("start once frames pass: a bridge with STP listens for 30 s") },
        { "and", "", OPTIONS_RUN, TYPE_FLAG, FIELD(and_another),
                        N_("the next options are for another tap of the program") },
        NETWORK_FIELDS(NETWORK_ROW){ "ask", "", OPTIONS_ASK, TYPE_FLAG, FIELD(ask),
                        N_("let polkit ask, also outside a terminal (desktop agents)") },
        { "no-ask", "", OPTIONS_ASK, TYPE_FLAG, FIELD(no_ask), N_("never let polkit ask") },
        { "all", "", OPTIONS_ALL, TYPE_FLAG, FIELD(all), N_("all of them, see below") },
        { "format", " FORMAT", OPTIONS_FORMAT, TYPE_TEXT, FIELD(format),
                        N_("what the files are: bridge.conf or lxc-usernet") },
        { "json", "", OPTIONS_JSON, TYPE_FLAG, FIELD(json), N_("print JSON") },
        { "help", "", ~0U, TYPE_FLAG, FIELD(help), N_("print this help") },
};

enum {
        N_ROWS = sizeof(rows) / sizeof(rows[0]),
        FIRST_VALUE = 256
};

static int row_argument(const OptionRow *row) {
        if (row->argument[0] == '\0')
                return no_argument;
        return row->argument[0] == '[' ? optional_argument : required_argument;
}

/* Fills the table for getopt_long(), whose last row is zero already. */
static void fill_getopt_table(unsigned groups, struct option table[]) {
        size_t n = 0;

        for (int i = 0; i < N_ROWS; i++)
                if (rows[i].groups & groups || rows[i].groups == ~0U)
                        table[n++] = (struct option){
                                .name = rows[i].name,
                                .has_arg = row_argument(&rows[i]),
                                .val = FIRST_VALUE + i,
                        };
}

static bool parse_number(const char *text, OptionNumber *ret) {
        unsigned long long value;
        char *end;

        if (*text < '0' || *text > '9')
                return false;
        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno != 0 || *end || value > UINT32_MAX)
                return false;
        *ret = (OptionNumber){ .given = true, .value = (uint32_t)value };
        return true;
}

bool options_parse_switch(const char *text, OptionSwitch *ret) {
        static const char *const words[][2] = {
                { "no", "yes" },
                { "false", "true" },
                { "off", "on" },
                { "0", "1" },
        };

        if (!text)
                text = "yes";
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                for (int value = 0; value <= 1; value++)
                        if (strcmp(text, words[i][value]) == 0) {
                                *ret = (OptionSwitch){ .given = true, .value = value };
                                return true;
                        }
        return false;
}

static Status apply(const OptionRow *row, const char *verb, const char *text, Options *options) {
        void *field = (char *)options + row->offset;
        uint32_t nonce;

        switch (row->type) {
        case TYPE_FLAG:
                *(bool *)field = true;
                return STATUS_OK;
        case TYPE_TEXT:
                *(const char **)field = text;
                return STATUS_OK;
        case TYPE_LABEL:
                *(const char **)field = text;
                if (ifname_parse_nonce(text, &nonce) < 0)
                        return STATUS_OK;
                return complain(STATUS_BAD_OPTION,
                                _("%s: --%s does not take '%s', which is the name of an interface of vnicd. Choose another."),
                                verb, row->name, text);
        case TYPE_NUMBER:
                if (parse_number(text, field))
                        return STATUS_OK;
                return complain(STATUS_USAGE, _("%s: --%s takes a number from 0 to %u, not '%s'."),
                                verb, row->name, UINT32_MAX, text);
        case TYPE_SWITCH:
                if (options_parse_switch(text, field))
                        return STATUS_OK;
                return complain(STATUS_USAGE, _("%s: --%s takes yes or no, not '%s'."), verb,
                                row->name, text);
        }
        return STATUS_USAGE;
}

static Status complain_option(char code, const char *verb, const char *option) {
        return complain(STATUS_USAGE,
                        code == ':' ? _("%s: an argument is missing after '%s'; see vnicctl %s --help.")
                                    : _("%s: unknown, ambiguous or with an argument it does not take: '%s'; see vnicctl %s --help."),
                        verb, option, verb);
}

Status options_parse(unsigned groups, int argc, char *argv[], Options *ret) {
        struct option table[N_ROWS + 1] = {};
        Options options = { .bridge = "" };
        int code;

        fill_getopt_table(groups, table);
        optind = 0; /* glibc: start afresh */
        while ((code = getopt_long(argc, argv, groups & OPTIONS_PROGRAM ? "+:h" : ":h", table,
                                NULL)) != -1) {
                Status status = STATUS_OK;

                if (code == 'h')
                        options.help = true;
                else if (code >= FIRST_VALUE)
                        status = apply(&rows[code - FIRST_VALUE], argv[0], optarg, &options);
                else
                        status = complain_option((char)code, argv[0], argv[optind - 1]);
                if (status != STATUS_OK)
                        return status;
                if (options.and_another)
                        break;
        }

        options.arguments = argv + optind;
        options.n_arguments = argc - optind;
        *ret = options;
        return STATUS_OK;
}

void options_print_help(unsigned groups, FILE *stream) {
        for (int i = 0; i < N_ROWS; i++)
                if (rows[i].groups & groups || rows[i].groups == ~0U) {
                        int width = (int)(24 - strlen(rows[i].name));

                        fprintf(stream, "  --%s%-*s  %s\n", rows[i].name, width, rows[i].argument,
                                        _(rows[i].help));
                }
}

uint32_t options_queues(const Options *options) {
        if (options->queues.given)
                return options->queues.value;
        return options->multiqueue ? 0 : 1;
}

bool options_multiqueue(const Options *options) {
        return options->multiqueue || (options->queues.given && options->queues.value > 1);
}
