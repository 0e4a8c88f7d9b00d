/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl bench": measures what the virtio_net_hdr and the offloads gain on this host. It needs no
 * service and no bus. Nothing is printed before everything is measured.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "common/cleanup.h"
#include "language.h"
#include "print.h"
#include "table.h"
#include "verb.h"

enum {
        SECONDS_DEFAULT = 2,
        SECONDS_LONGEST = 10,
        BAR_WIDTH = 40,
};

static const char *mode_name(BenchMode mode) {
        switch (mode) {
        case BENCH_PLAIN:
                return "plain";
        case BENCH_HEADER:
                return "header";
        case BENCH_OFFLOADS:
                return "offloads";
        case BENCH_MODE_MAX:
                break;
        }
        return "";
}

/* Throughput relative to plain frames. */
static double speedup(const BenchResult results[], BenchMode mode) {
        return results[mode].gbit_per_s / results[BENCH_PLAIN].gbit_per_s;
}

static double fewer_calls(const BenchResult results[], BenchMode mode) {
        return results[BENCH_PLAIN].syscalls_per_gb / results[mode].syscalls_per_gb;
}

static json_t *describe_mode(const BenchResult results[], BenchMode mode) {
        return json_pack("{s:s, s:f, s:f}", "mode", mode_name(mode), "gbit_per_s",
                        results[mode].gbit_per_s, "syscalls_per_gb", results[mode].syscalls_per_gb);
}

static Status print_as_json(const BenchResult results[], unsigned seconds) {
        _cleanup_(json_decrefp) json_t *modes = json_array(), *description = NULL;

        for (int mode = 0; mode < BENCH_MODE_MAX; mode++)
                if (json_array_append_new(modes, describe_mode(results, mode)) < 0)
                        return complain_errno(ENOMEM, _("Cannot describe the result"));
        description = json_pack("{s:i, s:O, s:f, s:f}", "seconds", (int)seconds, "modes", modes,
                        "speedup", speedup(results, BENCH_OFFLOADS), "fewer_calls",
                        fewer_calls(results, BENCH_OFFLOADS));
        if (!description)
                return complain_errno(ENOMEM, _("Cannot describe the result"));
        return print_json(description);
}

static int add_row(Table *table, const BenchResult results[], BenchMode mode) {
        char gbit[32], calls[32], times[32];

        snprintf(gbit, sizeof(gbit), "%.2f", results[mode].gbit_per_s);
        snprintf(calls, sizeof(calls), "%.0f", results[mode].syscalls_per_gb);
        snprintf(times, sizeof(times), "%.2f", speedup(results, mode));
        if (table_add(table, mode_name(mode)) < 0 || table_add(table, gbit) < 0 ||
                        table_add(table, calls) < 0 || table_add(table, times) < 0)
                return -ENOMEM;
        return 0;
}

static Status print_table(const BenchResult results[]) {
        static const char *const titles[] = { "MODE", "GBIT/S", "CALLS/GB", "×PLAIN" };
        _cleanup_(table_done) Table table = TABLE_INIT(sizeof(titles) / sizeof(titles[0]));
        int r = 0;

        for (size_t i = 0; r >= 0 && i < table.n_columns; i++)
                r = table_add(&table, titles[i]);
        for (int mode = 0; r >= 0 && mode < BENCH_MODE_MAX; mode++)
                r = add_row(&table, results, mode);
        if (r < 0)
                return complain_errno(r, _("Cannot print the result"));
        table_print(&table, stdout);
        return STATUS_OK;
}

/* The longest bar is the fastest mode's. */
static void print_bars(const BenchResult results[]) {
        static const char bar[BAR_WIDTH + 1] = "########################################";
        double most = 0;

        for (int mode = 0; mode < BENCH_MODE_MAX; mode++)
                if (results[mode].gbit_per_s > most)
                        most = results[mode].gbit_per_s;
        for (int mode = 0; mode < BENCH_MODE_MAX; mode++) {
                double share = results[mode].gbit_per_s / most;

                printf("%-8s  %.*s %.2f\n", mode_name(mode), (int)(share * BAR_WIDTH + 0.5), bar,
                                results[mode].gbit_per_s);
        }
}

static Status print_for_people(const BenchResult results[]) {
        Status status = print_table(results);

        if (status != STATUS_OK)
                return status;
        putchar('\n');
        print_bars(results);
        printf(_("\nThe header alone gives %.1f times the throughput of plain frames; with offloads it is\n%.1f times the throughput with %.1f times fewer system calls.\n"),
                        speedup(results, BENCH_HEADER), speedup(results, BENCH_OFFLOADS),
                        fewer_calls(results, BENCH_OFFLOADS));
        return print_flush();
}

static Status read_seconds(const Options *options, unsigned *ret) {
        const char *text = options->n_arguments > 0 ? options->arguments[0] : NULL;
        unsigned long seconds = SECONDS_DEFAULT;
        char *end;

        if (text) {
                seconds = strtoul(text, &end, 10);
                if (*text < '0' || *text > '9' || *end)
                        seconds = 0;
        }
        if (seconds < 1 || seconds > SECONDS_LONGEST)
                return complain(STATUS_USAGE, _("bench: the seconds are a number from 1 to %d."),
                                SECONDS_LONGEST);
        *ret = (unsigned)seconds;
        return STATUS_OK;
}

Status verb_bench(const Options *options) {
        BenchResult results[BENCH_MODE_MAX] = {};
        unsigned seconds = 0;
        Status status;

        status = read_seconds(options, &seconds);
        if (status != STATUS_OK)
                return status;
        status = bench_enter();
        for (int mode = 0; status == STATUS_OK && mode < BENCH_MODE_MAX; mode++)
                status = bench_run(mode, seconds, &results[mode]);
        if (status != STATUS_OK)
                return status;
        return options->json ? print_as_json(results, seconds) : print_for_people(results);
}
