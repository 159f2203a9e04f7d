// Command mcp is package server as a program of its own.
package main

import "cloister/mcp/server"

func main() { server.Main() }
