/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "access/audit.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where in the source a line was written is no news to an administrator. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/clock.h"
#include "common/ifname.h"
#include "common/log.h"

#define LINES_PER_SEC 10
#define LINE_USEC     (UINT64_C(1000000) / LINES_PER_SEC)
#define BURST_USEC    (LINES_PER_SEC * LINE_USEC)

#define FIELDS_MAX      10
#define FIRST_OWN_FIELD 3 /* after MESSAGE, MESSAGE_ID and PRIORITY */
#define FIELD_SIZE      384

typedef enum AuditVerdict {
        AUDIT_GRANTED,
        AUDIT_DENIED,
        AUDIT_RELEASED,
        AUDIT_TAMPERED,
        AUDIT_VERDICT_MAX
} AuditVerdict;

static const struct {
        const char *word, *message_id;
        int priority;
} verdicts[AUDIT_VERDICT_MAX] = {
        [AUDIT_GRANTED] = { "granted", "3b4ecbc164f74f239a8ef0381c568354", LOG_INFO },
        [AUDIT_DENIED] = { "denied", "6ce25b08d6a84726b3de4af12a30c9af", LOG_NOTICE },
        [AUDIT_RELEASED] = { "released", "1cd0d11ac94048278bc19ada76c6230c", LOG_INFO },
        [AUDIT_TAMPERED] = { "tampered", "da11e36418674572975a0e5185475007", LOG_WARNING },
};

/* One line, as it is put together. */
typedef struct Record {
        char fields[FIELDS_MAX][FIELD_SIZE];
        size_t n;
} Record;

/* Whether a line about them may be written now; *ret_left_out: how many were not, before it. */
static bool pay(Users *users, uid_t uid, UserLog kind, unsigned *ret_left_out) {
        User *user = user_get(users, uid);
        uint64_t now = clock_now_usec();
        bool may;

        *ret_left_out = 0;
        if (!user)
                return true;
        may = rate_limit_has_room(&user->logs[kind].lines, now, LINE_USEC, BURST_USEC);
        if (may) {
                rate_limit_spend(&user->logs[kind].lines, now, LINE_USEC);
                *ret_left_out = user->logs[kind].left_out;
        }
        user->logs[kind].left_out = may ? 0 : user->logs[kind].left_out + 1;
        user_put(user);
        return may;
}

static void add(Record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(Record *record, const char *format, ...) {
        char *field = record->fields[record->n++ % FIELDS_MAX];
        va_list args;

        va_start(args, format);
        vsnprintf(field, FIELD_SIZE, format, args);
        va_end(args);
        for (unsigned char *c = (unsigned char *)field; *c; c++)
                if (*c < 0x20 || *c >= 0x7f)
                        *c = '?';
}

static int send_to_journal(Record *record) {
        struct iovec fields[FIELDS_MAX];

        if (!getenv("JOURNAL_STREAM"))
                return -ENOENT;
        for (size_t i = 0; i < record->n; i++)
                fields[i] = (struct iovec){ record->fields[i], strlen(record->fields[i]) };
        return sd_journal_sendv(fields, (int)record->n);
}

/* The same fields, behind the sentence. */
static void write_line(AuditVerdict verdict, const Record *record) {
        const char *sentence = record->fields[0] + strlen("MESSAGE=");
        char fields[FIELD_SIZE] = "";
        size_t n = 0;

        for (size_t i = FIRST_OWN_FIELD; i < record->n && n < sizeof(fields); i++)
                n += (size_t)snprintf(fields + n, sizeof(fields) - n, " %s", record->fields[i]);
        log_line(verdicts[verdict].priority, "%s%s", sentence, fields);
}

/* NULL: it is about none. */
static const char *endpoint_name(uint32_t nonce, char buffer[static IFNAMSIZ]) {
        return nonce != 0 ? ifname_of_nonce(nonce, buffer) : NULL;
}

/* sentence: what happened, without its end. */
static void write_record(Users *users, AuditVerdict verdict, const AuditDecision *about,
                const char *sentence) {
        char name[IFNAMSIZ], note[64] = "";
        const char *endpoint = endpoint_name(about->endpoint, name);
        Record record = { .n = 0 };
        unsigned left_out;

        if (!pay(users, about->uid,
                            verdict == AUDIT_TAMPERED ? USER_LOG_TAMPERING : USER_LOG_DECISIONS,
                            &left_out))
                return;
        if (left_out > 0)
                snprintf(note, sizeof(note), " %u lines before it were left out.", left_out);
        add(&record, "MESSAGE=%s.%s", sentence, note);
        add(&record, "MESSAGE_ID=%s", verdicts[verdict].message_id);
        add(&record, "PRIORITY=%d", verdicts[verdict].priority);
        add(&record, "VNICD_VERDICT=%s", verdicts[verdict].word);
        add(&record, "VNICD_UID=%u", (unsigned)about->uid);
        if (about->sender)
                add(&record, "VNICD_SENDER=%s", about->sender);
        if (about->action)
                add(&record, "VNICD_ACTION=%s", about->action);
        if (about->bridge)
                add(&record, "VNICD_BRIDGE=%s", about->bridge);
        if (endpoint)
                add(&record, "VNICD_ENDPOINT=%s", endpoint);
        if (left_out > 0)
                add(&record, "VNICD_LEFT_OUT=%u", left_out);
        if (send_to_journal(&record) < 0)
                write_line(verdict, &record);
}

void audit_decision(Users *users, const AuditDecision *decision) {
        char name[IFNAMSIZ], sentence[FIELD_SIZE];
        const char *endpoint = endpoint_name(decision->endpoint, name);

        snprintf(sentence, sizeof(sentence), "User %u was %s %s%s%s%s%s%s%s",
                        (unsigned)decision->uid, decision->refusal ? "denied" : "granted",
                        decision->action ? decision->action : "a call",
                        endpoint ? " of the endpoint " : "", endpoint ? endpoint : "",
                        decision->bridge ? " for the bridge " : "",
                        decision->bridge ? decision->bridge : "", decision->refusal ? ": " : "",
                        decision->refusal ? decision->refusal : "");
        write_record(users, decision->refusal ? AUDIT_DENIED : AUDIT_GRANTED, decision, sentence);
}

void audit_tampered(Users *users, uint32_t endpoint, uid_t uid, const char *why) {
        const AuditDecision about = { .uid = uid, .endpoint = endpoint };
        char name[IFNAMSIZ], sentence[FIELD_SIZE];

        snprintf(sentence, sizeof(sentence), "The endpoint %s of user %u was tampered with: %s",
                        ifname_of_nonce(endpoint, name), (unsigned)uid, why);
        write_record(users, AUDIT_TAMPERED, &about, sentence);
}

void audit_released(Users *users, uint32_t endpoint, uid_t uid, uid_t caller, const char *sender) {
        const AuditDecision about = { .uid = caller, .endpoint = endpoint, .sender = sender };
        char name[IFNAMSIZ], sentence[FIELD_SIZE];

        snprintf(sentence, sizeof(sentence), "User %u released the endpoint %s of user %u",
                        (unsigned)caller, ifname_of_nonce(endpoint, name), (unsigned)uid);
        write_record(users, AUDIT_RELEASED, &about, sentence);
}
