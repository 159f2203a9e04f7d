// Package guardian is the command guard. It answers the calls of one session that delete: in folders of mode rw it refuses to delete what was there
// before the session, in folders of mode trash it moves that to the folder's trash, and everything else it deletes itself.
//
//	guard --socket FD --since NANOSECONDS --folder MODE:PATH ...
//
// It is started outside the sandbox as the session's user, with CAP_SYS_CHROOT in the ambient set for the way into the
// session's root, which it drops. FD is one end of a socket pair whose other end apply-seccomp has inside. NANOSECONDS are
// the time since 1970 (CLOCK_REALTIME) before which a file "was there before". MODE is rw or trash, PATH is the folder as the
// session sees it. It ends with its parent and with the session's last process.
package guardian

import (
	"errors"
	"os"
	"os/signal"
	"strconv"

	"cloister/seal/internal/guard/answer"
	"golang.org/x/sys/unix"
)

const exitFailed = 125

// Main is the whole command.
func Main() {
	// A command that closes its standard error must not end its guard.
	signal.Ignore(unix.SIGPIPE, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP)
	opts, err := parse(os.Args[1:])
	if err == nil {
		err = answer.Run(opts.socket, opts.since, opts.folders)
	}
	if err != nil {
		_, _ = os.Stderr.WriteString("cloister: the deletion guard: " + err.Error() + "\n")
		os.Exit(exitFailed)
	}
}

type options struct {
	socket  int
	since   int64
	folders []answer.Folder
}

func parse(arguments []string) (options, error) {
	opts := options{socket: -1}
	for i := 0; i < len(arguments); i += 2 {
		name := arguments[i]
		if i+1 == len(arguments) {
			return opts, errors.New(name + " has no value")
		}
		value := arguments[i+1]
		var err error
		switch name {
		case "--socket":
			opts.socket, err = strconv.Atoi(value)
		case "--since":
			opts.since, err = strconv.ParseInt(value, 10, 64)
		case "--folder":
			var folder answer.Folder
			folder, err = answer.ParseFolder(value)
			opts.folders = append(opts.folders, folder)
		default:
			return opts, errors.New("no such option: " + name)
		}
		if err != nil {
			return opts, errors.New(name + " " + strconv.Quote(value) + ": " + err.Error())
		}
	}
	if opts.socket < 3 || opts.since <= 0 || len(opts.folders) == 0 {
		return opts, errors.New("--socket, --since and --folder must be given")
	}
	return opts, nil
}
