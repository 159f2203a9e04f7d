// Package probe holds the checks of the probe program.
package probe

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Report is what is printed: one entry per kind of check, lists for those that can be asked more than once.
type Report map[string]any

// Outcome of one call. OK: the kernel did it. Otherwise the name of its error number.
//
// Calls that would change the machine are made with arguments that can only fail. There, EPERM or ENOSYS means refused
// before they were looked at, and EFAULT, EINVAL or EBADF that the call was reached.
type Outcome struct {
	OK    bool   `json:"ok"`
	Errno string `json:"errno,omitempty"`
}

func outcome(errno error) Outcome {
	number, ok := errno.(unix.Errno)
	if errno == nil || (ok && number == 0) {
		return Outcome{OK: true}
	}
	if ok {
		return Outcome{Errno: unix.ErrnoName(number)}
	}
	return Outcome{Errno: errno.Error()}
}

var simple = map[string]func() any{
	"status":      status,
	"namespaces":  namespaces,
	"sockets":     sockets,
	"attempts":    attempts,
	"engine":      engine,
	"processes":   processes,
	"fds":         descriptors,
	"filesystems": filesystems,
	"limits":      limits,
	"identity":    identity,
	"environment": environment,
	"routes":      routes,
	"foreign":     foreign,
	"shm":         shm,
	"mounts":      mounts,
	"loaders":     loaders,
	"procmem":     procmem,
	"landlock":    landlockVersion,
	"userns":      userNamespace,
	"keyring":     keyring,
}

var withArgument = map[string]func(string) any{
	"connect": connect,
	"dns":     lookUp,
	"http":    httpGet,
	"socks":   socksConnect,
	"unix":    unixConnect,
	"file":    readFile,
	"write":   writeFile,
	"remove":  removeFile,

	"modes":      modes,
	"procmem":    procmemOf,
	"unixsocket": unixSocket,
}

// Run makes the checks in the order asked for.
func Run(checks []string) (Report, error) {
	if len(checks) == 0 {
		return nil, fmt.Errorf("no check named")
	}
	report := Report{}
	for _, check := range checks {
		name, argument, hasArgument := strings.Cut(check, "=")
		switch {
		case name == "sleep" && hasArgument:
			ms, err := strconv.Atoi(argument)
			if err != nil {
				return nil, fmt.Errorf("sleep=%s: not a number of milliseconds", argument)
			}
			time.Sleep(time.Duration(ms) * time.Millisecond)
		case hasArgument && withArgument[name] != nil:
			list, _ := report[name].([]any)
			report[name] = append(list, withArgument[name](argument))
		case !hasArgument && simple[name] != nil:
			report[name] = simple[name]()
		default:
			return nil, fmt.Errorf("no such check: %s", check)
		}
	}
	return report, nil
}
