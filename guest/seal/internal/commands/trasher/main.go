// Package trasher is the command trash. It shows, restores and deletes what sessions deleted in a folder of mode trash.
//
//	trash ls DIR
//	trash restore DIR [PATH...]
//	trash empty DIR
//
// Root becomes the folder's owner first, without any capability: what is in a trash was arranged by sessions.
//
// Exit codes: 0, 1 when something was left as it is, 2 for wrong use.
package trasher

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"time"

	"cloister/seal/internal/exit"
	"cloister/seal/internal/rights"
	"cloister/seal/internal/trash"
	"golang.org/x/sys/unix"
)

const usage = "write `trash ls DIR`, `trash restore DIR [PATH...]` or `trash empty DIR`"

// Main is the whole command.
func Main() {
	arguments := os.Args[1:]
	if len(arguments) < 2 || (arguments[0] != "restore" && len(arguments) > 2) {
		fail(exit.Usage, usage)
	}
	folder, err := trash.Open(arguments[1])
	if err != nil {
		fail(exit.Problem, err.Error())
	}
	if os.Geteuid() == 0 {
		if err := rights.Become(folder.UID, folder.GID); err != nil {
			fail(exit.Problem, err.Error())
		}
	}
	unix.Umask(0)
	out := &report{out: bufio.NewWriter(os.Stdout)}
	switch arguments[0] {
	case "ls":
		err = folder.List(out)
		if err == nil && out.entries == 0 {
			out.line("the trash is empty")
		}
	case "restore":
		err = restore(folder, arguments[2:], out)
	case "empty":
		err = folder.Empty(out)
	default:
		fail(exit.Usage, usage)
	}
	if err != nil {
		out.Problem(err.Error())
	}
	if out.out.Flush() != nil || out.problems > 0 {
		os.Exit(exit.Problem)
	}
}

func restore(folder *trash.Owned, paths []string, out *report) error {
	if len(paths) == 0 {
		return folder.Restore("", out)
	}
	for _, path := range paths {
		if err := folder.Restore(path, out); err != nil {
			out.Problem(err.Error())
		}
	}
	return nil
}

type report struct {
	out               *bufio.Writer
	entries, problems int
}

func (r *report) line(text string) { _, _ = r.out.WriteString(text + "\n") }

func (r *report) Entry(batch, place string, status *unix.Stat_t) {
	if r.entries == 0 {
		r.line(fmt.Sprintf("%-20s  %-25s  %12s  %s", "DELETED", "BATCH", "BYTES", "PATH"))
	}
	r.entries++
	// Moving it was the last change.
	deleted := time.Unix(int64(status.Ctim.Sec), 0).UTC().Format(time.RFC3339)
	size := strconv.FormatInt(status.Size, 10)
	if status.Mode&unix.S_IFMT == unix.S_IFDIR {
		size, place = "", place+"/"
	}
	r.line(fmt.Sprintf("%-20s  %-25s  %12s  %s", deleted, trash.Shown(batch), size, trash.Shown(place)))
}

func (r *report) Done(place string) { r.line("restored " + trash.Shown(place)) }

func (r *report) Problem(text string) {
	r.problems++
	_ = r.out.Flush()
	_, _ = os.Stderr.WriteString("cloister: " + text + "\n")
}

func fail(code int, why string) {
	exit.With(code, "cloister", why)
}
