// Package session tells an agent about the session it runs in.
package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Folder is a mounted folder and whether files can be written in it.
type Folder struct {
	Path     string `json:"path"`
	Writable bool   `json:"writable"`
}

// About is what a session knows of itself.
type About struct {
	Name    string   `json:"name" jsonschema:"name of the session"`
	Home    string   `json:"home" jsonschema:"the session's own folder; it is kept only when the session is"`
	Folders []Folder `json:"folders" jsonschema:"folders of the user, mounted into the session"`
	Network string   `json:"network" jsonschema:"how the network can be reached"`
}

// Register adds the tool `about`.
func Register(server *mcp.Server) {
	mcp.AddTool(server, &mcp.Tool{
		Name:        "about",
		Description: "Where you are: the session's name, its home, the user's folders and which of them can be written, and what the network allows.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
	}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, About, error) {
		about, err := read(os.Getenv("HOME"))
		return nil, about, err
	})
}

func read(home string) (About, error) {
	if !filepath.IsAbs(home) {
		return About{}, fmt.Errorf("HOME is %q: not a session", home)
	}
	about := About{Name: filepath.Base(home), Home: home, Folders: []Folder{}, Network: network(os.Getenv("HTTP_PROXY"))}
	entries, err := os.ReadDir(filepath.Join(home, "mnt"))
	if err != nil && !os.IsNotExist(err) {
		return About{}, err
	}
	for _, entry := range entries {
		path := filepath.Join(home, "mnt", entry.Name())
		about.Folders = append(about.Folders, Folder{Path: path, Writable: writable(path)})
	}
	return about, nil
}

// writable asks the kernel (access(2), W_OK), which knows of read-only mounts.
func writable(path string) bool {
	const wOK = 2
	return syscall.Access(path, wOK) == nil
}

func network(proxy string) string {
	if strings.TrimSpace(proxy) == "" {
		return "none: this session has no proxy"
	}
	return "only through the proxy in HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, to the hosts that the session's policy allows; anything else is answered with status 403 and the reason"
}
