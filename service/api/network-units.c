/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/network-units.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/systemd-client.h"
#include "common/cleanup.h"
#include "common/list.h"
#include "common/log.h"
#include "networks/network-service.h"

/* systemd's RuntimeDirectory= */
#define DIRECTORY_VARIABLE "RUNTIME_DIRECTORY"
#define DIRECTORY          "/run/vnicd"

/* The service of one network, from its start until it was stopped. */
typedef struct NetworkUnit {
        List link;
        NetworkUnits *units;
        char name[IFNAMSIZ];
        UnitJob *job; /* NULL: none is under way */
        UnitWatch *watch;
        UnitJob *reload;                   /* likewise */
        bool reload_refused;               /* and that was logged */
        network_units_reloaded_t reloaded; /* for whoever waits for that one */
        void *reloaded_data;
        bool stopping;
        char warning[320]; /* "": none */
} NetworkUnit;

struct NetworkUnits {
        sd_bus *bus;
        Systemd *systemd;
        List all; /* NetworkUnit.link */
        const char *directory;
        network_units_changed_t changed;
        void *userdata;
};

DEFINE_CLEANUP(NetworkUnits, network_units_free)

int network_units_new(
                NetworkUnits **ret, sd_bus *bus, network_units_changed_t changed, void *userdata) {
        _cleanup_(network_units_freep) NetworkUnits *units = calloc(1, sizeof(NetworkUnits));
        const char *directory = getenv(DIRECTORY_VARIABLE);
        int r;

        if (!units)
                return -ENOMEM;
        list_init(&units->all);
        units->bus = bus;
        units->directory = directory && *directory ? directory : DIRECTORY;
        units->changed = changed;
        units->userdata = userdata;
        r = systemd_new(&units->systemd, bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(units);
        return 0;
}

static void unit_free(NetworkUnit *unit) {
        list_unlink(&unit->link);
        unit_job_free(unit->job);
        unit_job_free(unit->reload);
        unit_watch_free(unit->watch);
        free(unit);
}

NetworkUnits *network_units_free(NetworkUnits *units) {
        if (!units)
                return NULL;
        LIST_FOREACH_SAFE(&units->all, node)
                unit_free(container_of(node, NetworkUnit, link));
        systemd_free(units->systemd);
        free(units);
        return NULL;
}

static NetworkUnit *find(const NetworkUnits *units, const char *name) {
        LIST_FOREACH(&units->all, node) {
                NetworkUnit *unit = container_of(node, NetworkUnit, link);

                if (strcmp(unit->name, name) == 0)
                        return unit;
        }
        return NULL;
}

static NetworkUnit *get(NetworkUnits *units, const char *name) {
        NetworkUnit *unit = find(units, name);

        if (unit)
                return unit;
        unit = calloc(1, sizeof(NetworkUnit));
        if (!unit)
                return NULL;
        unit->units = units;
        snprintf(unit->name, sizeof(unit->name), "%s", name);
        list_append(&units->all, &unit->link);
        return unit;
}

static void warn(NetworkUnit *unit, const char *sentence) {
        if (strcmp(unit->warning, sentence) == 0)
                return;
        snprintf(unit->warning, sizeof(unit->warning), "%s", sentence);
        if (*sentence)
                log_warning("Network %s: %s" SEE_DOCTOR, unit->name, sentence);
        unit->units->changed(unit->name, unit->units->userdata);
}

/* The services' user needs access to the folder, whatever our umask is. */
static int open_folder(const char *path) {
        int fd;

        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, 0755) < 0) {
                int error = errno;

                close_fd(fd);
                return -error;
        }
        return fd;
}

static int open_networks(const NetworkUnits *units) {
        char path[NETWORK_UNITS_PATH_SIZE];

        snprintf(path, sizeof(path), "%s/networks", units->directory);
        return open_folder(path);
}

const char *network_units_hosts(const NetworkUnits *units, const char *name,
                char buffer[static NETWORK_UNITS_PATH_SIZE]) {
        snprintf(buffer, NETWORK_UNITS_PATH_SIZE, "%s/networks/%s.hosts", units->directory, name);
        return buffer;
}

