// SPDX-License-Identifier: LGPL-2.1-or-later
// create-tap-sdbus BRIDGE: makes a tap with two queues and holds it until standard input ends.
// For sdbus-c++ 1. Debian packages: vnicd-dev, g++, libsdbus-c++-dev, libsdbus-c++-bin.
//   xml=$(pkg-config --variable=interfaces_dir vnicd)
//   sdbus-c++-xml2cpp $xml/org.vnicd1.Manager.xml --proxy=manager.h
//   sdbus-c++-xml2cpp $xml/org.vnicd1.Endpoint.xml --proxy=endpoint.h
//   c++ -std=c++17 -o create-tap-sdbus create-tap-sdbus.cpp $(pkg-config --cflags --libs sdbus-c++)
#include <iostream>

#include "endpoint.h"
#include "manager.h"

class Manager : public sdbus::ProxyInterfaces<org::vnicd1::Manager_proxy> {
public:
        explicit Manager(sdbus::IConnection &bus) : ProxyInterfaces(bus, "org.vnicd1", "/org/vnicd1") {
        }

private: // never called: that takes registerProxy(), and a loop that reads the bus
        void onEndpointRemoved(const sdbus::ObjectPath &, const std::string &, const std::string &) override {
        }
        void onBridgesChanged() override {
        }
};

class Endpoint : public sdbus::ProxyInterfaces<org::vnicd1::Endpoint_proxy> {
public:
        Endpoint(sdbus::IConnection &bus, const std::string &path) : ProxyInterfaces(bus, "org.vnicd1", path) {
        }
};

int main(int argc, char *argv[]) {
        if (argc != 2) {
                std::cerr << "Usage: create-tap-sdbus BRIDGE\n";
                return 1;
        }
        try {
                auto bus = sdbus::createSystemBusConnection();
                // There is no flag that lets polkit ask a person: hence the option. The service lets a question
                // stand for 120 s: wait longer than that.
                bus->setMethodCallTimeout(std::chrono::seconds(150));
                Manager manager(*bus);
                const auto [path, interface, offloads, queues] = manager.CreateTap(
                                argv[1], true /* vnet_hdr */, true /* multiqueue */,
                                { { "queues", 2U }, { "interactive", true } });
                std::cout << interface << ": guest MAC " << Endpoint(*bus, path).GuestMac() << ", "
                          << queues.size() << " queues, offloads:";
                for (const auto &offload : offloads)
                        std::cout << ' ' << offload;
                std::cout << std::endl;
                while (std::cin.get() != EOF)
                        ; // here a VMM would use each queue's get(); they close themselves
        } catch (const sdbus::Error &error) {
                std::cerr << error.getName() << ": " << error.getMessage() << '\n';
                return 1;
        }
        return 0;
}
