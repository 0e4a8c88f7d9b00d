/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vnicctl: the command line of vnicd. This file owns the table of verbs and the help; what a verb
 * does is in its own file.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "language.h"
#include "options.h"
#include "standard-fds.h"
#include "status.h"
#include "verb.h"

typedef struct Verb {
        const char *name, *synopsis, *summary;
        const char *details; /* the end of the help; NULL: nothing */
        unsigned options;    /* bits of OptionGroup */
        int min_arguments, max_arguments;
        Status (*run)(const Options *options);
} Verb;

#define ANY_NUMBER 0x7fffffff

static const char create_details[] = N_(
                "Creates a tap and keeps it while vnicctl runs, since a tap lives as long as its\n"
                "queue fds; with --persistent or --until-logout it stays by itself, and vnicctl\n"
                "exits at once.\n"
                "Otherwise it exits on SIGINT, SIGTERM or SIGHUP, or at the end of standard\n"
                "input, with status 0; if somebody else removes the tap, with status 1.\n"
                "\n"
                "A standard input that is closed, a regular file or /dev/null counts as ended:\n"
                "in scripts and units give it a pipe (sleep infinity | vnicctl create ...).\n"
                "\n"
                "It prints the tap before it waits; with --json, on one line.\n");

static const char run_details[] = N_(
                "Creates a tap and becomes PROGRAM (exec), so that the tap lives as long.\n"
                "--and begins the options of another tap (16 at most); --ask, --no-ask and\n"
                "--wait apply to all of them, wherever they are given.\n"
                "In PROGRAM and its arguments these words are replaced:\n"
                "\n"
                "  {fds}      the fds of the queues, in order: 3:4\n"
                "  {fd}       the fd of the only queue; refused if there are more\n"
                "  {queues}   the number of queues\n"
                "  {vectors}  2 * queues + 2: MSI-X vectors for virtio-net\n"
                "  {mac}      the guest's MAC address\n"
                "  {ifname}   the name of the interface\n"
                "\n"
                "With several taps each word has the tap's number: {fds1}, {mac2}.\n"
                "Any other {word} is left as it is. The exit status is PROGRAM's own; 127 if\n"
                "there is no such program, 126 if it cannot be run. For example:\n"
                "\n"
                "  vnicctl run --bridge br0 --queues 2 -- qemu-system-x86_64 -m 1G disk.img \\\n"
                "      -netdev tap,id=n0,fds={fds} \\\n"
                "      -device virtio-net-pci,netdev=n0,mq=on,vectors={vectors},mac={mac}\n"
                "\n"
                "  vnicctl run --bridge br0 --and --bridge br1 -- qemu-system-x86_64 ... \\\n"
                "      -netdev tap,id=n0,fd={fd1} -device virtio-net-pci,netdev=n0,mac={mac1} \\\n"
                "      -netdev tap,id=n1,fd={fd2} -device virtio-net-pci,netdev=n1,mac={mac2}\n");

static const char list_details[] =
                N_("Shows your own endpoints; for root, or with --all, everybody's.\n");

static const char show_details[] = N_(
                "NAME is the name of an interface, or a label of one of your endpoints. Below its\n"
                "properties it says which offloads it can carry, which are on, and what the gap\n"
                "means.\n");

static const char release_details[] = N_(
                "Deletes endpoints. NAME is the name of an interface, or a label of your own;\n"
                "--all deletes all endpoints of your uid, including those of sandboxed programs,\n"
                "--label-prefix and --bridge those of them for which all that is given holds;\n"
                "both print the number. A program that still uses one reads errors from it:\n"
                "detach it there first.\n");

static const char monitor_details[] =
                N_("Prints a line for each endpoint that is added, changed or removed (with the\n"
                   "reason), as JSON an object a line: event, path, interface, and the properties\n"
                   "or the reason. Runs until SIGINT, SIGTERM or SIGHUP. \"watching\" on standard\n"
                   "error means that no event is missed from then on. --all: also a line\n"
                   "\"bridges\" when the list of bridges has changed.\n");

static const char explain_details[] = N_(
                "Says whether you may use BRIDGE and why, and what an administrator would have to\n"
                "write where to allow it. Creates nothing and asks nobody.\n");

