/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration from real files in a folder of the test's own: what it grants, and that
 * whatever is not exactly right is refused with its file and line. The users and groups are some
 * that every Debian has.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "testing.h"

#define ALICE 4001 /* nobody needs to have this uid */
#define VM    4100
#define LAB   4200

typedef struct Folder {
        char path[64];
} Folder;

static int make_folder(void **state) {
        Folder *folder = calloc(1, sizeof(Folder));

        assert_non_null(folder);
        umask(022);
        strcpy(folder->path, "/tmp/vnicd-config-XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        assert_int_equal(chmod(folder->path, 0755), 0);
        *state = folder;
        return 0;
}

static int remove_folder(void **state) {
        Folder *folder = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -rf -- '%s'", folder->path);
        assert_int_equal(system(command), 0);
        free(folder);
        return 0;
}

static void path_of(const Folder *folder, const char *name, char path[static 512]) {
        snprintf(path, 512, "%s/%s", folder->path, name);
}

static void put_bytes(const Folder *folder, const char *name, const void *bytes, size_t size) {
        char path[512];
        FILE *file;

        path_of(folder, "vnicd.conf.d", path);
        if (mkdir(path, 0755) < 0)
                assert_int_equal(errno, EEXIST);
        path_of(folder, name, path);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
}

static void put(const Folder *folder, const char *name, const char *text) {
        put_bytes(folder, name, text, strlen(text));
}

static Config *load(const Folder *folder) {
        Failure failure = FAILURE_INIT;
        Config *config = NULL;

        if (config_load(&config, folder->path, &failure) < 0)
                fail_msg("refused: %s", failure.text);
        return config;
}

static Config *load_text(const Folder *folder, const char *text) {
        put(folder, "vnicd.conf", text);
        return load(folder);
}

/* Checks that the failure names the place, "vnicd.conf:2" for example, and contains the text. */
static void assert_refused(const Folder *folder, const char *what, const char *words) {
        Failure failure = FAILURE_INIT;
        Config *config = NULL;
        char place[600];

        if (config_load(&config, folder->path, &failure) != -EINVAL)
                fail_msg("taken, where %s has: %s", what, words);
        assert_null(config);
        assert_int_equal(failure.kind, FAILURE_INVALID_CONFIGURATION);
        snprintf(place, sizeof(place), "%s/%s: ", folder->path, what);
        if (strncmp(failure.text, place, strlen(place)) != 0 || !strstr(failure.text, words))
                fail_msg("expected %s \"%s\", got: %s", what, words, failure.text);
        assert_int_equal(failure.text[strlen(failure.text) - 1], '.');
}

static void assert_text_refused(
                const Folder *folder, const char *text, const char *line, const char *words) {
        char what[64];

        snprintf(what, sizeof(what), "vnicd.conf:%s", line);
        put(folder, "vnicd.conf", text);
        assert_refused(folder, what, words);
}

static void assert_limits(const Config *config, const Subject *subject, unsigned endpoints,
                unsigned queues, unsigned creations) {
        Limits limits = config_limits(config, subject);

        assert_int_equal(limits.endpoints, endpoints);
        assert_int_equal(limits.queues, queues);
        assert_int_equal(limits.creations, creations);
}

static const gid_t vm_and_lab[] = { 5, VM, 7, LAB };
static const Subject alice = { .uid = ALICE };
static const Subject alice_in_vm = { ALICE, vm_and_lab + 1, 1 };
static const Subject alice_in_both = { ALICE, vm_and_lab, 4 };
static const Subject bob = { .uid = ALICE + 1 };
static const Subject root = { .uid = 0 };

static void without_files_the_defaults_hold(void **state) {
        Config *config = load(*state);

        assert_limits(config, &alice, 32, 64, 100);
        assert_int_equal(config_ports_per_bridge(config), 1023);
        assert_int_equal(config_bridge_access(config, &alice, "br0"), BRIDGE_ASK);
        assert_false(config_knows_groups(config));
        config_free(config);
}

static void without_a_folder_the_defaults_hold(void **state) {
        const Folder nowhere = { "/tmp/there-is-no-such-folder/vnicd" };
        Config *config = load(&nowhere);

        assert_limits(config, &alice, 32, 64, 100);
        config_free(config);
}

static void an_empty_file_and_one_of_comments_say_nothing(void **state) {
        static const char *const texts[] = { "", "\n\n", "# words", "; words\n", "   # words\n\t\n",
                "# \xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7\n", "[Limits]", "[Limits]\n" };

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                Config *config = load_text(*state, texts[i]);

                assert_limits(config, &alice, 32, 64, 100);
                config_free(config);
        }
}

static void limits_are_for_every_user(void **state) {
        Config *config = load_text(*state,
                        "[Limits]\nEndpoints=5\nQueues = 6\n  Creations=7\nPortsPerBridge=8");

        assert_limits(config, &alice, 5, 6, 7);
        assert_limits(config, &root, 5, 6, 7);
        assert_int_equal(config_ports_per_bridge(config), 8);
        config_free(config);
}

