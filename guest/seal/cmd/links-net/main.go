// Command links-net is the commands of the seal that speak HTTP, in one program: see links.
package main

import (
	"cloister/seal/internal/commands"
	"cloister/seal/internal/commands/prober"
	"cloister/seal/internal/commands/proxied"
)

func main() {
	commands.Run(map[string]func(){"probe": prober.Main, "proxied": proxied.Main})
}