int network_units_open_hosts(const NetworkUnits *units, const char *name) {
        char path[NETWORK_UNITS_PATH_SIZE];
        _cleanup_close_ int parent = open_networks(units);

        return parent < 0 ? parent : open_folder(network_units_hosts(units, name, path));
}

/* rmdir(2) is none of the calls that the unit permits. */
int network_units_remove_hosts(const NetworkUnits *units, const char *name) {
        char path[NETWORK_UNITS_PATH_SIZE];

        network_units_hosts(units, name, path);
        return unlinkat(AT_FDCWD, path, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *text) {
        for (size_t left = strlen(text); left > 0;) {
                ssize_t n = write(fd, text, left);

                if (n < 0)
                        return -errno;
                text += n;
                left -= (size_t)n;
        }
        return fchmod(fd, 0644) < 0 ? -errno : 0;
}

int network_units_write(int folder, const char *file, const char *text) {
        static const char draft[] = ".new";
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (unlinkat(folder, draft, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(folder, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        r = write_all(fd, text);
        if (r >= 0 && renameat(folder, draft, folder, file) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(folder, draft, 0);
        return r;
}

static void remove_file(const NetworkUnits *units, const char *name) {
        char path[256];

        snprintf(path, sizeof(path), "%s/networks/%s.conf", units->directory, name);
        if (unlink(path) < 0 && errno != ENOENT)
                log_warning("Cannot remove %s: %s", path, strerror(errno));
}

/* The first label of the host's name, as DNS has it. */
static const char *host_name(char buffer[static HOST_NAME_MAX + 1]) {
        if (gethostname(buffer, HOST_NAME_MAX) < 0)
                return NULL;
        buffer[HOST_NAME_MAX] = '\0';
        buffer[strcspn(buffer, ".")] = '\0';
        for (char *c = buffer; *c; c++)
                *c = (char)tolower((unsigned char)*c);
        return buffer;
}

/* The folder with the hosts is there before dnsmasq is. */
static int write_configuration(const NetworkUnits *units, const NetworkPlan *plan) {
        _cleanup_close_ int hosts = network_units_open_hosts(units, plan->name),
                            folder = open_networks(units);
        char path[NETWORK_UNITS_PATH_SIZE], host[HOST_NAME_MAX + 1], file[IFNAMSIZ + 8];
        _cleanup_free_ char *text = NULL;
        int r;

        if (hosts < 0 || folder < 0)
                return hosts < 0 ? hosts : folder;
        r = network_service_config(
                        plan, host_name(host), network_units_hosts(units, plan->name, path), &text);
        snprintf(file, sizeof(file), "%s.conf", plan->name);
        return r < 0 ? r : network_units_write(folder, file, text);
}

/* The most frequent reasons; the journal has the others. */
static const char *reason_of_end(void) {
        struct stat status;

        if (stat("/etc/resolv.conf", &status) < 0 && errno == ENOENT)
                return "/etc/resolv.conf leads to no file. Start the resolver of the host, or remove the link";
        return "If another DHCP or DNS server of the host listens on all addresses, restrict it to its own addresses";
}

/* systemd restarts it every few seconds, and reports when it runs. While its start is under way it
 * may still be ending for the network that had the name before; the end of the start tells. */
static void on_unit_changed(bool runs, void *userdata) {
        NetworkUnit *unit = userdata;
        char sentence[sizeof(unit->warning)], name[NETWORK_UNIT_SIZE];

        if (unit->stopping || (unit->job && !runs))
                return;
        if (runs) {
                warn(unit, "");
                return;
        }
        snprintf(sentence, sizeof(sentence),
                        "Guests get no addresses and no names: %s does not run. %s. See journalctl -u %s.",
                        network_service_unit(unit->name, name), reason_of_end(), name);
        warn(unit, sentence);
}

static void on_started(UnitJob *job, const char *failure, void *userdata) {
        NetworkUnit *unit = userdata;

        unit->job = unit_job_free(job);
        warn(unit, failure ? failure : "");
}

/* Without systemd there is nothing to do: whoever started the service has to stop it. */
static void on_stopped(UnitJob *job, const char *failure, void *userdata) {
        NetworkUnit *unit = userdata;

        unit_free(unit);
}

void network_units_start(NetworkUnits *units, const NetworkPlan *plan) {
        char unit_name[NETWORK_UNIT_SIZE], sentence[256];
        NetworkUnit *unit;
        int r;

        if (!network_service_is_needed(plan))
                return;
        unit = get(units, plan->name);
        if (!unit) {
                log_error("Out of memory: the network %s has no service", plan->name);
                return;
        }
        unit->job = unit_job_free(unit->job);
        unit->stopping = false;
        network_service_unit(plan->name, unit_name);
        /* Without the watch the network works, but has fewer warnings. */
        if (!unit->watch &&
                        systemd_watch_unit(units->systemd, &unit->watch, unit_name, on_unit_changed,
                                        unit) < 0)
                log_warning("Cannot follow whether %s runs", unit_name);
        r = write_configuration(units, plan);
        if (r >= 0)
                r = systemd_start_unit(units->systemd, &unit->job, unit_name, on_started, unit);
        if (r >= 0)
                return;
        snprintf(sentence, sizeof(sentence),
                        "Guests get no addresses: the configuration of its service could not be written to %s/networks (%s). Start vnicd through its unit.",
                        units->directory, strerror(-r));
        warn(unit, sentence);
}

/* Call last: whoever waits for it may reload again. */
static void end_reload(NetworkUnit *unit) {
        unit->reload = unit_job_free(unit->reload);
        unit->reloaded(unit->name, unit->reloaded_data);
}

/* Until its next start it then reserves more than it has to. */
static void on_reloaded(UnitJob *job, const char *failure, void *userdata) {
        NetworkUnit *unit = userdata;

        if (failure && !unit->reload_refused)
                log_warning("Network %s: addresses that belong to no guest any more stay reserved until its service is restarted. %s",
                                unit->name, failure);
        unit->reload_refused = failure;
        end_reload(unit);
}

void network_units_stop(NetworkUnits *units, const NetworkPlan *plan) {
        NetworkUnit *unit = find(units, plan->name);
        char unit_name[NETWORK_UNIT_SIZE];

        if (!unit || unit->stopping)
                return;
        unit->job = unit_job_free(unit->job);
        unit->stopping = true;
        if (unit->reload)
                end_reload(unit);
        /* The file goes while the network exists: once that is gone, a vnicd started after us would
         * not know of the file. The service has read it already. */
        remove_file(units, plan->name);
        if (systemd_stop_unit(units->systemd, &unit->job,
                            network_service_unit(plan->name, unit_name), on_stopped, unit) >= 0)
                return;
        log_warning("Cannot stop the service of the network %s", plan->name);
        unit_free(unit);
}

bool network_units_reload(NetworkUnits *units, const char *name, network_units_reloaded_t done,
                void *userdata) {
        char unit_name[NETWORK_UNIT_SIZE];
        NetworkUnit *unit = find(units, name);

        if (!unit || unit->stopping)
                return false;
        unit->reload = unit_job_free(unit->reload);
        unit->reloaded = done;
        unit->reloaded_data = userdata;
        return systemd_reload_unit(units->systemd, &unit->reload,
                               network_service_unit(name, unit_name), on_reloaded, unit) >= 0;
}

int network_units_find_hosts(const NetworkUnits *units,
                void (*found)(const char *name, void *userdata), void *userdata) {
        static const char suffix[] = ".hosts";
        const int folder = open_networks(units);
        DIR *entries = folder < 0 ? NULL : fdopendir(folder);
        struct dirent *entry;

        if (!entries) {
                const int error = folder < 0 ? -folder : errno;

                close_fd(folder);
                return -error;
        }
        while ((entry = readdir(entries))) {
                const size_t n = strlen(entry->d_name), m = strlen(suffix);

                if (n < m || strcmp(entry->d_name + n - m, suffix) != 0)
                        continue;
                entry->d_name[n - m] = '\0';
                if (network_name_is_valid(entry->d_name))
                        found(entry->d_name, userdata);
        }
        closedir(entries);
        return 0;
}

const char *network_units_warning(const NetworkUnits *units, const char *name) {
        const NetworkUnit *unit = find(units, name);

        return unit && *unit->warning ? unit->warning : NULL;
}