static void a_users_section_beats_his_groups_and_a_groups_beats_limits(void **state) {
        Config *config = load_text(*state,
                        "[Limits]\nEndpoints=50\nQueues=51\nCreations=52\n"
                        "[Group 4100]\nEndpoints=10\nQueues=11\n"
                        "[User 4001]\nEndpoints=3\n");

        assert_limits(config, &alice, 3, 51, 52);
        assert_limits(config, &alice_in_vm, 3, 11, 52);
        assert_limits(config, &bob, 50, 51, 52);
        assert_true(config_knows_groups(config));
        config_free(config);
}

static void of_several_groups_the_largest_number_counts(void **state) {
        Config *config = load_text(*state,
                        "[Group 4100]\nEndpoints=10\nQueues=200\n"
                        "[Group 4200]\nEndpoints=20\nQueues=100\nCreations=1\n");

        assert_limits(config, &alice_in_both, 20, 200, 1);
        assert_limits(config, &alice_in_vm, 10, 200, 100);
        config_free(config);
}

static void nought_means_none(void **state) {
        Config *config = load_text(*state,
                        "[User 4001]\nEndpoints=0\nQueues=0\nCreations=0\n"
                        "[Group 4100]\nEndpoints=9\n");

        assert_limits(config, &alice_in_vm, 0, 0, 0);
        config_free(config);
}

static void bridges_are_granted_to_users_groups_and_all(void **state) {
        Config *config = load_text(*state,
                        "[User *]\nAllowBridges=pub0\n"
                        "[Group 4100]\nAllowBridges=vm0\tvm1\n"
                        "[User 4001]\nAllowBridges=  own0  own1 -\n");

        assert_int_equal(config_bridge_access(config, &bob, "pub0"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &bob, "vm0"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &bob, "own0"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &bob, "-"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &alice, "vm0"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &alice, "own1"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &alice, "-"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &alice_in_both, "vm1"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &alice_in_both, "vm"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &alice_in_both, "vm01"), BRIDGE_ASK);
        config_free(config);
}

static void a_name_too_long_is_not_taken_for_its_beginning(void **state) {
        Config *config = load_text(*state, "[User *]\nAllowBridges=abcdefghijklmno\n");

        assert_int_equal(config_bridge_access(config, &bob, "abcdefghijklmno"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &bob, "abcdefghijklmnop"), BRIDGE_ASK);
        config_free(config);
}

static void deny_wins_over_every_allow_whosever_it_is(void **state) {
        static const char *const texts[] = {
                "[User 4001]\nAllowBridges=br0\n[User *]\nDenyBridges=br0\n",
                "[User *]\nAllowBridges=br0\n[User 4001]\nDenyBridges=br0\n",
                "[User 4001]\nAllowBridges=br0\n[Group 4100]\nDenyBridges=br0\n",
                "[User 4001]\nAllowBridges=br0\n[Group 4200]\nDenyBridges=*\n",
                "[Group 4100]\nAllowBridges=br0\n[Group 4200]\nDenyBridges=br0\n",
                "[Group 4100]\nDenyBridges=br0\nAllowBridges=br0\n",
                "[Group 4100]\nAllowBridges=*\nDenyBridges=br0\n",
                "[Group 4100]\nDenyBridges=br0\n",
        };

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                Config *config = load_text(*state, texts[i]);

                assert_int_equal(
                                config_bridge_access(config, &alice_in_both, "br0"), BRIDGE_DENIED);
                assert_int_equal(config_bridge_access(config, &root, "br0"), BRIDGE_GRANTED);
                config_free(config);
        }
}

/* The bus reports none. */
static void of_unknown_groups_denials_count_and_grants_do_not(void **state) {
        static const Subject unknown = { .uid = ALICE, .groups_unknown = true };
        static const Subject nobody_knows_root = { .uid = 0, .groups_unknown = true };
        static const Subject other = { .uid = ALICE + 1, .groups_unknown = true };
        static const char *const denials[] = {
                "[Group 4100]\nDenyBridges=br0\n",
                "[Group 4100]\nAllowBridges=br1\n[Group 4200]\nDenyBridges=*\n",
                "[User 4001]\nAllowBridges=br0\n[Group 4300]\nDenyBridges=br0\n",
                "[Group 1]\nAllowBridges=a\n[Group 2]\nAllowBridges=a\n[Group 3]\nDenyBridges=br0\n"
                "[Group 4]\nAllowBridges=br0\n",
        };
        Config *config;

        for (size_t i = 0; i < ELEMENTS(denials); i++) {
                config = load_text(*state, denials[i]);
                assert_int_equal(config_bridge_access(config, &unknown, "br0"), BRIDGE_DENIED);
                assert_int_equal(config_bridge_access(config, &nobody_knows_root, "br0"),
                                BRIDGE_GRANTED);
                config_free(config);
        }
        config = load_text(*state,
                        "[Group 4100]\nAllowBridges=br0 -\nDenyBridges=br1\n"
                        "[User 4001]\nAllowBridges=own0\n");
        assert_int_equal(config_bridge_access(config, &unknown, "br0"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &unknown, "-"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &unknown, "own0"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &unknown, "br1"), BRIDGE_DENIED);
        config_free(config);

        /* Denials of another user do not apply to them. */
        config = load_text(*state, "[User 4001]\nDenyBridges=br0\nEndpoints=0\n");
        assert_int_equal(config_bridge_access(config, &unknown, "br0"), BRIDGE_DENIED);
        assert_int_equal(config_bridge_access(config, &other, "br0"), BRIDGE_ASK);
        assert_limits(config, &other, 32, 64, 100);
        config_free(config);
}

