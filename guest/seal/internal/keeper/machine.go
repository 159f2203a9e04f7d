// Package keeper cleans up after supervisors that died: whatever of a session they left is ended and removed, within
// moments, and by exactly one. It also ends the session that uses most where all together run out of memory. It follows the protocol of guest/sessions/state.ts, where it is written down.
package keeper

import (
	"regexp"
	"slices"
)

// Machine is where everything is.
type Machine struct {
	// Running has a folder for each session that runs.
	Running string
	// Homes has a folder for each session's home.
	Homes string
	// Records has a file for each session of which something could not be removed.
	Records string
	// Groups is the control group of all sessions' scopes. The one above it has the limit of all together.
	Groups string
	// Proc is where processes are, and what the whole machine has of memory.
	Proc string
	// Passwd is the list of users, and Userdel the program that removes one.
	Passwd, Userdel string
	// Say tells the operator a line.
	Say func(line string)
}

// ThisMachine is the real one.
func ThisMachine(say func(string)) Machine {
	return Machine{
		Running: "/run/cloister/sessions",
		Homes:   "/sessions",
		Records: "/run/cloister/unremoved",
		Groups:  "/sys/fs/cgroup/cloister.slice/cloister-sessions.slice",
		Proc:    "/proc",
		Passwd:  "/etc/passwd",
		Userdel: "/usr/sbin/userdel",
		Say:     say,
	}
}

// User ids of sessions (guest/sessions/users.ts).
const (
	firstUID = 20_000
	lastUID  = 59_999
)

// As in guest/sessions/names.ts.
var (
	namePattern   = regexp.MustCompile(`\A[a-z][a-z0-9]*(-[a-z0-9]+)*\z`)
	reservedNames = []string{"folders", "lost-found"}
)

const longestName = 32

// isName tells whether a session can have this name. Nothing is done with any other.
func isName(name string) bool {
	return len(name) <= longestName && namePattern.MatchString(name) && !slices.Contains(reservedNames, name)
}
