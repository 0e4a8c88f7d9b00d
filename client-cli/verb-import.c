/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl import": writes a configuration from the files of QEMU's bridge helper and of lxc. Needs
 * neither the service nor the bus.
 */

#include <errno.h>
#include <string.h>

#include "import-file.h"
#include "import.h"
#include "print.h"
#include "util/cleanup.h"
#include "verb.h"

static const char *const usual_files[] = {
        "/etc/qemu/bridge.conf",
        "/etc/qemu-kvm/bridge.conf",
        "/etc/lxc/lxc-usernet",
};

enum {
        N_USUAL = sizeof(usual_files) / sizeof(usual_files[0])
};

static const char head[] =
                "# Made by vnicctl import. Look it over before you use it; vnicd.conf(5) explains "
                "it.\n"
                "#\n"
                "# What is allowed here needs no question. What is not named here is not refused, "
                "as\n"
                "# it was by the programs whose files these were: then polkit is asked, which by\n"
                "# itself asks for the password of an administrator. What is denied here is "
                "denied.\n";

/* format: NULL: as the text looks. */
static Status find_format(const char *path, const char *name, const char *text, size_t size,
                ImportFormat *ret) {
        int r = name ? import_format_from_name(name, ret) : import_recognise(text, size, ret);

        if (r >= 0)
                return STATUS_OK;
        if (r == -ENOMEM)
                return complain_errno(r, "look at the file");
        if (name)
                return complain(STATUS_USAGE,
                                "import: --format takes bridge.conf or lxc-usernet, not '%s'.",
                                name);
        return complain(STATUS_USAGE,
                        "import: %s looks like neither bridge.conf nor lxc-usernet. If it is one, "
                        "say so with --format.",
                        path);
}

static Status import_file(Import *import, const char *path, const char *name) {
        _cleanup_free_ char *text = NULL;
        ImportReaders readers;
        ImportFormat format;
        Status status;
        size_t size;
        int r;

        r = import_file_read(path, &text, &size, &readers);
        if (r < 0)
                return complain(STATUS_FAILURE, "import: Cannot read %s: %s.", path, strerror(-r));
        status = find_format(path, name, text, size, &format);
        if (status != STATUS_OK)
                return status;
        fputc('\n', import->output);
        r = import_text(import, format, path, &readers, text, size);
        return r < 0 ? complain_errno(r, "import the file") : STATUS_OK;
}

/* Those of the list that are there, which must be some. */
static Status import_usual(Import *import, const char *format) {
        Status status = STATUS_OK;
        int n = 0;

        for (int i = 0; i < N_USUAL && status == STATUS_OK; i++)
                if (access(usual_files[i], F_OK) == 0) {
                        n++;
                        status = import_file(import, usual_files[i], format);
                }
        if (n > 0)
                return status;
        return complain(STATUS_FAILURE,
                        "import: There is none of %s, %s and %s. Name the file to import.",
                        usual_files[0], usual_files[1], usual_files[2]);
}

static Status import_all(Import *import, const Options *options) {
        Status status = STATUS_OK;

        if (options->n_arguments == 0)
                return import_usual(import, options->format);
        for (char **file = options->arguments; *file && status == STATUS_OK; file++)
                status = import_file(import, *file, options->format);
        return status;
}

/* Nothing is printed unless all files could be read: half a configuration is none. */
static Status print_import(const Options *options, FILE *output, unsigned *ret_left_out) {
        Import import = { .output = output, .warnings = stderr };
        Status status;

        fputs(head, output);
        status = import_all(&import, options);
        import_finish(&import);
        *ret_left_out = import.n_left_out;
        return status;
}

Status verb_import(const Options *options) {
        _cleanup_free_ char *text = NULL;
        unsigned left_out;
        Status status;
        size_t size;
        FILE *output = open_memstream(&text, &size);

        if (!output)
                return complain_errno(errno, "prepare the output");
        status = print_import(options, output, &left_out);
        if (fclose(output) != 0)
                return complain_errno(errno, "prepare the output");
        if (status != STATUS_OK)
                return status;
        fputs(text, stdout);
        status = print_flush();
        if (status == STATUS_OK && left_out > 0)
                status = complain(STATUS_NOT_SUPPORTED,
                                "import: %u lines are not carried over; see above.", left_out);
        return status;
}
