/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "vnicctl import", the real program, on files of QEMU and lxc; its output is given to the
 * service's own parser of the configuration, which is asked what it grants.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "testing.h"

typedef struct Stage {
        char path[64];
        char *said; /* on standard error */
        Config *config;
} Stage;

static int make_stage(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        umask(022);
        strcpy(stage->path, "/tmp/vnicd-import-XXXXXX");
        assert_non_null(mkdtemp(stage->path));
        assert_int_equal(chmod(stage->path, 0755), 0);
        *state = stage;
        return 0;
}

static int remove_stage(void **state) {
        Stage *stage = *state;
        char command[128];

        snprintf(command, sizeof(command), "rm -rf -- '%s'", stage->path);
        assert_int_equal(system(command), 0);
        config_free(stage->config);
        free(stage->said);
        free(stage);
        return 0;
}

static void put(const Stage *stage, const char *name, const char *text, mode_t mode, gid_t gid) {
        char path[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", stage->path, name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, mode), 0);
        assert_int_equal(chown(path, (uid_t)-1, gid), 0);
}

static char *get(const Stage *stage, const char *name) {
        char path[128], *text = NULL;
        size_t size = 0;
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", stage->path, name);
        file = fopen(path, "r");
        assert_non_null(file);
        if (getdelim(&text, &size, '\0', file) < 0) {
                free(text);
                text = strdup("");
        }
        fclose(file);
        return text;
}

/* Runs it in the stage, with its output as the configuration. Returns the exit status. */
static int run(Stage *stage, const char *arguments) {
        const char *program = getenv("VNICCTL");
        char command[512];
        int status;

        assert_non_null(program);
        snprintf(command, sizeof(command), "cd '%s' && '%s' import %s >vnicd.conf 2>said",
                        stage->path, program, arguments);
        status = system(command);
        assert_true(WIFEXITED(status));
        free(stage->said);
        stage->said = get(stage, "said");
        return WEXITSTATUS(status);
}

static void load(Stage *stage) {
        Failure failure = FAILURE_INIT;

        config_free(stage->config);
        stage->config = NULL;
        if (config_load(&stage->config, stage->path, &failure) < 0)
                fail_msg("what was written is refused: %s", failure.text);
}

static void import(Stage *stage, const char *name, int expected) {
        int status = run(stage, name);

        if (status != expected)
                fail_msg("status %d: %s", status, stage->said);
        load(stage);
}

static BridgeAccess access_of(const Stage *stage, uid_t uid, gid_t gid, const char *bridge) {
        const Subject subject = { uid, &gid, 1 };

        return config_bridge_access(stage->config, &subject, bridge);
}

static uid_t nobody(void) {
        return getpwnam("nobody")->pw_uid;
}

static gid_t mail(void) {
        return getgrnam("mail")->gr_gid;
}

#define SOMEBODY 4001
#define SOME     4100

static void what_qemu_allows_and_denies_is_granted_and_denied(void **state) {
        Stage *stage = *state;

        put(stage, "b", "# words\n\n  allow br0\nallow\tbr1 # more\ndeny br1\n", 0644, 0);
        import(stage, "b", 0);
        assert_string_equal(stage->said, "");
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br1"), BRIDGE_DENIED);
}

static void what_qemu_does_not_name_is_asked_and_not_denied(void **state) {
        put(*state, "b", "allow br0\n", 0644, 0);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br7"), BRIDGE_ASK);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "-"), BRIDGE_ASK);
}

static void all_is_every_bridge(void **state) {
        put(*state, "b", "allow all\ndeny br1\n", 0644, 0);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br1"), BRIDGE_DENIED);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "-"), BRIDGE_ASK);
        put(*state, "b", "deny all\nallow br0\n", 0644, 0);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br0"), BRIDGE_DENIED);
}

static void a_file_that_a_group_reads_speaks_to_that_group(void **state) {
        Stage *stage = *state;
        char text[256];

        snprintf(text, sizeof(text), "allow br0\ninclude %s/mail\n", stage->path);
        put(stage, "b", text, 0644, 0);
        put(stage, "mail", "allow br1\ndeny br2\n", 0640, mail());
        import(stage, "b", 0);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br1"), BRIDGE_ASK);
        assert_int_equal(access_of(stage, SOMEBODY, mail(), "br1"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, SOMEBODY, mail(), "br2"), BRIDGE_DENIED);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br2"), BRIDGE_ASK);
}

static void what_such_a_file_includes_speaks_to_that_group_alone(void **state) {
        Stage *stage = *state;
        char text[256];

        snprintf(text, sizeof(text), "include %s/all\n", stage->path);
        put(stage, "b", text, 0640, mail());
        put(stage, "all", "allow br1\n", 0644, 0);
        import(stage, "b", 0);
        assert_int_equal(access_of(stage, SOMEBODY, mail(), "br1"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br1"), BRIDGE_ASK);
}

static void a_main_file_that_not_all_can_read_does_not_speak_to_all(void **state) {
        put(*state, "b", "allow br0\n", 0640, mail());
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br0"), BRIDGE_ASK);
        assert_int_equal(access_of(*state, SOMEBODY, mail(), "br0"), BRIDGE_GRANTED);
}

static void a_file_that_its_owner_alone_reads_speaks_to_him(void **state) {
        char path[128];

        put(*state, "b", "allow br0\n", 0600, 0);
        snprintf(path, sizeof(path), "%s/b", ((Stage *)*state)->path);
        assert_int_equal(chown(path, nobody(), 0), 0);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, 0, "br0"), BRIDGE_ASK);
        assert_int_equal(access_of(*state, nobody(), SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(chown(path, 0, 0), 0);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, nobody(), SOME, "br0"), BRIDGE_ASK);
}

static void a_group_without_a_name_is_written_as_its_number(void **state) {
        assert_null(getgrgid(SOME));
        put(*state, "b", "allow br0\n", 0640, SOME);
        import(*state, "b", 0);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(access_of(*state, SOMEBODY, mail(), "br0"), BRIDGE_ASK);
}

static void what_cannot_be_carried_over_is_said_with_its_line(void **state) {
        Stage *stage = *state;
        char *text;

        put(stage, "b",
                        "allow br0\nallow\nfoo br0\ninclude /no/such/file\ninclude relative\n"
                        "allow a-name-of-16-byt\nallow x\x1b[31m\n",
                        0644, 0);
        import(stage, "b", 9);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
        assert_non_null(strstr(stage->said, "vnicctl: b:2: Not carried over: A word is missing"));
        assert_non_null(strstr(stage->said, "b:3: Not carried over: It begins with none of"));
        assert_non_null(strstr(stage->said, "b:4: Not carried over: The file cannot be read"));
        assert_non_null(strstr(stage->said, "b:5: Not carried over: It does not begin with"));
        assert_non_null(strstr(stage->said, "b:6: Not carried over: vnicd has no bridge"));
        assert_non_null(strstr(stage->said, "6 lines are not carried over"));
        text = get(stage, "vnicd.conf");
        assert_non_null(strstr(text, "# b:2: allow\n# NOT CARRIED OVER: A word is missing"));
        assert_null(strchr(text, '\x1b'));
        free(text);
}

static void files_that_include_each_other_come_to_an_end(void **state) {
        Stage *stage = *state;
        char text[256];

        snprintf(text, sizeof(text), "include %s/b\ninclude %s/b\nallow br0\n", stage->path,
                        stage->path);
        put(stage, "b", text, 0644, 0);
        import(stage, "b", 9);
        assert_non_null(strstr(stage->said, "Too many files"));
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br0"), BRIDGE_GRANTED);
}

static void lines_of_lxc_become_bridges_and_a_sum(void **state) {
        Stage *stage = *state;
        const gid_t groups[] = { mail() };
        const Subject user = { nobody(), NULL, 0 }, member = { SOMEBODY, groups, 1 };

        put(stage, "usernet",
                        "# words\nnobody veth br0 70\nnobody veth br1 2\n@mail veth br2 3\n"
                        "nobody veth br3 0\nroot veth br0 9\n",
                        0644, 0);
        import(stage, "usernet", 0);
        assert_int_equal(access_of(stage, nobody(), SOME, "br0"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, nobody(), SOME, "br1"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, nobody(), SOME, "br2"), BRIDGE_ASK);
        assert_int_equal(access_of(stage, nobody(), SOME, "br3"), BRIDGE_ASK);
        assert_int_equal(access_of(stage, SOMEBODY, mail(), "br2"), BRIDGE_GRANTED);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "br0"), BRIDGE_ASK);
        assert_int_equal(config_limits(stage->config, &user).endpoints, 72);
        assert_int_equal(config_limits(stage->config, &user).queues, 72);
        assert_int_equal(config_limits(stage->config, &member).endpoints, 3);
        assert_int_equal(config_limits(stage->config, &member).queues, 64);
}

