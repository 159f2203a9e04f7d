package tree

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// listed is how many problems are told one by one.
	listed = 20
	// longest is how much of a path is told.
	longest = 200
)

// Problems is what could not be removed, in words that can be printed whatever the names are.
type Problems struct {
	lines []string
	more  int
}

// Lines has one line per problem, and one that counts those beyond the first few.
func (p *Problems) Lines() []string {
	if p.more == 0 {
		return p.lines
	}
	return append(p.lines[:len(p.lines):len(p.lines)], "and "+strconv.Itoa(p.more)+" more")
}

func (p *Problems) Error() string { return strings.Join(p.Lines(), "; ") }

func (p *Problems) empty() bool { return len(p.lines) == 0 }

func (p *Problems) add(path string, err error) {
	if len(p.lines) == listed {
		p.more++
		return
	}
	p.lines = append(p.lines, printable(path)+": "+reason(err))
}

// reason is the kernel's words without Go's.
func reason(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// printable is a path as it is where it is plain, and in Go's quotes where it is not. Only its end is shown of a long one.
func printable(path string) string {
	begin := ""
	if len(path) > longest {
		begin, path = "...", path[len(path)-longest:]
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] > '~' || path[i] == '"' || path[i] == '\\' {
			return begin + strconv.QuoteToASCII(path)
		}
	}
	return begin + path
}