static const char doctor_details[] =
                N_("Checks the host for known problems: the tap device, filters of the host on\n"
                   "bridges (Docker), MAC addresses of bridges, polkit, vnicd, network managers,\n"
                   "vnicd's own networks. Each line is ok, a note or a problem, with its fix.\n"
                   "Changes nothing. The exit status is 1 if there is a problem.\n");

static const char bench_details[] = N_(
                "Measures TCP between two taps, in namespaces of its own: as plain frames, with\n"
                "the virtio_net_hdr alone, and with offloads; each for SECONDS (2; 1 to 10).\n"
                "Needs no service, no bus and no privileges, and does not touch the host.\n"
                "CALLS/GB are the reads and writes of the taps per 10^9 bytes of payload.\n");

static const char network_details[] = N_(
                "The networks that vnicd itself owns: bridges with addresses, names and filters.\n"
                "\n"
                "  create NAME      create one; it stays until it is deleted\n"
                "  list             list them\n"
                "  show NAME        all about one\n"
                "  delete NAME...   delete them, with all endpoints on them\n"
                "  leases NAME      the addresses assigned to its guests\n"
                "\n"
                "--kind and the options below it are for create.\n");

static const char import_details[] = N_(
                "Reads the files in which QEMU's bridge helper and lxc say who may use a bridge,\n"
                "and writes the same as a configuration of vnicd, with each line of theirs as a\n"
                "comment. What cannot be carried over is said there and on standard error, and\n"
                "the status is 9 then. Needs no service. Without FILE it reads those that exist\n"
                "of /etc/qemu/bridge.conf, /etc/qemu-kvm/bridge.conf and /etc/lxc/lxc-usernet.\n"
                "Run it as root, since not everybody can read the files. For example:\n"
                "\n"
                "  vnicctl import >/etc/vnicd/vnicd.conf.d/50-imported.conf\n");

static const char libvirt_details[] = N_(
                "Gives each bridge that you may use, also if an administrator would be asked, a\n"
                "network of the same name in your libvirt session (qemu:///session), so that\n"
                "programs need only its name. libvirt must use vnic-bridge-helper: see the\n"
                "manual page. These networks have a mark of their own; others stay as they are.\n"
                "\n"
                "  sync     define what is missing, remove what you may no longer use\n"
                "  remove   remove them all; needs no service\n"
                "\n"
                "While the service or polkit does not answer, sync removes nothing. For example:\n"
                "\n"
                "  vnicctl libvirt sync\n"
                "  virt-install --connect qemu:///session --network network=vnicbr0 ...\n");

static const Verb verbs[] = {
        { "capabilities", "", N_("what this host and this service can do"), NULL, OPTIONS_JSON, 0,
                        0, verb_capabilities },
        { "bridges", "", N_("the bridges of the host"), NULL, OPTIONS_JSON, 0, 0, verb_bridges },
        { "create", "", N_("create a tap and keep it while vnicctl runs"), create_details,
                        OPTIONS_TAP | OPTIONS_KEEP | OPTIONS_ASK | OPTIONS_JSON, 0, 0,
                        verb_create },
        { "run", " [--and [OPTION...]]... -- PROGRAM [ARGUMENT...]",
                        N_("create a tap, or several, and become the program that uses them"),
                        run_details, OPTIONS_TAP | OPTIONS_ASK | OPTIONS_PROGRAM | OPTIONS_RUN, 1,
                        ANY_NUMBER, verb_run },
        { "list", "", N_("your endpoints, or everybody's"), list_details,
                        OPTIONS_ALL | OPTIONS_JSON, 0, 0, verb_list },
        { "show", " NAME", N_("all about one endpoint"), show_details, OPTIONS_JSON, 1, 1,
                        verb_show },
        { "release", " NAME... | --all", N_("delete endpoints"), release_details,
                        OPTIONS_ALL | OPTIONS_ASK | OPTIONS_RELEASE, 0, ANY_NUMBER, verb_release },
        { "monitor", "", N_("print what happens to endpoints"), monitor_details,
                        OPTIONS_ALL | OPTIONS_JSON, 0, 0, verb_monitor },
        { "network", " create|list|show|delete|leases [NAME...]",
                        N_("the networks that vnicd owns, with addresses and names"),
                        network_details, OPTIONS_NETWORK | OPTIONS_ASK | OPTIONS_JSON, 1,
                        ANY_NUMBER, verb_network },
        { "explain", " BRIDGE", N_("why you may use a bridge or not, and what would allow it"),
                        explain_details, OPTIONS_JSON, 1, 1, verb_explain },
        { "doctor", "", N_("check this host for known problems"), doctor_details, OPTIONS_JSON, 0,
                        0, verb_doctor },
        { "bench", " [SECONDS]", N_("measure what offloads gain on this host"), bench_details,
                        OPTIONS_JSON, 0, 1, verb_bench },
        { "import", " [FILE...]", N_("make a configuration from that of QEMU or lxc"),
                        import_details, OPTIONS_FORMAT, 0, ANY_NUMBER, verb_import },
        { "libvirt", " sync|remove", N_("the bridges as networks of your libvirt session"),
                        libvirt_details, 0, 1, 1, verb_libvirt },
};

