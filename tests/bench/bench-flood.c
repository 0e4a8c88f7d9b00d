/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection to the bus that floods, as fast as the bus takes what it writes.
 *
 *     bench-flood USER FILE SECONDS WINDOW [hang-up]
 *
 * FILE holds whole messages one after the other; the first of them is Hello, and the others are
 * written over and over, each with a serial of its own. WINDOW is how many calls wait for their
 * replies at a time; 0 waits for none. With "hang-up" each of the messages goes over a connection
 * of its own, which ends at once.
 *
 * Says "ready" and begins when it is given a line; it ends after so many seconds or messages, and
 * when its input ends. Prints one line of JSON: sent (messages), bytes, replies, connections,
 * seconds. Nothing here looks into a message, so that as little as possible of the processors is
 * the flood's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

enum {
        SENT_MAX = 20000000,
        BATCH_SIZE = 65536, /* so much is written at a time, if one message is not larger */
        BATCH_MAX = 1024,
        HEADER_SIZE = 16,
        STALLED = 5000000, /* µs without a reply: those that are left will not come */
};

/* What the bus says: two lines, then messages, of which only the type and the length are read. */
typedef struct Reader {
        unsigned lines;
        uint8_t header[HEADER_SIZE];
        size_t have, skip;
        uint64_t messages, replies;
} Reader;

typedef struct Flood {
        const char *path;
        uint8_t *hello, *batch;
        size_t hello_size, batch_size, n;
        size_t starts[BATCH_MAX];
        int fd;
        uint32_t serial;
        size_t written; /* of the batch */
        size_t window, waiting;
        Reader reader;
        double last_reply, end;
        uint64_t sent, bytes, replies, connections;
        bool stop;
} Flood;

static uint32_t number_at(const uint8_t *message, size_t offset) {
        uint32_t value;

        memcpy(&value, message + offset, sizeof(value));
        return value;
}

static size_t message_size(const uint8_t *message) {
        return HEADER_SIZE + (number_at(message, 12) + 7U) / 8 * 8 + number_at(message, 4);
}

static uint8_t *read_file(const char *name, size_t *ret_size) {
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
        uint8_t *bytes = size <= 0 ? NULL : malloc((size_t)size);

        if (!bytes || pread(fd, bytes, (size_t)size, 0) != size)
                die_errno(name);
        close(fd);
        *ret_size = (size_t)size;
        return bytes;
}

/* The messages after Hello, each once at least, over and over until it is worth a write. */
static void fill_batch(Flood *flood, const uint8_t *bytes, size_t size, bool once) {
        const size_t most = flood->window && flood->window < BATCH_MAX ? flood->window : BATCH_MAX;
        bool whole = false;
        size_t offset = 0;

        flood->batch = malloc(BATCH_SIZE + 2 * size);
        if (!flood->batch || size < HEADER_SIZE)
                die("The messages cannot be kept.");
        while (flood->n < most && (!whole || flood->batch_size < BATCH_SIZE)) {
                size_t length = message_size(bytes + offset);

                if (length > size - offset)
                        die("The last message is not whole.");
                flood->starts[flood->n++] = flood->batch_size;
                memcpy(flood->batch + flood->batch_size, bytes + offset, length);
                flood->batch_size += length;
                offset = (offset + length) % size;
                whole = whole || offset == 0;
                if (once && whole)
                        return;
        }
}

static void read_messages(Flood *flood, const char *name, bool once) {
        size_t size;
        uint8_t *bytes = read_file(name, &size);

        flood->hello = bytes;
        flood->hello_size = message_size(bytes);
        if (flood->hello_size >= size)
                die("There is no message to flood with.");
        fill_batch(flood, bytes + flood->hello_size, size - flood->hello_size, once);
}

static void write_all(Flood *flood, const void *data, size_t size) {
        const uint8_t *bytes = data;

        while (size > 0) {
                ssize_t n = send(flood->fd, bytes, size, MSG_NOSIGNAL);

                if (n < 0)
                        return; /* whoever reads next sees that the bus has hung up */
                bytes += n;
                size -= (size_t)n;
        }
}