/* A limit of zero endpoints is a denial, too. */
static void of_unknown_groups_the_least_counts_and_never_more_than_everybodys(void **state) {
        static const Subject unknown = { .uid = ALICE, .groups_unknown = true };
        static const Subject other = { .uid = ALICE + 1, .groups_unknown = true };
        Config *config = load_text(*state,
                        "[Limits]\nEndpoints=16\n[Group 4100]\nEndpoints=0\nQueues=128\n"
                        "[Group 4200]\nEndpoints=200\nCreations=7\n[User 4001]\nCreations=9\n");

        assert_limits(config, &unknown, 0, 64, 9);
        assert_limits(config, &other, 0, 64, 7);
        assert_limits(config, &alice_in_vm, 0, 128, 9);
        assert_limits(config, &bob, 16, 64, 100);
        config_free(config);
}

static void a_star_allows_every_bridge_but_not_a_tap_on_none(void **state) {
        Config *config = load_text(*state, "[User *]\nAllowBridges=*\n");

        assert_int_equal(config_bridge_access(config, &bob, "br7"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &bob, "-"), BRIDGE_ASK);
        assert_int_equal(config_bridge_access(config, &bob, ""), BRIDGE_ASK);
        config_free(config);
}

static void a_star_denies_everything(void **state) {
        Config *config = load_text(*state, "[User *]\nDenyBridges=*\n");

        assert_int_equal(config_bridge_access(config, &bob, "br7"), BRIDGE_DENIED);
        assert_int_equal(config_bridge_access(config, &bob, "-"), BRIDGE_DENIED);
        config_free(config);
}

static void names_of_users_and_groups_are_resolved(void **state) {
        const struct passwd *user = getpwnam("nobody");
        const struct group *group = getgrnam("mail");
        Config *config;

        assert_non_null(user);
        assert_non_null(group);
        config = load_text(*state,
                        "[User nobody]\nEndpoints=9\nAllowBridges=br0\n"
                        "[Group mail]\nAllowBridges=br1\n");
        {
                const gid_t gid = group->gr_gid;
                const Subject nobody = { user->pw_uid, &gid, 1 };

                assert_limits(config, &nobody, 9, 64, 100);
                assert_int_equal(config_bridge_access(config, &nobody, "br0"), BRIDGE_GRANTED);
                assert_int_equal(config_bridge_access(config, &nobody, "br1"), BRIDGE_GRANTED);
                assert_int_equal(config_bridge_access(config, &alice, "br1"), BRIDGE_ASK);
        }
        config_free(config);
}

static void a_name_and_its_number_are_the_same_section(void **state) {
        char text[128];

        snprintf(text, sizeof(text), "[User nobody]\nEndpoints=1\n[User %u]\nEndpoints=2\n",
                        getpwnam("nobody")->pw_uid);
        assert_text_refused(*state, text, "4", "twice");
}

static void later_files_win_for_numbers_and_lists_add_up(void **state) {
        const Folder *folder = *state;
        Config *config;

        put(folder, "vnicd.conf", "[Limits]\nEndpoints=1\nQueues=1\n[User *]\nAllowBridges=a0\n");
        put(folder, "vnicd.conf.d/20-b.conf", "[Limits]\nEndpoints=3\n[User *]\nAllowBridges=b0\n");
        put(folder, "vnicd.conf.d/10-z.conf", "[Limits]\nEndpoints=2\nQueues=2\n");
        put(folder, "vnicd.conf.d/30.conf.dpkg-new", "[Limits]\nEndpoints=4\n");
        put(folder, "vnicd.conf.d/.40.conf", "[Limits]\nEndpoints=5\n");
        put(folder, "vnicd.conf.d/README", "words\n");
        config = load(folder);
        assert_limits(config, &alice, 3, 2, 100);
        assert_int_equal(config_bridge_access(config, &bob, "a0"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &bob, "b0"), BRIDGE_GRANTED);
        config_free(config);
}

static void a_section_may_go_on_in_the_same_file(void **state) {
        Config *config = load_text(*state,
                        "[User 4001]\nEndpoints=1\nAllowBridges=a0\nAllowBridges=b0\n[Limits]\n"
                        "[User 4001]\nQueues=2\nAllowBridges=c0\n");

        assert_limits(config, &alice, 1, 2, 100);
        assert_int_equal(config_bridge_access(config, &alice, "a0"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &alice, "b0"), BRIDGE_GRANTED);
        assert_int_equal(config_bridge_access(config, &alice, "c0"), BRIDGE_GRANTED);
        config_free(config);
}

static void a_failure_in_a_later_file_names_that_file(void **state) {
        put(*state, "vnicd.conf", "[Limits]\nEndpoints=1\n");
        put(*state, "vnicd.conf.d/50-more.conf", "\n[Limits]\nEndpoint=1\n");
        assert_refused(*state, "vnicd.conf.d/50-more.conf:3", "no key 'Endpoint'");
}

