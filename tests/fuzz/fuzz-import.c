/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whatever the file of another program holds, what "vnicctl import" writes is a configuration that
 * the service takes. The first byte chooses the format and who can read the file.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "import-file.h"
#include "import.h"
#include "model/config-parse.h"
#include "util/cleanup.h"

int __wrap_import_file_read(
                const char *path, char **ret, size_t *ret_size, ImportReaders *ret_readers);

/* Three kinds of files that can be included, by the last letter of the name; others are not there. */
int __wrap_import_file_read(
                const char *path, char **ret, size_t *ret_size, ImportReaders *ret_readers) {
        static const char text[] = "allow br1\ninclude /vm\ndeny br2\n";
        size_t n = strlen(path);

        switch (n > 0 ? path[n - 1] : '\0') {
        case 'm':
                *ret_readers = (ImportReaders){ .user = true, .group = true, .uid = 7, .gid = 100 };
                break;
        case 'l':
                *ret_readers = (ImportReaders){ .everyone = true };
                break;
        case 'x':
                *ret_readers = (ImportReaders){ .unclear = true };
                break;
        default:
                return -ENOENT;
        }
        *ret = strdup(text);
        *ret_size = strlen(text);
        return *ret ? 0 : -ENOMEM;
}

/* Writes the configuration, and checks that it is one. */
static void import_one(const uint8_t *data, size_t size, FILE *warnings) {
        static const ImportReaders readers[] = { { .everyone = true }, { .unclear = true },
                { .user = true, .uid = 1002 }, { .group = true, .gid = 100 } };
        _cleanup_free_ char *text = NULL;
        Failure failure = FAILURE_INIT;
        Sections sections = { NULL };
        size_t text_size;
        Import import = { .output = open_memstream(&text, &text_size), .warnings = warnings };
        ImportFormat format = data[0] % 2 ? IMPORT_LXC_USERNET : IMPORT_BRIDGE_CONF;

        if (!import.output)
                return;
        if (import_text(&import, format, "/etc/FILE", &readers[data[0] / 2 % 4],
                            (const char *)data + 1, size - 1) < 0)
                abort();
        import_finish(&import);
        fclose(import.output);
        if (config_parse(&sections, "OUTPUT", 1, text, text_size, &failure) < 0) {
                fprintf(stderr, "%s\n%s\n", failure.text, text);
                abort();
        }
        sections_done(&sections);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        ImportFormat format;
        FILE *warnings;

        if (size == 0)
                return 0;
        warnings = fopen("/dev/null", "w");
        if (!warnings)
                return 0;
        if (import_recognise((const char *)data, size, &format) >= 0 && format >= IMPORT_FORMAT_MAX)
                abort();
        import_one(data, size, warnings);
        fclose(warnings);
        return 0;
}
