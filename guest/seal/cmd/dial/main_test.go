package main

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for _, words := range [][]string{
		{}, {"a", "1", "2"}, {"../x"}, {"a/b"}, {"A"}, {"a--b"}, {""}, {"a", "0"}, {"a", "65536"}, {"a", "x"}, {"a", "-1"},
	} {
		if _, _, err := parse(words); err == nil {
			t.Errorf("%q is taken", words)
		}
	}
	if session, port, err := parse([]string{"calm-bold-tu", "8080"}); err != nil || session != "calm-bold-tu" || port != 8080 {
		t.Errorf("the control: %q, %d, %v", session, port, err)
	}
	if _, port, err := parse([]string{"calm-bold-tu"}); err != nil || port != 0 {
		t.Errorf("the control: %d, %v", port, err)
	}
}

// A process in the machine's own network, and one outside of the session's group, are never taken.
func TestNetworkOfProcess(t *testing.T) {
	var own unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &own); err != nil {
		t.Skip(err)
	}
	text, _ := os.ReadFile("/proc/self/cgroup")
	group := groupIn(string(text))
	if group == "" {
		t.Skip("there are no unified control groups")
	}
	if _, ok := networkOfProcess(os.Getpid(), group, own); ok {
		t.Error("a process in the machine's own network is taken")
	}
	other := own
	other.Ino++
	if _, ok := networkOfProcess(os.Getpid(), group+"x", other); ok {
		t.Error("a process of another group is taken")
	}
	if fd, ok := networkOfProcess(os.Getpid(), group, other); !ok {
		t.Error("the control: a process of the group, in another network, is not taken")
	} else {
		_ = unix.Close(fd)
	}
}

func groupIn(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 3 && line[:3] == "0::" {
			return line[3:]
		}
	}
	return ""
}