static void the_first_of_several_errors_is_told(void **state) {
        assert_text_refused(*state, "[Limits]\nEndpoints=x\nwords\n[Odd]\nQueues=y\n", "2", "'x'");
        assert_text_refused(*state, "[Limits]\nwords\nEndpoints=x\n", "2", "neither");
}

static void sections_and_keys_that_do_not_exist_are_refused(void **state) {
        assert_text_refused(*state, "[Limit]\n", "1", "no section [Limit]");
        assert_text_refused(*state, "\n[limits]\nEndpoints=1\n", "2", "no section");
        assert_text_refused(*state, "[]\n", "1", "no section");
        assert_text_refused(*state, "[User]\n", "1", "no section");
        assert_text_refused(*state, "[User ]\n", "1", "no section");
        assert_text_refused(*state, "[User a b]\n", "1", "no section");
        assert_text_refused(*state, "[User  nobody]\n", "1", "no section");
        assert_text_refused(*state, "[Username]\n", "1", "no section");
        assert_text_refused(*state, "[Limits]\nendpoints=1\n", "2", "no key");
        assert_text_refused(*state, "[Limits]\n=1\n", "2", "no key");
        assert_text_refused(*state, "# words\nEndpoints=1\n", "2", "outside of a section");
}

static void what_is_no_ini_is_refused(void **state) {
        assert_text_refused(*state, "[Limits]\nEndpoints\n", "2", "neither");
        assert_text_refused(*state, "[Limits]\nEndpoints: 3\n", "2", "neither");
        assert_text_refused(*state, "[Limits\nEndpoints=3\n", "1", "ends with ']'");
        assert_text_refused(*state, "[Limits] Endpoints=3\n", "1", "nothing follows");
        assert_text_refused(*state, "[User a]b]\n", "1", "nothing follows");
        assert_text_refused(*state, "[\n", "1", "ends with ']'");
}

static void a_number_has_one_spelling_and_a_range(void **state) {
        static const char *const bad[] = { "", "x", "-1", "+1", "0x10", "1e3", "01", "00", "1 2",
                "1.0", "1k", "4097", "4294967297", "99999999999999999999", "\"5\"", "5," };
        char text[128];

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                snprintf(text, sizeof(text), "[Limits]\nEndpoints=%s\n", bad[i]);
                assert_text_refused(*state, text, "2", "from 0 to 4096");
        }
        assert_text_refused(*state, "[Limits]\nQueues=65537\n", "2", "to 65536");
        assert_text_refused(*state, "[Limits]\nCreations=100001\n", "2", "to 100000");
        assert_text_refused(*state, "[Limits]\nPortsPerBridge=0\n", "2", "from 1 to 1023");
        assert_text_refused(*state, "[Limits]\nPortsPerBridge=1024\n", "2", "from 1 to 1023");
}

static void the_largest_numbers_are_taken(void **state) {
        Config *config = load_text(*state,
                        "[Limits]\nEndpoints=4096\nQueues=65536\n"
                        "Creations=100000\nPortsPerBridge=1023\n");

        assert_limits(config, &alice, 4096, 65536, 100000);
        config_free(config);
}

static void keys_have_their_sections(void **state) {
        assert_text_refused(*state, "[Limits]\nAllowBridges=br0\n", "2", "into [User *]");
        assert_text_refused(*state, "[Limits]\nDenyBridges=br0\n", "2", "into [User *]");
        assert_text_refused(*state, "[User *]\nEndpoints=1\n", "2", "into [Limits]");
        assert_text_refused(*state, "[User *]\nPortsPerBridge=1\n", "2", "into [Limits]");
        assert_text_refused(*state, "[User 7]\nPortsPerBridge=1\n", "2", "into [Limits]");
        assert_text_refused(*state, "[Group 7]\nPortsPerBridge=1\n", "2", "into [Limits]");
        assert_text_refused(*state, "[Group *]\n", "1", "no section for all groups");
        assert_text_refused(*state, "[Limits]\nAllowLearntMacs=br0\n", "2", "into [User *]");
        assert_text_refused(*state, "[Bridges]\nAllowLearntMacs=br0\n", "2", "into [User *]");
        assert_text_refused(*state, "[Bridges]\nAllowBridges=br0\n", "2", "about no user");
        assert_text_refused(*state, "[Bridges]\nPortsPerBridge=1\n", "2", "into [Limits]");
        assert_text_refused(*state, "[Limits]\nBpduGuard=yes\n", "2", "into [Bridges]");
        assert_text_refused(*state, "[User *]\nBpduGuard=yes\n", "2", "into [Bridges]");
}

