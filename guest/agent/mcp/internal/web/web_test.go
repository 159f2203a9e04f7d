package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func serve(t *testing.T, kind, body string, status int) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestFetchesHTMLAsText(t *testing.T) {
	url := serve(t, "text/html", "<head><title>x</title></head><body><script>bad()</script><p>one  <b>two</b></p><p>three</p>", 200)
	page, err := fetch(context.Background(), http.DefaultClient, url)
	if err != nil || page.Text != "one\ntwo\nthree" || page.Status != 200 {
		t.Fatalf("got %+v, %v", page, err)
	}
}

func TestPassesDenialOn(t *testing.T) {
	page, err := fetch(context.Background(), http.DefaultClient, serve(t, "text/plain", "not allowed", 403))
	if err != nil || page.Status != 403 || page.Text != "not allowed" {
		t.Fatalf("got %+v, %v", page, err)
	}
}

func TestTruncates(t *testing.T) {
	page, err := fetch(context.Background(), http.DefaultClient, serve(t, "text/plain", strings.Repeat("é", maxText), 200))
	if err != nil || !page.Truncated || len(page.Text) > maxText {
		t.Fatalf("%d bytes, %v", len(page.Text), err)
	}
}

func TestRefusesOtherSchemes(t *testing.T) {
	if _, err := fetch(context.Background(), http.DefaultClient, "file:///etc/passwd"); err == nil {
		t.Fatal("accepted")
	}
}
