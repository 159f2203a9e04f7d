// Command guard: internal/commands/guardian.
package main

import "cloister/seal/internal/commands/guardian"

func main() { guardian.Main() }