static void endpoints_go_back_on_their_bridges_unless_that_is_turned_off(void **state) {
        Config *config = load_text(*state, "");

        assert_true(config_rejoins_bridges(config));
        config_free(config);
        config = load_text(*state, "[Bridges]\nRejoinBridges=no\n");
        assert_false(config_rejoins_bridges(config));
        config_free(config);
        put(*state, "vnicd.conf.d/10.conf", "[Bridges]\nRejoinBridges=yes\n");
        config = load(*state);
        assert_true(config_rejoins_bridges(config));
        config_free(config);
        assert_text_refused(*state, "[Bridges]\nRejoinBridges=1\n", "2", "takes yes or no");
        assert_text_refused(*state, "[Limits]\nRejoinBridges=yes\n", "2", "into [Bridges]");
}

static void learnt_macs_are_allowed_on_the_bridges_that_are_listed(void **state) {
        static const Subject unknown = { .uid = ALICE, .groups_unknown = true };
        Config *config = load_text(*state,
                        "[User *]\nAllowLearntMacs=pub0\nAllowBridges=own0\n"
                        "[Group 4100]\nAllowLearntMacs=vm0 vm1\n[User 4001]\nAllowLearntMacs=*\n");

        assert_true(config_allows_learnt_macs(config, &bob, "pub0"));
        assert_false(config_allows_learnt_macs(config, &bob, "own0"));
        assert_false(config_allows_learnt_macs(config, &bob, "vm0"));
        assert_true(config_allows_learnt_macs(config, &alice, "any0"));
        assert_true(config_allows_learnt_macs(config, &root, "own0"));
        assert_int_equal(config_bridge_access(config, &alice, "vm0"), BRIDGE_ASK);
        config_free(config);
        config = load_text(*state, "[Group 4100]\nAllowLearntMacs=vm0\n");
        assert_true(config_allows_learnt_macs(config, &alice_in_vm, "vm0"));
        assert_false(config_allows_learnt_macs(config, &alice_in_vm, "vm1"));
        assert_false(config_allows_learnt_macs(config, &alice, "vm0"));
        assert_false(config_allows_learnt_macs(config, &unknown, "vm0"));
        config_free(config);
        assert_text_refused(*state, "[User *]\nAllowLearntMacs=-\n", "2", "learns a MAC");
        assert_text_refused(*state, "[User *]\nAllowLearntMacs=\n", "2", "names no bridge");
}

static void a_switch_is_yes_or_no_and_the_last_file_counts(void **state) {
        Config *config = load_text(*state, "[Bridges]\n");

        assert_false(config_bpdu_guard(config));
        config_free(config);
        config = load_text(*state, "[Bridges]\nBpduGuard=yes\n");
        assert_true(config_bpdu_guard(config));
        config_free(config);
        put(*state, "vnicd.conf.d/10.conf", "[Bridges]\nBpduGuard=no\n");
        config = load(*state);
        assert_false(config_bpdu_guard(config));
        config_free(config);
        assert_text_refused(*state, "[Bridges]\nBpduGuard=1\n", "2", "takes yes or no");
        assert_text_refused(*state, "[Bridges]\nBpduGuard=\n", "2", "takes yes or no");
        assert_text_refused(*state, "[Bridges]\nBpduGuard=yes\nBpduGuard=yes\n", "3", "twice");
}

static void a_number_twice_in_one_file_is_refused(void **state) {
        assert_text_refused(*state, "[Limits]\nQueues=1\nQueues=1\n", "3", "twice");
        assert_text_refused(
                        *state, "[User 7]\nQueues=1\n[Limits]\n[User 7]\nQueues=2\n", "5", "twice");
}

static void names_that_no_bridge_can_have_are_refused(void **state) {
        static const char *const bad[] = { "abcdefghijklmnop", "-rf", ".", "..", ".x", "a/b", "br*",
                "$(id)", "br0,br1", "\"br0\"", "a:b", "--", "**", "br%d" };
        char text[128];

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                snprintf(text, sizeof(text), "[User *]\nDenyBridges=br0 %s\n", bad[i]);
                assert_text_refused(*state, text, "2", "cannot be the name");
        }
        assert_text_refused(*state, "[User *]\nDenyBridges=\n", "2", "names no bridge");
        assert_text_refused(*state, "[User *]\nAllowBridges=  \n", "2", "names no bridge");
}

static void users_and_groups_that_are_unknown_are_refused(void **state) {
        assert_text_refused(*state, "[User no-such-user]\nDenyBridges=br0\n", "1", "no user");
        assert_text_refused(*state, "[Group no-such-group]\n", "1", "no group");
        assert_text_refused(*state, "[User 4294967295]\n", "1", "no number of a user");
        assert_text_refused(*state, "[Group 4294967295]\n", "1", "no number of a group");
        assert_text_refused(*state, "[User 99999999999]\n", "1", "no number of a user");
        assert_text_refused(*state, "[User 007]\n", "1", "no number of a user");
        assert_text_refused(*state, "[User -1]\n", "1", "no user");
}

static void sections_about_root_are_refused(void **state) {
        assert_text_refused(*state, "[User root]\n", "1", "Root is bound by no section");
        assert_text_refused(*state, "[User 0]\nDenyBridges=br0\n", "1", "Root is bound");
}

