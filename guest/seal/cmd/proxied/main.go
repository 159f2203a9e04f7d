// Command proxied: internal/commands/proxied.
package main

import "cloister/seal/internal/commands/proxied"

func main() { proxied.Main() }
