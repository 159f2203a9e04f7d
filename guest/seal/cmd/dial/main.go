// Command dial: internal/commands/dial.
package main

import "cloister/seal/internal/commands/dial"

func main() { dial.Main() }
