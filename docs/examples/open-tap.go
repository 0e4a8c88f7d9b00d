// SPDX-License-Identifier: LGPL-2.1-or-later

// open-tap BRIDGE: opens a tap and, until the end of standard input, sends back each frame that is addressed
// to its guest MAC. Debian packages: golang-go, golang-dbus-dev. With modules import github.com/godbus/dbus/v5.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o open-tap open-tap.go
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/godbus/dbus"
)

func main() {
	log.SetFlags(0)
	bus, err := dbus.ConnectSystemBus()
	if err != nil || len(os.Args) != 2 {
		log.Fatal("usage: open-tap BRIDGE, with a system bus: ", err)
	}
	// Polkit may ask a person: godbus does not send the flag for that, hence the option. The service lets a
	// question stand for 120 s, so wait longer than that.
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()
	endpoint, name, queue, offloads := dbus.ObjectPath(""), "", dbus.UnixFD(-1), []string{}
	// OpenTap hands over a single fd: godbus 5.1 loses the array of fds that CreateTap answers with.
	call := bus.Object("org.vnicd1", "/org/vnicd1").CallWithContext(ctx, "org.vnicd1.Manager.OpenTap",
		0, os.Args[1], false /* vnet_hdr */, map[string]dbus.Variant{"interactive": dbus.MakeVariant(true)})
	if err := call.Store(&endpoint, &name, &offloads, &queue); err != nil {
		log.Fatal(err)
	}
	tap := os.NewFile(uintptr(queue), name) // the tap ends when this is closed
	mac, err := bus.Object("org.vnicd1", endpoint).GetProperty("org.vnicd1.Endpoint.GuestMac")
	if err != nil {
		log.Fatal(err)
	}
	guest, _ := net.ParseMAC(mac.Value().(string))
	fmt.Printf("%s: guest MAC %s\n", name, guest)

	go func() { io.Copy(io.Discard, os.Stdin); tap.Close() }()
	for frame := make([]byte, 65536); err == nil; { // here a VMM would run
		var n int
		if n, err = tap.Read(frame); n >= 14 && bytes.Equal(frame[:6], guest) {
			copy(frame, frame[6:12]) // to its sender
			copy(frame[6:12], guest)
			_, err = tap.Write(frame[:n])
		}
	}
	if !errors.Is(err, os.ErrClosed) {
		log.Fatal(err)
	}
}
