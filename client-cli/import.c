/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

#include <errno.h>
#include <string.h>

#include "import-bridge-conf.h"
#include "import-line.h"
#include "import-lxc-usernet.h"

static const char *const names[IMPORT_FORMAT_MAX] = {
        [IMPORT_BRIDGE_CONF] = "bridge.conf",
        [IMPORT_LXC_USERNET] = "lxc-usernet",
};

int import_format_from_name(const char *name, ImportFormat *ret) {
        for (ImportFormat format = 0; format < IMPORT_FORMAT_MAX; format++)
                if (strcmp(name, names[format]) == 0) {
                        *ret = format;
                        return 0;
                }
        return -EINVAL;
}

static int judge_line(const ImportLine *line, void *userdata) {
        static const char *const words[] = { "allow", "deny", "include" };
        bool has_type = line->n_words == 4 && strcmp(line->words[1], "veth") == 0;
        ImportFormat *format = userdata;

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strcmp(line->words[0], words[i]) == 0 && !has_type) {
                        *format = IMPORT_BRIDGE_CONF;
                        return 1;
                }
        if (line->n_words != 4)
                return -EINVAL;
        *format = IMPORT_LXC_USERNET;
        return 1;
}

int import_recognise(const char *text, size_t size, ImportFormat *ret) {
        ImportFormat format = IMPORT_BRIDGE_CONF;
        int r;

        r = import_each_line("", text, size, judge_line, &format);
        if (r < 0)
                return r;
        *ret = format;
        return 0;
}

int import_text(Import *import, ImportFormat format, const char *path, const ImportReaders *readers,
                const char *text, size_t size) {
        switch (format) {
        case IMPORT_BRIDGE_CONF:
                return import_bridge_conf(import, path, readers, text, size);
        case IMPORT_LXC_USERNET:
                return import_lxc_usernet(import, path, text, size);
        case IMPORT_FORMAT_MAX:
                break;
        }
        return -EINVAL;
}

void import_finish(Import *import) {
        import_lxc_usernet_finish(import);
}
