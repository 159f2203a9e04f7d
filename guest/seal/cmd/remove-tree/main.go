// Command remove-tree: internal/commands/removetree.
package main

import "cloister/seal/internal/commands/removetree"

func main() { removetree.Main() }
