package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, text string) (string, error) {
	path := filepath.Join(t.TempDir(), "machine.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(path)
}

func TestDefaults(t *testing.T) {
	got, err := read(t, `{"name":"a"}`)
	want := "machine_name=a\nmachine_target=local\nsession_label=sessions\nsession_serial=cloister-session\nsession_device=\nmemory_mib=3891\ntasks_max=8192\n"
	if err != nil || got != want {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestGiven(t *testing.T) {
	got, err := read(t, `{"name":"a","target":"aws","sessionDisk":{"label":"l","serial":"vol0123","device":"/dev/sdf"},"sessions":{"memoryMiB":900,"tmpMiB":16,"tasksMax":99}}`)
	if err != nil || !strings.Contains(got, "session_serial=vol0123\nsession_device=/dev/sdf\nmemory_mib=900\ntasks_max=99\n") {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestNothingReachesTheShellUnchecked(t *testing.T) {
	for _, bad := range []string{`{"name":"a;reboot"}`, `{"name":"a","sessionDisk":{"label":"$(x)"}}`, `{"name":"a","sessionDisk":{"device":"/dev/sdf;x"}}`, `{"name":"a","target":"` + "`x`" + `"}`, `{"name":""}`, `{`, `{"name":"a","sessions":{"memoryMiB":0}}`} {
		if got, err := read(t, bad); err == nil {
			t.Errorf("%s gave %q", bad, got)
		}
	}
}
