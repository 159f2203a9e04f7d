// Package web fetches pages for an agent through its session's proxy.
package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxRead = 4 << 20
	maxText = 100_000
	timeout = 60 * time.Second
)

// Request is what to fetch.
type Request struct {
	URL string `json:"url" jsonschema:"http or https URL; its host must be allowed by the session's policy"`
}

// Page is what was fetched.
type Page struct {
	Status    int    `json:"status"`
	Type      string `json:"type" jsonschema:"content type as the server gave it"`
	Text      string `json:"text"`
	Truncated bool   `json:"truncated"`
}

// Register adds the tool `fetch`.
func Register(server *mcp.Server) {
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
	mcp.AddTool(server, &mcp.Tool{
		Name:        "fetch",
		Description: "Fetches a web page with GET and returns its text. Only hosts that the session's policy allows can be reached; a denial has status 403 and the reason.",
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true},
	}, func(ctx context.Context, _ *mcp.CallToolRequest, request Request) (*mcp.CallToolResult, Page, error) {
		page, err := fetch(ctx, client, request.URL)
		return nil, page, err
	})
}

func fetch(ctx context.Context, client *http.Client, url string) (Page, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return Page{}, fmt.Errorf("%q is not an http or https URL", url)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Page{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return Page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRead))
	if err != nil {
		return Page{}, err
	}
	kind := response.Header.Get("Content-Type")
	text := string(body)
	if strings.HasPrefix(kind, "text/html") {
		text = htmlText(text)
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	page := Page{Status: response.StatusCode, Type: kind, Text: text}
	if len(text) > maxText {
		page.Text, page.Truncated = strings.ToValidUTF8(text[:maxText], ""), true
	}
	return page, nil
}

var unseen = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Head: true}

// htmlText is the text that a reader of the page sees, one line per block.
func htmlText(source string) string {
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return source
	}
	var lines []string
	for node := range root.Descendants() {
		if node.Type != html.TextNode || hidden(node) {
			continue
		}
		if line := strings.Join(strings.Fields(node.Data), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func hidden(node *html.Node) bool {
	for parent := range node.Ancestors() {
		if unseen[parent.DataAtom] {
			return true
		}
	}
	return false
}