/* Says who we are and Hello in one breath, as libraries do. */
static void join(Flood *flood) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char uid[16], text[96] = "AUTH EXTERNAL ";
        size_t n = strlen(text);

        flood->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", flood->path);
        if (flood->fd < 0 || connect(flood->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die_errno("The bus cannot be reached");
        snprintf(uid, sizeof(uid), "%u", geteuid());
        for (const char *digit = uid; *digit; digit++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", (unsigned)*digit);
        snprintf(text + n, sizeof(text) - n, "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        write_all(flood, "", 1);
        write_all(flood, text, strlen(text));
        write_all(flood, flood->hello, flood->hello_size);
        flood->reader = (Reader){ .lines = 2 };
        flood->serial = 1; /* was Hello's */
        flood->waiting = 0;
        flood->written = 0;
        flood->last_reply = now_us();
        flood->connections++;
}

static void leave(Flood *flood) {
        close(flood->fd);
        flood->fd = -1;
}

static size_t read_line(Reader *reader, const uint8_t *bytes, size_t n) {
        const uint8_t *end = memchr(bytes, '\n', n);

        if (!end)
                return n;
        reader->lines--;
        return (size_t)(end - bytes) + 1;
}

static size_t read_header(Reader *reader, const uint8_t *bytes, size_t n) {
        size_t part = HEADER_SIZE - reader->have < n ? HEADER_SIZE - reader->have : n;

        memcpy(reader->header + reader->have, bytes, part);
        reader->have += part;
        if (reader->have < HEADER_SIZE)
                return part;
        reader->have = 0;
        reader->skip = message_size(reader->header) - HEADER_SIZE;
        reader->messages++;
        /* METHOD_RETURN and ERROR. The first is Hello's. */
        reader->replies +=
                        reader->messages > 1 && (reader->header[1] == 2 || reader->header[1] == 3);
        return part;
}

static void digest(Reader *reader, const uint8_t *bytes, size_t n) {
        while (n > 0) {
                size_t part = reader->skip < n ? reader->skip : n;

                if (reader->lines > 0)
                        part = read_line(reader, bytes, n);
                else if (reader->skip > 0)
                        reader->skip -= part;
                else
                        part = read_header(reader, bytes, n);
                bytes += part;
                n -= part;
        }
}

/* false: the bus has hung up. */
static bool receive(Flood *flood) {
        static uint8_t bytes[1 << 18];
        uint64_t before = flood->reader.replies;
        ssize_t n = recv(flood->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        size_t came;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (n <= 0)
                return false;
        digest(&flood->reader, bytes, (size_t)n);
        came = (size_t)(flood->reader.replies - before);
        if (came == 0)
                return true;
        flood->replies += came;
        flood->waiting -= came < flood->waiting ? came : flood->waiting;
        flood->last_reply = now_us();
        return true;
}

static void number_batch(Flood *flood) {
        for (size_t i = 0; i < flood->n; i++) {
                flood->serial = flood->serial == UINT32_MAX ? 1 : flood->serial + 1;
                memcpy(flood->batch + flood->starts[i] + 8, &flood->serial, sizeof(uint32_t));
        }
}

/* false: the bus has hung up. */
static bool transmit(Flood *flood) {
        ssize_t n;

        if (flood->written == 0)
                number_batch(flood);
        n = send(flood->fd, flood->batch + flood->written, flood->batch_size - flood->written,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        flood->written += (size_t)n;
        flood->bytes += (size_t)n;
        if (flood->written < flood->batch_size)
                return true;
        flood->written = 0;
        flood->sent += flood->n;
        if (flood->window == 0)
                return true;
        if (flood->waiting == 0)
                flood->last_reply = now_us();
        flood->waiting += flood->n;
        return true;
}

static bool may_send(const Flood *flood) {
        if (flood->written > 0 || flood->window == 0)
                return true;
        return flood->waiting + flood->n <= flood->window;
}

static void exchange(Flood *flood) {
        const short out = may_send(flood) ? POLLOUT : 0;
        struct pollfd fds[] = { { flood->fd, (short)(POLLIN | out), 0 },
                { STDIN_FILENO, POLLIN, 0 } };

        if (poll(fds, 2, 100) < 0)
                die_errno("poll");
        flood->stop = fds[1].revents != 0;
        /* A new connection then: the bus would count those for ever. */
        if ((flood->waiting > 0 && now_us() - flood->last_reply > STALLED) ||
                        ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !receive(flood)) ||
                        ((fds[0].revents & POLLOUT) && !transmit(flood))) {
                leave(flood);
                join(flood);
        }
}

/* Joins, calls, and is gone as soon as the bus has said its name. */
static void call_and_hang_up(Flood *flood, size_t which) {
        size_t end = which + 1 < flood->n ? flood->starts[which + 1] : flood->batch_size;
        double late = now_us() + 1e6;

        join(flood);
        number_batch(flood);
        write_all(flood, flood->batch + flood->starts[which], end - flood->starts[which]);
        while (flood->reader.messages == 0 && now_us() < late) {
                struct pollfd fds = { flood->fd, POLLIN, 0 };

                if (poll(&fds, 1, 100) < 0 || !receive(flood))
                        break;
        }
        flood->sent++;
        flood->bytes += end - flood->starts[which];
        leave(flood);
}

static void run(Flood *flood, bool hang_up) {
        struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
        size_t i = 0;

        if (!hang_up)
                join(flood);
        while (!flood->stop && now_us() < flood->end && flood->sent < SENT_MAX) {
                if (!hang_up) {
                        exchange(flood);
                } else {
                        call_and_hang_up(flood, i++ % flood->n);
                        flood->stop = poll(&input, 1, 0) != 0;
                }
        }
}

int main(int argc, char *argv[]) {
        static Flood flood = { .fd = -1 };
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS"), *path;
        bool hang_up = argc == 6 && strcmp(argv[5], "hang-up") == 0;
        double begin, seconds;
        char line[8];

        path = address ? strstr(address, "path=") : NULL;
        if ((argc != 5 && !hang_up) || !path)
                die("Usage: DBUS_SYSTEM_BUS_ADDRESS=unix:path=... bench-flood USER FILE SECONDS "
                    "WINDOW [hang-up]");
        end_with_parent();
        seconds = atof(argv[3]);
        set_deadline("bench-flood", (unsigned)seconds + 60);
        flood.path = strndup(path + 5, strcspn(path + 5, ","));
        flood.window = (size_t)atoi(argv[4]);
        read_messages(&flood, argv[2], hang_up);
        become(argv[1]);
        puts("ready");
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin))
                return EXIT_FAILURE;
        begin = now_us();
        flood.end = begin + seconds * 1e6;
        run(&flood, hang_up);
        printf("{\"sent\": %llu, \"bytes\": %llu, \"replies\": %llu, \"connections\": %llu, "
               "\"seconds\": %.4f}\n",
                        (unsigned long long)flood.sent, (unsigned long long)flood.bytes,
                        (unsigned long long)flood.replies, (unsigned long long)flood.connections,
                        (now_us() - begin) / 1e6);
        return EXIT_SUCCESS;
}
