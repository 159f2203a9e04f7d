package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadsHomeAndFolders(t *testing.T) {
	home := filepath.Join(t.TempDir(), "brave-loving-maxwell")
	if err := os.MkdirAll(filepath.Join(home, "mnt", "work"), 0o755); err != nil {
		t.Fatal(err)
	}
	about, err := read(home)
	if err != nil || about.Name != "brave-loving-maxwell" || len(about.Folders) != 1 || !about.Folders[0].Writable {
		t.Fatalf("got %+v, %v", about, err)
	}
}

func TestSessionWithoutFolders(t *testing.T) {
	about, err := read(t.TempDir())
	if err != nil || about.Folders == nil || len(about.Folders) != 0 {
		t.Fatalf("got %+v, %v", about, err)
	}
}

func TestRefusesRelativeHome(t *testing.T) {
	if _, err := read("home"); err == nil {
		t.Fatal("accepted")
	}
}

func TestNetwork(t *testing.T) {
	if !strings.HasPrefix(network(""), "none") || !strings.Contains(network("http://localhost:3128"), "403") {
		t.Fatal("wrong words")
	}
}
