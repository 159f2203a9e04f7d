// Package exit ends a command that cannot do what it is asked.
package exit

import "os"

// Exit codes of commands that run no command of somebody else's.
const (
	Problem = 1
	Usage   = 2
)

// With says why, after the name of who says it, and ends the process.
func With(code int, who, why string) {
	_, _ = os.Stderr.WriteString(who + ": " + why + "\n")
	os.Exit(code)
}