/* inih splits a line that is too long into two. */
static void a_long_list_works_or_is_refused_but_is_never_cut(void **state) {
        for (size_t n = 1; n < 400; n++) {
                char text[8192] = "[User 4001]\nDenyBridges=";
                Failure failure = FAILURE_INIT;
                Config *config = NULL;
                int r;

                for (size_t i = 0; i < n; i++)
                        sprintf(text + strlen(text), "b%zu ", i);
                put(*state, "vnicd.conf", text);
                r = config_load(&config, ((Folder *)*state)->path, &failure);
                if (r < 0) {
                        assert_non_null(strstr(failure.text, "vnicd.conf:2: The line is too long"));
                        continue;
                }
                for (size_t i = 0; i < n; i++) {
                        char name[16];

                        snprintf(name, sizeof(name), "b%zu", i);
                        assert_int_equal(config_bridge_access(config, &alice, name), BRIDGE_DENIED);
                }
                config_free(config);
        }
}

static void lines_of_every_length_have_their_own_number(void **state) {
        for (size_t n = 1; n < 1000; n++) {
                char text[2048] = "[Limits]\n#", what[32] = "3";

                memset(text + strlen(text), 'x', n);
                strcat(text, "\nwords\n");
                assert_text_refused(*state, text, what, "neither");
        }
}

static void a_long_comment_is_not_divided(void **state) {
        char text[2048] = "[Limits]\nQueues=1\n#";
        Config *config;

        memset(text + strlen(text), ' ', 190);
        strcat(text, "        Queues=5\n# Endpoints=5\n");
        config = load_text(*state, text);
        assert_limits(config, &alice, 32, 1, 100);
        config_free(config);
}

static void an_indented_line_does_not_continue_the_one_before(void **state) {
        assert_text_refused(*state, "[User *]\nAllowBridges=br0\n  br1\n", "3", "neither");
        assert_text_refused(*state, "[User *]\nAllowBridges=br0\n  DenyBridges=/\n", "3", "'/'");
}

static void a_comment_after_a_value_is_refused(void **state) {
        assert_text_refused(*state, "[Limits]\nQueues=1 ; words\n", "2", "line of its own");
        assert_text_refused(*state, "[Limits]\nQueues=1 # words\n", "2", "line of its own");
        assert_text_refused(*state, "[User *]\nDenyBridges=br0 ;br1\n", "2", "line of its own");
        assert_text_refused(*state, "[Limits] # words\n", "1", "line of its own");
}

static void the_heading_of_a_section_is_never_cut(void **state) {
        char text[256], name[120];

        for (size_t n = 30; n < 120; n++) {
                memset(name, '0', n);
                name[0] = '1';
                name[n - 1] = '\0';
                snprintf(text, sizeof(text), "[User %s]\nDenyBridges=br0\n", name);
                assert_text_refused(*state, text, "1", "no number of a user");
                memset(name, 'x', n - 1);
                snprintf(text, sizeof(text), "[User %s]\n", name);
                assert_text_refused(*state, text, "1", "no user");
        }
}

static void odd_bytes_are_refused_also_in_comments(void **state) {
        const Folder *folder = *state;

        assert_text_refused(folder, "[Limits]\r\nQueues=1\r\n", "1", "0x0d");
        assert_text_refused(folder, "#\n# \x01\n", "2", "0x01");
        assert_text_refused(folder, "# \x7f\n", "1", "0x7f");
        assert_text_refused(folder, "# \xc2\x85\n", "1", "0x85");
        assert_text_refused(folder, "# \xff\n", "1", "not UTF-8");
        assert_text_refused(folder, "# \xc3", "1", "not UTF-8");
        assert_text_refused(folder, "# \xc0\xaf\n", "1", "not UTF-8");
        assert_text_refused(folder, "# \xed\xa0\x80\n", "1", "not UTF-8");
        assert_text_refused(folder, "# \xf4\x90\x80\x80\n", "1", "not UTF-8");
        assert_text_refused(folder, "[User b\xc3\xb6rn]\n", "1", "ASCII only");
        assert_text_refused(folder, "\xef\xbb\xbf[Limits]\n", "1", "byte order mark");
        assert_text_refused(folder, "\xef\xbb\xbf# words\n", "1", "byte order mark");
        put_bytes(folder, "vnicd.conf", "[Limits]\nQueues=1\0\n[Odd]\n", 25);
        assert_refused(folder, "vnicd.conf:2", "0x00");
        put_bytes(folder, "vnicd.conf", "#\0\n[Odd]\n", 9);
        assert_refused(folder, "vnicd.conf:1", "0x00");
        put_bytes(folder, "vnicd.conf", "[Limits]\n\0", 10);
        assert_refused(folder, "vnicd.conf:2", "0x00");
}

static void a_file_of_more_than_a_mebibyte_is_refused(void **state) {
        size_t size = (1 << 20) + 1;
        char *text = malloc(size);

        assert_non_null(text);
        memset(text, '\n', size);
        put_bytes(*state, "vnicd.conf", text, size - 1);
        config_free(load(*state));
        put_bytes(*state, "vnicd.conf", text, size);
        assert_refused(*state, "vnicd.conf", "1 MiB");
        free(text);
}

