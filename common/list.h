/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An intrusive, circular, doubly linked list. A node that is linked nowhere points at itself, so
 * that unlinking twice is harmless and a destructor can always unlink.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct List List;

struct List {
        List *next, *prev;
};

#define LIST_INIT(list)                                                                            \
        (List) {                                                                                   \
                .next = &(list), .prev = &(list)                                                   \
        }

#define container_of(pointer, type, member)                                                        \
        ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(List *node) {
        node->next = node->prev = node;
}

static inline bool list_is_empty(const List *list) {
        return list->next == list;
}

static inline void list_append(List *list, List *node) {
        node->prev = list->prev;
        node->next = list;
        list->prev->next = node;
        list->prev = node;
}

/* Also accepts a zeroed node that was never initialised, and initialises it. */
static inline void list_unlink(List *node) {
        if (node->next) {
                node->next->prev = node->prev;
                node->prev->next = node->next;
        }
        list_init(node);
}

#ifdef __clang_analyzer__
/* The analyzer cannot know that a circular list contains no NULL. */
#define LIST_FOREACH(list, node)                                                                   \
        for (List *node = (list)->next; __builtin_assume(node != NULL), node != (list);            \
                        node = node->next)
#else
#define LIST_FOREACH(list, node) for (List *node = (list)->next; node != (list); node = node->next)
#endif

/* The body may unlink or free the node. */
#define LIST_FOREACH_SAFE(list, node)                                                              \
        for (List *node = (list)->next, *_next = node->next; node != (list);                       \
                        node = _next, _next = node->next)
