/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verbs of vnicctl, one file each: verb-<name>.c. Their table is in main.c, with the groups of
 * options that each accepts.
 */

#include "options.h"
#include "status.h"

Status verb_capabilities(const Options *options);
Status verb_bridges(const Options *options);
Status verb_create(const Options *options);
Status verb_list(const Options *options);
Status verb_show(const Options *options);
Status verb_release(const Options *options);
Status verb_monitor(const Options *options);
Status verb_run(const Options *options);
Status verb_doctor(const Options *options);
Status verb_explain(const Options *options);
Status verb_bench(const Options *options);
Status verb_network(const Options *options);
Status verb_import(const Options *options);
Status verb_libvirt(const Options *options);