static void lines_of_lxc_without_a_like_are_said(void **state) {
        Stage *stage = *state;

        put(stage, "usernet",
                        "nobody veth br0 1\nnobody phys br0 1\nno-such-user veth br0 1\n"
                        "@no-such-group veth br0 1\nnobody veth none 1\nnobody veth br0 many\n"
                        "nobody veth br0\n",
                        0644, 0);
        import(stage, "usernet", 9);
        assert_non_null(strstr(stage->said, "usernet:2: Not carried over: Only the type veth"));
        assert_non_null(strstr(stage->said, "usernet:3: Not carried over: There is no user"));
        assert_non_null(strstr(stage->said, "usernet:4: Not carried over: There is no group"));
        assert_non_null(strstr(stage->said, "usernet:5: Not carried over: It is about"));
        assert_non_null(strstr(stage->said, "usernet:6: Not carried over: The last word"));
        assert_non_null(strstr(stage->said, "usernet:7: Not carried over: There are not four"));
}

static void sums_over_several_files_are_one_number(void **state) {
        Stage *stage = *state;
        const Subject user = { nobody(), NULL, 0 };

        put(stage, "a", "nobody veth br0 4000\n", 0644, 0);
        put(stage, "b", "nobody veth br1 99999999999999\n", 0644, 0);
        put(stage, "c", "allow br2\n", 0644, 0);
        import(stage, "a b c", 0);
        assert_int_equal(config_limits(stage->config, &user).endpoints, 4096);
        assert_int_equal(access_of(stage, nobody(), SOME, "br2"), BRIDGE_GRANTED);
}

