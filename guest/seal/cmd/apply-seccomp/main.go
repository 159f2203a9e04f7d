// Command apply-seccomp: internal/commands/applyseccomp.
package main

import "cloister/seal/internal/commands/applyseccomp"

func main() { applyseccomp.Main() }
