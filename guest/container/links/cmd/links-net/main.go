// Command links-net is the commands that speak HTTP, those of the seal and the agent's, in one program: see cmd/links of the seal.
// None of them is started on the way to a session.
package main

import (
	"cloister/mcp/server"
	"cloister/seal/internal/commands"
	"cloister/seal/internal/commands/prober"
	"cloister/seal/internal/commands/proxied"
)

func main() {
	commands.Run(map[string]func(){"mcp": server.Main, "probe": prober.Main, "proxied": proxied.Main})
}
