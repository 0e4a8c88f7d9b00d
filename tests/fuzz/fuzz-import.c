/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever the file of another program contains, "vnicctl import" writes a configuration that the
 * service accepts. The first byte chooses the format and who can read the file.
 */

#include "../../client-cli/verb-import.c"

#include <sys/mman.h>

#include "config/config-parse.h"
#include "fuzz.h"

int __wrap_open(const char *path, int flags, ...);
int __wrap_fstat(int fd, struct stat *status);

/* The client's messages for users, who do not exist here. */
Status complain(Status status, const char *format, ...) {
        return status;
}

Status complain_errno(int error, const char *step) {
        return STATUS_FAILURE;
}

Status print_flush(void) {
        return STATUS_OK;
}

static char included; /* the last letter of the name of the last opened file */

/* Three kinds of files can be included, by that letter; others do not exist. */
int __wrap_open(const char *path, int flags, ...) {
        static const char text[] = "allow br1\ninclude /vm\ndeny br2\n";
        size_t n = strlen(path);
        int fd;

        included = n > 0 ? path[n - 1] : '\0';
        if (!included || !strchr("mlx", included)) {
                errno = ENOENT;
                return -1;
        }
        fd = memfd_create("included", MFD_CLOEXEC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                abort();
        return fd;
}

int __wrap_fstat(int fd, struct stat *status) {
        const mode_t mode = included == 'm' ? 0440 : included == 'l' ? 0444 : 0404;

        *status = (struct stat){ .st_mode = S_IFREG | mode, .st_uid = 7, .st_gid = 100 };
        return 0;
}

/* Writes the configuration, and checks that it is valid. */
static void import_one(const uint8_t *data, size_t size, FILE *warnings) {
        static const Readers readers[] = {
                { .subjects = { { EVERYONE, 0 } }, .n = 1 },
                { .subjects = { { EVERYONE, 0 } }, .n = 1, .unclear = true },
                { .subjects = { { USER, 1002 } }, .n = 1 },
                { .subjects = { { GROUP, 100 } }, .n = 1 },
        };
        const File file = { .path = "/etc/FILE",
                .text = (char *)data + 1,
                .size = size - 1,
                .readers = readers[data[0] / 2 % 4] };
        _cleanup_free_ char *text = NULL;
        Failure failure = FAILURE_INIT;
        Sections sections = { NULL };
        size_t text_size;
        Import import = { .output = open_memstream(&text, &text_size), .warnings = warnings };

        if (!import.output)
                return;
        if (import_file(&import, &file,
                            data[0] % 2 ? take_lxc_usernet_line : take_bridge_conf_line) < 0)
                abort();
        finish(&import);
        fclose(import.output);
        if (config_parse(&sections, "OUTPUT", 1, text, text_size, &failure) < 0) {
                fprintf(stderr, "%s\n%s\n", failure.text, text);
                abort();
        }
        sections_done(&sections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const File file = { .path = "/etc/FILE", .text = (char *)data, .size = size };
        each_line_t each;
        FILE *warnings;

        if (size == 0)
                return 0;
        warnings = fopen("/dev/null", "w");
        if (!warnings)
                return 0;
        (void)find_format(&file, NULL, &each);
        import_one(data, size, warnings);
        fclose(warnings);
        return 0;
}
