// Package commands chooses a command by the name that the program was started by.
package commands

import (
	"fmt"
	"os"
	"path/filepath"
)

const exitUsage = 2

// Run runs the command that is named as the program's file is. Exit code 2: there is none.
func Run(all map[string]func()) {
	name := filepath.Base(os.Args[0])
	command, known := all[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: this program is none of its commands; start it by a link that has a command's name\n", name)
		os.Exit(exitUsage)
	}
	command()
}
