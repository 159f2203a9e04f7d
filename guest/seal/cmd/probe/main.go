// Command probe: internal/commands/prober.
package main

import "cloister/seal/internal/commands/prober"

func main() { prober.Main() }
