// Command trash: internal/commands/trasher.
package main

import "cloister/seal/internal/commands/trasher"

func main() { trasher.Main() }