static void many_bridges_over_many_lines_are_all_known(void **state) {
        char *text = calloc(1, 1 << 20), *end = text;
        Config *config;

        end += sprintf(end, "[User 4001]\n");
        for (int i = 0; i < 20000; i++)
                end += sprintf(end, "AllowBridges=b%d\n", i);
        config = load_text(*state, text);
        for (int i = 0; i < 20000; i++) {
                char name[16];

                snprintf(name, sizeof(name), "b%d", i);
                assert_int_equal(config_bridge_access(config, &alice, name), BRIDGE_GRANTED);
        }
        config_free(config);
        free(text);
}

static void what_others_can_write_is_refused(void **state) {
        const Folder *folder = *state;
        char path[512];

        put(folder, "vnicd.conf", "[Limits]\n");
        put(folder, "vnicd.conf.d/a.conf", "[Limits]\n");
        path_of(folder, "vnicd.conf.d/a.conf", path);
        assert_int_equal(chmod(path, 0664), 0);
        assert_refused(folder, "vnicd.conf.d/a.conf", "chmod go-w");
        assert_int_equal(chmod(path, 0646), 0);
        assert_refused(folder, "vnicd.conf.d/a.conf", "chmod go-w");
        assert_int_equal(chmod(path, 0600), 0);
        config_free(load(folder));
        path_of(folder, "vnicd.conf.d", path);
        assert_int_equal(chmod(path, 0775), 0);
        assert_refused(folder, "vnicd.conf.d", "chmod go-w");
        assert_int_equal(chmod(path, 0755), 0);
        assert_int_equal(chmod(folder->path, 01777), 0);
        put(folder, "vnicd.conf", "[Odd]\n");
        {
                Failure failure = FAILURE_INIT;
                Config *config = NULL;

                assert_int_equal(config_load(&config, folder->path, &failure), -EINVAL);
                assert_non_null(strstr(failure.text, "chmod go-w"));
        }
}

static void what_belongs_to_somebody_else_is_refused(void **state) {
        const Folder *folder = *state;
        char path[512];

        if (geteuid() != 0)
                skip();
        put(folder, "vnicd.conf", "[Limits]\n");
        path_of(folder, "vnicd.conf", path);
        assert_int_equal(chown(path, ALICE, 0), 0);
        assert_refused(folder, "vnicd.conf", "chown root");
        assert_int_equal(chown(path, 0, VM), 0);
        config_free(load(folder));
        path_of(folder, "vnicd.conf.d", path);
        assert_int_equal(chown(path, ALICE, 0), 0);
        assert_refused(folder, "vnicd.conf.d", "chown root");
}

static void what_is_no_plain_file_is_refused(void **state) {
        const Folder *folder = *state;
        char path[512];

        put(folder, "vnicd.conf.d/z.conf", "");
        path_of(folder, "vnicd.conf", path);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_refused(folder, "vnicd.conf", "no plain file");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0644), 0);
        assert_refused(folder, "vnicd.conf", "no plain file");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/dev/null", path), 0);
        assert_int_equal(unlink(path), 0);
        path_of(folder, "vnicd.conf.d/a.conf", path);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_refused(folder, "vnicd.conf.d/a.conf", "no plain file");
}

static void a_file_that_cannot_be_read_is_refused(void **state) {
        const Folder *folder = *state;
        char path[512];
        int parent;

        put(folder, "vnicd.conf", "[Limits]\n");
        path_of(folder, "vnicd.conf", path);
        assert_int_equal(chmod(path, 0), 0);
        parent = geteuid() == 0;
        if (parent)
                assert_int_equal(seteuid(ALICE), 0);
        assert_refused(folder, "vnicd.conf", "Cannot be read");
        if (parent)
                assert_int_equal(seteuid(0), 0);
}

static void a_link_that_leads_nowhere_is_refused(void **state) {
        static const char *const names[] = { "vnicd.conf", "vnicd.conf.d/a.conf" };
        char path[512];

        put(*state, "vnicd.conf.d/z.conf", "");
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                path_of(*state, names[i], path);
                assert_int_equal(symlink("nowhere", path), 0);
                assert_refused(*state, names[i], "leads nowhere");
                assert_int_equal(unlink(path), 0);
        }
}

static void a_link_to_a_file_is_followed(void **state) {
        Config *config;
        char path[512];

        put(*state, "elsewhere", "[Limits]\nQueues=3\n");
        path_of(*state, "vnicd.conf", path);
        assert_int_equal(symlink("elsewhere", path), 0);
        config = load(*state);
        assert_limits(config, &alice, 32, 3, 100);
        config_free(config);
}

static void an_endless_file_name_does_not_hide_the_reason(void **state) {
        char name[300] = "vnicd.conf.d/";
        Failure failure = FAILURE_INIT;
        Config *config = NULL;

        memset(name + strlen(name), 'n', 240);
        strcat(name, ".conf");
        put(*state, name, "[Odd]\n");
        assert_int_equal(config_load(&config, ((Folder *)*state)->path, &failure), -EINVAL);
        assert_non_null(strstr(failure.text, "no section [Odd]"));
}

static void a_refused_word_is_shown_as_plain_ascii(void **state) {
        put(*state, "vnicd.conf.d/\xc3\xa4\x1b\xff.conf", "[Odd]\n");
        assert_refused(*state, "vnicd.conf.d/????.conf:1", "no section");
}

