/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever the file of another program contains, "vnicctl import" writes a configuration that the
 * service accepts. The first byte chooses the format and who can read the file.
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int open_here(const char *path, int flags);
static int stat_here(int fd, struct stat *status);

#define open  open_here
#define fstat stat_here
#include "../../client-cli/verb-import.c"
#undef open
#undef fstat

#include "config/config-parse.h"
#include "fuzz.h"

/* Of the client, for a person, whom nobody is here. */
Status complain(Status status, const char *format, ...) {
        return status;
}

Status complain_errno(int error, const char *step) {
        return STATUS_FAILURE;
}

Status print_flush(void) {
        return STATUS_OK;
}

#define MAIN "/etc/FILE"

static const uint8_t *content; /* of the main file, behind a byte that chooses */
static size_t content_size;
static char opened; /* the last letter of the name of the file that was opened last */

/* Three kinds of files can be included, by that letter; others are not there. */
static int open_here(const char *path, int flags) {
        static const char included[] = "allow br1\ninclude /vm\ndeny br2\n";
        const bool is_main = strcmp(path, MAIN) == 0;
        const void *text = is_main ? (const char *)content + 1 : included;
        size_t n = strlen(path), size = is_main ? content_size - 1 : strlen(included);
        int fd;

        opened = n > 0 ? path[n - 1] : '\0';
        if (!is_main && (!opened || !strchr("mlx", opened))) {
                errno = ENOENT;
                return -1;
        }
        fd = memfd_create("opened", MFD_CLOEXEC);
        if (fd < 0 || write(fd, text, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                abort();
        return fd;
}

static int stat_here(int fd, struct stat *status) {
        /* Read by all, by all but its group, by its owner alone, by its group alone. */
        static const mode_t main_modes[] = { 0444, 0404, 0400, 0040 };
        const mode_t mode = opened == 'E' ? main_modes[content[0] / 2 % 4]
                        : opened == 'm'   ? 0440
                        : opened == 'l'   ? 0444
                                          : 0404;

        *status = (struct stat){
                .st_mode = S_IFREG | mode, .st_uid = opened == 'E' ? 1002 : 7, .st_gid = 100
        };
        return 0;
}

/* Writes the configuration, and checks that it is one. */
static void import_one(const char *format) {
        char *arguments[] = { (char[]){ MAIN }, NULL };
        const Options options = { .arguments = arguments, .n_arguments = 1, .format = format };
        _cleanup_(json_decrefp) json_t *totals = json_object();
        _cleanup_free_ char *text = NULL;
        Failure failure = FAILURE_INIT;
        Sections sections = { NULL };
        size_t text_size;
        Import import = { .output = open_memstream(&text, &text_size), .totals = totals };
        Status status;

        if (!import.output)
                return;
        status = import_files(&import, &options);
        fclose(import.output);
        if (format && status != STATUS_OK)
                abort();
        if (config_parse(&sections, "OUTPUT", 1, text, text_size, &failure) < 0) {
                fprintf(stderr, "%s\n%s\n", failure.text, text);
                abort();
        }
        sections_done(&sections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        content = data;
        content_size = size;
        import_one(data[0] % 2 ? "lxc-usernet" : "bridge.conf");
        import_one(NULL);
        return 0;
}
