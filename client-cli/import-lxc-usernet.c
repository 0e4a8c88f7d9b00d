/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-lxc-usernet.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "import-heading.h"
#include "import-line.h"
#include "kernel/ifname.h"
#include "util/cleanup.h"

/* As vnicd.conf(5) has them. */
#define ENDPOINTS_MAX 4096
#define QUEUES_USUAL  64

#define DIGITS "0123456789"

typedef struct Total {
        bool group;
        id_t id;
        unsigned sum;
} Total;

static int compare_totals(const void *a, const void *b) {
        const Total *x = a, *y = b;

        if (x->group != y->group)
                return x->group ? 1 : -1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static int add_total(Import *import, bool group, id_t id, unsigned number) {
        _cleanup_free_ Total *total = malloc(sizeof(Total));
        Total **found;

        if (!total)
                return -ENOMEM;
        *total = (Total){ group, id, 0 };
        found = tsearch(total, &import->totals, compare_totals);
        if (!found)
                return -ENOMEM;
        (*found)->sum += number;
        if ((*found)->sum > ENDPOINTS_MAX)
                (*found)->sum = ENDPOINTS_MAX;
        if (*found == total)
                TAKE_PTR(total);
        return 0;
}

/* Every number past the largest is the largest. */
static bool parse_number(const char *text, unsigned *ret) {
        size_t n = strlen(text);

        if (n == 0 || strspn(text, DIGITS) != n)
                return false;
        *ret = ENDPOINTS_MAX;
        text += strspn(text, "0");
        if (strlen(text) < 9 && strtoul(text, NULL, 10) < ENDPOINTS_MAX)
                *ret = (unsigned)strtoul(text, NULL, 10);
        return true;
}

/* Why the line cannot be carried over; NULL: it can. */
static const char *find_obstacle(const ImportLine *line) {
        const char *bridge;

        if (line->n_words != 4)
                return "There are not four words in it.";
        bridge = line->words[2];
        if (strcmp(line->words[1], "veth") != 0)
                return "Only the type veth has a like in vnicd.";
        if (strcmp(bridge, "none") == 0)
                return "It is about interfaces on no bridge, which is 'AllowBridges=-' in vnicd; "
                       "write that if a tap that reaches the host itself is meant.";
        if (!ifname_is_plain(bridge))
                return "vnicd has no bridge of such a name.";
        return NULL;
}

static int carry_over(Import *import, const ImportLine *line, bool group, id_t id) {
        unsigned number;

        if (!group && id == 0) {
                import_comment(import, "Root is not asked, and not held to such numbers.");
                return 0;
        }
        if (!parse_number(line->words[3], &number)) {
                import_leave_out(import, line, "The last word is no number.");
                return 0;
        }
        if (number == 0) {
                import_comment(import, "None are allowed, so there is nothing to carry over.");
                return 0;
        }
        fprintf(import->output, "%s\nAllowBridges=%s\n", import_heading_of_id(group, id).text,
                        line->words[2]);
        return add_total(import, group, id, number);
}

static int take_line(const ImportLine *line, void *userdata) {
        Import *import = userdata;
        bool group = line->words[0][0] == '@';
        const char *name = line->words[0] + (group ? 1 : 0), *obstacle = find_obstacle(line);
        id_t id;

        import_quote(import, line);
        if (obstacle)
                import_leave_out(import, line, "%s", obstacle);
        else if (import_find_id(group, name, &id) < 0)
                import_leave_out(import, line, "There is no %s '%s' here.",
                                group ? "group" : "user", name);
        else
                return carry_over(import, line, group, id);
        return 0;
}

int import_lxc_usernet(Import *import, const char *path, const char *text, size_t size) {
        return import_each_line(path, text, size, take_line, import);
}

/* One queue at least for each endpoint. */
static void write_total(const void *node, VISIT which, void *userdata) {
        const Total *total = *(Total *const *)node;
        Import *import = userdata;

        if (which != postorder && which != leaf)
                return;
        fprintf(import->output, "%s\nEndpoints=%u\n",
                        import_heading_of_id(total->group, total->id).text, total->sum);
        if (total->sum > QUEUES_USUAL)
                fprintf(import->output, "Queues=%u\n", total->sum);
}

void import_lxc_usernet_finish(Import *import) {
        if (import->totals) {
                fputc('\n', import->output);
                import_comment(import,
                                "How many: there for each bridge, here for all of them together. "
                                "A user's own number");
                import_comment(import,
                                "goes before those of his groups, and of several groups the "
                                "largest one counts.");
                twalk_r(import->totals, write_total, import);
        }
        tdestroy(import->totals, free);
        import->totals = NULL;
}