enum {
        N_VERBS = sizeof(verbs) / sizeof(verbs[0])
};

static const Verb *find_verb(const char *name) {
        for (int i = 0; i < N_VERBS; i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

static void print_help(void) {
        puts(_("Usage: vnicctl VERB [OPTION...]\n"
               "       vnicctl VERB --help\n"
               "       vnicctl --help | --version\n"
               "\n"
               "The command line of vnicd, which hands the queues of taps to ordinary users.\n"
               "\n"
               "Verbs:"));
        for (int i = 0; i < N_VERBS; i++)
                printf("  %-14s%s\n", verbs[i].name, _(verbs[i].summary));
        puts(_("\n"
               "In a terminal polkit may ask for a password, through its text agent if there is\n"
               "no other. --no-ask (create, run, release) forbids that; --ask allows it outside a\n"
               "terminal too, for the agents of desktops.\n"
               "\n"
               "Exit status:"));
        status_print_table(stdout);
        puts(_("\n"
               "\"run\" becomes the program and exits as that does (126: it cannot be run; 127:\n"
               "there is none). The bus is the system bus; DBUS_SYSTEM_BUS_ADDRESS overrides\n"
               "its address."));
}

static void print_verb_help(const Verb *verb) {
        const char *summary = _(verb->summary);

        /* The first byte of a translation is not always a lower-case letter. */
        printf(_("Usage: vnicctl %s [OPTION...]%s\n\n%c%s.\n\nOptions:\n"), verb->name,
                        verb->synopsis, toupper((unsigned char)summary[0]), summary + 1);
        options_print_help(verb->options, stdout);
        if (verb->details)
                printf("\n%s", _(verb->details));
}

static Status run_verb(const Verb *verb, int argc, char *argv[]) {
        Options options;
        Status status;

        status = options_parse(verb->options, argc, argv, &options);
        if (status != STATUS_OK)
                return status;
        if (options.help) {
                print_verb_help(verb);
                return STATUS_OK;
        }
        if (options.n_arguments < verb->min_arguments || options.n_arguments > verb->max_arguments)
                return complain(STATUS_USAGE,
                                _("%s: wrong number of arguments. Usage: vnicctl %s [OPTION...]%s"),
                                verb->name, verb->name, verb->synopsis);
        status = verb->run(&options);
        if (status == STATUS_AUTH_REQUIRED && verb->options & OPTIONS_ASK)
                fputs(_("In a terminal vnicctl lets polkit ask, unless --no-ask is given; with --ask it does so elsewhere too.\n"),
                                stderr);
        return status;
}

static Status dispatch(int argc, char *argv[]) {
        const char *word = argc > 1 ? argv[1] : NULL;
        const Verb *verb;

        if (!word)
                return complain(STATUS_USAGE, _("A verb is missing; see vnicctl --help."));
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
                print_help();
                return STATUS_OK;
        }
        if (strcmp(word, "--version") == 0) {
                puts("vnicctl " VNICD_VERSION);
                return STATUS_OK;
        }
        verb = find_verb(word);
        if (!verb)
                return complain(STATUS_USAGE, _("There is no verb '%s'; see vnicctl --help."),
                                word);
        return run_verb(verb, argc - 1, argv + 1);
}

int main(int argc, char *argv[]) {
        standard_fds_open();
        language_start();
        return (int)dispatch(argc, argv);
}
