// Package prober is the command probe. It tries what a session must and must not be able to do, by raw system calls, and prints what happened as
// one JSON object. Run outside a session it is the positive control: the same call, let through.
//
//	probe CHECK...
//
// Without an argument: status namespaces sockets attempts processes fds filesystems limits identity environment routes
// mounts shm (SysV IPC objects seen) foreign (makes a 32-bit call in a child process) loaders (what makes the kernel load
// modules) procmem (bubblewrap, bash, the bridges, and a child of its own) landlock userns keyring.
// With one: connect=tcp:HOST:PORT connect=udp:HOST:PORT dns=NAME http=URL socks=HOST:PORT unix=PATH unixsocket=PATH
// file=PATH write=PATH remove=PATH modes=FOLDER (every way to a set-user-id file or a device in it) procmem=PID sleep=MS.
//
// The exit code is 0 whatever was denied, 2 for a check it does not know.
package prober

import (
	"encoding/json"
	"fmt"
	"os"

	"cloister/seal/internal/probe"
)

// Main is the whole command.
func Main() {
	if len(os.Args) == 2 {
		probe.BeChild(os.Args[1])
	}
	report, err := probe.Run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(2)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(report); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}
