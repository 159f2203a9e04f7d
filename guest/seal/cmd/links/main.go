// Command links is several commands of the seal in one program, as a container's image has them: each under a link with its name.
// Those that need Go's HTTP are in links-net (guest/container/links), because all that a program contains is set up at its start.
package main

import (
	"cloister/seal/internal/commands"
	"cloister/seal/internal/commands/applyseccomp"
	"cloister/seal/internal/commands/dial"
	"cloister/seal/internal/commands/guardian"
	"cloister/seal/internal/commands/removetree"
	"cloister/seal/internal/commands/trasher"
)

func main() {
	commands.Run(map[string]func(){
		"apply-seccomp": applyseccomp.Main,
		"dial":          dial.Main,
		"guard":         guardian.Main,
		"remove-tree":   removetree.Main,
		"trash":         trasher.Main,
	})
}
