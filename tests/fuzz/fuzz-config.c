/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The content of a configuration file: it is accepted, or refused with a sentence that names the
 * place. In an accepted file an independent and simple parser finds no denial that the
 * configuration lacks: no bytes are silently ignored.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/config-parse.h"
#include "fuzz.h"

static void check_failure(const Failure *failure, int error) {
        size_t n = strlen(failure->text);

        if (error == -ENOMEM)
                return;
        if (error != -EINVAL || failure->kind != FAILURE_INVALID_CONFIGURATION)
                abort();
        if (strncmp(failure->text, "FILE:", 5) != 0 || failure->text[n - 1] != '.')
                abort();
        for (size_t i = 0; i < n; i++)
                if (failure->text[i] < ' ' || failure->text[i] > '~')
                        abort();
}

static bool is_denied_somewhere(const Sections *sections, const char *name) {
        static const struct {
                SectionKind kind;
                id_t id;
        } known[] = { { SECTION_ALL, 0 }, { SECTION_USER, 1000 }, { SECTION_USER, 1001 },
                { SECTION_USER, 1002 }, { SECTION_GROUP, 0 }, { SECTION_GROUP, 100 } };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (section_denies(sections_find(sections, known[i].kind, known[i].id), name))
                        return true;
        return false;
}

/* Each word of the line must be denied. Sections with other numbers are not checked. */
static void check_line(const Sections *sections, char *line) {
        static const char key[] = "DenyBridges";
        char *rest = NULL;

        line += strspn(line, " \t");
        if (strncmp(line, key, strlen(key)) != 0)
                return;
        line = strchr(line, '=');
        if (!line)
                abort();
        for (char *word = strtok_r(line + 1, " \t", &rest); word;
                        word = strtok_r(NULL, " \t", &rest))
                if (!is_denied_somewhere(sections, word))
                        abort();
}

static bool has_sections_by_number(const char *text) {
        for (const char *at = strchr(text, '['); at; at = strchr(at + 1, '['))
                if (strpbrk(at + 1, "0123456789"))
                        return true;
        return false;
}

static void check_taken(const Sections *sections, char *text) {
        char *rest = NULL;

        if (has_sections_by_number(text))
                return;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                check_line(sections, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = malloc(size + 1);
        Failure failure = FAILURE_INIT;
        Sections sections = { NULL };
        int r;

        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        r = config_parse(&sections, "FILE", 1, text, size, &failure);
        if (r < 0)
                check_failure(&failure, r);
        else
                check_taken(&sections, text);
        sections_done(&sections);
        return 0;
}
