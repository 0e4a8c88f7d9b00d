// SPDX-License-Identifier: LGPL-2.1-or-later
// create-tap-qt BRIDGE: makes a tap with two queues and holds it until standard input ends.
// Debian packages: vnicd-dev, g++, qtbase5-dev.
//   xml=$(pkg-config --variable=interfaces_dir vnicd)
//   qdbusxml2cpp -m -c Manager -p manager $xml/org.vnicd1.Manager.xml
//   qdbusxml2cpp -m -c Endpoint -p endpoint $xml/org.vnicd1.Endpoint.xml
//   moc=$(pkg-config --variable=host_bins Qt5Core)/moc
//   $moc -o manager.moc manager.h
//   $moc -o endpoint.moc endpoint.h
//   c++ -fPIC -o create-tap-qt *.cpp $(pkg-config --cflags --libs Qt5DBus)
#include <QCoreApplication>
#include <QDBusMetaType>
#include <QDBusUnixFileDescriptor>
#include <QTextStream>

#include "endpoint.h"
#include "manager.h"

int main(int argc, char *argv[]) {
        QCoreApplication application(argc, argv);
        QTextStream out(stdout), err(stderr);

        const QDBusConnection bus = QDBusConnection::systemBus();
        Manager manager("org.vnicd1", "/org/vnicd1", bus);
        if (argc != 2) {
                // Without this QtDBus aborts the program: it does not know a list of dictionaries by itself.
                qDBusRegisterMetaType<QList<QVariantMap>>();
                const QDBusReply<QList<QVariantMap>> bridges = manager.ListBridges();
                err << "Usage: create-tap-qt BRIDGE, one of:";
                for (const QVariantMap &bridge : bridges.value())
                        err << ' ' << bridge["name"].toString();
                err << '\n';
                return 1;
        }

        // Generated calls have no flag that lets polkit ask a person: hence the option. The service lets a question
        // stand for 120 s: wait longer than that.
        const QVariantMap options{ { "queues", 2U }, { "interactive", true } };
        manager.setTimeout(150000);
        QString interface;
        QStringList offloads;
        QList<QDBusUnixFileDescriptor> queues; // each closes its own: a VMM would get dup() of fileDescriptor()
        // The form with references: a QDBusPendingReply holds duplicates of the queues as long as it lives.
        const QDBusReply<QDBusObjectPath> path = manager.CreateTap(
                        argv[1], true /* vnet_hdr */, true /* multiqueue */, options, interface, offloads, queues);
        if (!path.isValid()) {
                err << path.error().name() << ": " << path.error().message() << "\n";
                return 1;
        }
        Endpoint endpoint("org.vnicd1", path.value().path(), bus);
        out << interface << ": guest MAC " << endpoint.guestMac() << ", " << queues.size()
            << " queues, offloads: " << offloads.join(' ') << '\n';
        out.flush();
        QTextStream(stdin).readAll();
        return 0;
}