static void the_format_is_seen_or_said(void **state) {
        Stage *stage = *state;

        put(stage, "a", "words\n", 0644, 0);
        assert_int_equal(run(stage, "a"), 2);
        assert_non_null(strstr(stage->said, "--format"));
        put(stage, "a", "allow veth br0 2\n", 0644, 0);
        assert_int_equal(run(stage, "a"), 9);
        assert_non_null(strstr(stage->said, "no user 'allow'"));
        import(stage, "--format bridge.conf a", 0);
        assert_int_equal(access_of(stage, SOMEBODY, SOME, "veth"), BRIDGE_GRANTED);
        assert_int_equal(run(stage, "--format ini a"), 2);
        put(stage, "a", "# nothing\n", 0644, 0);
        import(stage, "a", 0);
}

static void a_file_that_is_not_there_makes_no_output(void **state) {
        Stage *stage = *state;
        char *text;

        put(stage, "a", "allow br0\n", 0644, 0);
        assert_int_equal(run(stage, "a missing"), 1);
        assert_non_null(strstr(stage->said, "Cannot read missing"));
        text = get(stage, "vnicd.conf");
        assert_string_equal(text, "");
        free(text);
}

/* The path is in VNICD_EXAMPLE. */
static void the_example_of_the_documentation_loads(void **state) {
        char command[512], name[96];

        assert_non_null(getenv("VNICD_EXAMPLE"));
        snprintf(name, sizeof(name), "%s/vnicd.conf", ((Stage *)*state)->path);
        snprintf(command, sizeof(command), "cp -- '%s' '%s'", getenv("VNICD_EXAMPLE"), name);
        assert_int_equal(system(command), 0);
        load(*state);
        assert_int_equal(access_of(*state, SOMEBODY, SOME, "br0"), BRIDGE_ASK);
        /* This includes each line that is commented out as an example, except for names that do
         * not exist here. */
        snprintf(command, sizeof(command),
                        "sed -e 's/^#\\([[A-Z]\\)/\\1/' -e 's/ alice]/ nobody]/' "
                        "-e 's/ vm]/ mail]/' '%s' >'%s'",
                        getenv("VNICD_EXAMPLE"), name);
        assert_int_equal(system(command), 0);
        load(*state);
        assert_int_equal(access_of(*state, SOMEBODY, mail(), "br0"), BRIDGE_GRANTED);
        assert_true(config_knows_groups((*(Stage **)state)->config));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_stage, remove_stage)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_qemu_allows_and_denies_is_granted_and_denied),
                CASE(what_qemu_does_not_name_is_asked_and_not_denied),
                CASE(all_is_every_bridge),
                CASE(a_file_that_a_group_reads_speaks_to_that_group),
                CASE(what_such_a_file_includes_speaks_to_that_group_alone),
                CASE(a_main_file_that_not_all_can_read_does_not_speak_to_all),
                CASE(a_file_that_its_owner_alone_reads_speaks_to_him),
                CASE(a_group_without_a_name_is_written_as_its_number),
                CASE(what_cannot_be_carried_over_is_said_with_its_line),
                CASE(files_that_include_each_other_come_to_an_end),
                CASE(lines_of_lxc_become_bridges_and_a_sum),
                CASE(lines_of_lxc_without_a_like_are_said),
                CASE(sums_over_several_files_are_one_number),
                CASE(the_format_is_seen_or_said),
                CASE(a_file_that_is_not_there_makes_no_output),
                CASE(the_example_of_the_documentation_loads),
        };

        if (geteuid() != 0)
                return 77; /* the files belong to several users */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
