// Package server is the command mcp. It serves one of the two MCP servers that ship with cloister over stdin and stdout, inside a
// session:
//
//	mcp session   where the agent is and what it may do
//	mcp web       fetches a page as text through the session's proxy
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"cloister/mcp/internal/session"
	"cloister/mcp/internal/web"
)

var servers = map[string]func(*mcp.Server){"session": session.Register, "web": web.Register}

// Main is the whole command.
func Main() {
	if len(os.Args) != 2 || servers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: mcp session | web")
		os.Exit(2)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "cloister-" + os.Args[1], Version: "1"}, nil)
	servers[os.Args[1]](server)
	if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, "mcp:", err)
		os.Exit(1)
	}
}