static void nothing_is_freed(void **state) {
        assert_null(config_free(NULL));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static void put_network(const Folder *folder, const char *name, const char *text) {
        char path[512];

        path_of(folder, "networks", path);
        if (mkdir(path, 0755) < 0)
                assert_int_equal(errno, EEXIST);
        put(folder, name, text);
}

static void each_file_of_networks_is_a_network(void **state) {
        Config *config;

        put_network(*state, "networks/a0.conf", "[Network]\nKind=nat\n");
        put_network(*state, "networks/a-b.conf", "[Network]\nKind=isolated\n");
        put_network(*state, "networks/a.conf", "[Network]\nKind=isolated\nPortsMax=3\n");
        put_network(*state, "networks/notes.txt", "nothing\n");
        config = load(*state);
        assert_string_equal(config_network_at(config, 0)->name, "a");
        assert_string_equal(config_network_at(config, 1)->name, "a-b");
        assert_string_equal(config_network_at(config, 2)->name, "a0");
        assert_null(config_network_at(config, 3));
        assert_int_equal(config_network(config, "a0")->kind, NETWORK_NAT);
        assert_int_equal(config_network(config, "a")->ports_max, 3);
        assert_non_null(config_network(config, "a-b"));
        assert_null(config_network(config, "notes"));
        assert_null(config_network(config, ""));
        config_free(config);
}

static void a_bad_network_makes_no_configuration(void **state) {
        Failure failure = FAILURE_INIT;
        const Folder *folder = *state;
        Config *config;

        put_network(folder, "networks/a.conf", "[Network]\nKind=nat\n");
        put_network(folder, "networks/b.conf", "[Network]\nKind=lan\n");
        assert_int_equal(config_load(&config, folder->path, &failure), -EINVAL);
        assert_int_equal(failure.kind, FAILURE_INVALID_CONFIGURATION);
        assert_non_null(strstr(failure.text, "networks/b.conf:2: "));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(without_files_the_defaults_hold),
                CASE(without_a_folder_the_defaults_hold),
                CASE(an_empty_file_and_one_of_comments_say_nothing),
                CASE(limits_are_for_every_user),
                CASE(a_users_section_beats_his_groups_and_a_groups_beats_limits),
                CASE(of_several_groups_the_largest_number_counts),
                CASE(nought_means_none),
                CASE(bridges_are_granted_to_users_groups_and_all),
                CASE(of_unknown_groups_denials_count_and_grants_do_not),
                CASE(of_unknown_groups_the_least_counts_and_never_more_than_everybodys),
                CASE(a_name_too_long_is_not_taken_for_its_beginning),
                CASE(deny_wins_over_every_allow_whosever_it_is),
                CASE(a_star_allows_every_bridge_but_not_a_tap_on_none),
                CASE(a_star_denies_everything),
                CASE(names_of_users_and_groups_are_resolved),
                CASE(a_name_and_its_number_are_the_same_section),
                CASE(later_files_win_for_numbers_and_lists_add_up),
                CASE(a_section_may_go_on_in_the_same_file),
                CASE(a_failure_in_a_later_file_names_that_file),
                CASE(the_first_of_several_errors_is_told),
                CASE(sections_and_keys_that_do_not_exist_are_refused),
                CASE(what_is_no_ini_is_refused),
                CASE(a_number_has_one_spelling_and_a_range),
                CASE(the_largest_numbers_are_taken),
                CASE(keys_have_their_sections),
                CASE(endpoints_go_back_on_their_bridges_unless_that_is_turned_off),
                CASE(learnt_macs_are_allowed_on_the_bridges_that_are_listed),
                CASE(a_switch_is_yes_or_no_and_the_last_file_counts),
                CASE(a_number_twice_in_one_file_is_refused),
                CASE(names_that_no_bridge_can_have_are_refused),
                CASE(users_and_groups_that_are_unknown_are_refused),
                CASE(sections_about_root_are_refused),
                CASE(a_long_list_works_or_is_refused_but_is_never_cut),
                CASE(lines_of_every_length_have_their_own_number),
                CASE(a_long_comment_is_not_divided),
                CASE(an_indented_line_does_not_continue_the_one_before),
                CASE(a_comment_after_a_value_is_refused),
                CASE(the_heading_of_a_section_is_never_cut),
                CASE(odd_bytes_are_refused_also_in_comments),
                CASE(a_file_of_more_than_a_mebibyte_is_refused),
                CASE(many_bridges_over_many_lines_are_all_known),
                CASE(what_others_can_write_is_refused),
                CASE(what_belongs_to_somebody_else_is_refused),
                CASE(what_is_no_plain_file_is_refused),
                CASE(a_file_that_cannot_be_read_is_refused),
                CASE(a_link_that_leads_nowhere_is_refused),
                CASE(a_link_to_a_file_is_followed),
                CASE(an_endless_file_name_does_not_hide_the_reason),
                CASE(a_refused_word_is_shown_as_plain_ascii),
                CASE(nothing_is_freed),
                CASE(each_file_of_networks_is_a_network),
                CASE(a_bad_network_makes_no_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
