// Package commands chooses a command by the name that the program was started by.
package commands

import (
	"os"
	"path/filepath"

	"cloister/seal/internal/exit"
)

// Run runs the command that is named as the program's file is. Exit code 2: there is none.
func Run(all map[string]func()) {
	name := filepath.Base(os.Args[0])
	command, known := all[name]
	if !known {
		exit.With(exit.Usage, name, "this program is none of its commands; start it by a link that has a command's name")
	}
	command()
}
