package least

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

const inside = "CLOISTER_TEST_LEAST"

// status is what /proc tells of the calling thread's capabilities, by set.
func status(t *testing.T) map[string]uint64 {
	t.Helper()
	file, err := os.Open("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found := map[string]uint64{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if strings.HasPrefix(name, "Cap") || name == "NoNewPrivs" {
			found[name], _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return found
}

func TestDrop(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("there is nothing to drop")
	}
	if os.Getenv(inside) == "" {
		command := exec.Command(os.Args[0], "-test.run=^TestDrop$", "-test.v")
		command.Env = append(os.Environ(), inside+"=1")
		if said, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	runtime.LockOSThread()
	var kept uint64
	for _, one := range Kept {
		kept |= 1 << one.Capability
	}
	before := status(t)
	if before["CapEff"]&^kept == 0 {
		t.Skip("the control: this process has no more than is kept")
	}
	if err := Drop(); err != nil {
		t.Fatal(err)
	}
	after := status(t)
	want := map[string]uint64{
		"CapInh": 0, "CapAmb": 0, "CapPrm": before["CapPrm"] & kept, "CapEff": before["CapPrm"] & kept, "CapBnd": before["CapBnd"] & kept,
		"NoNewPrivs": 1,
	}
	for name, value := range want {
		if after[name] != value {
			t.Errorf("%s is %x, not %x", name, after[name], value)
		}
	}
}
