package ebs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// page has text at an offset, as EBS pads it: with spaces up to 32 bytes.
func page(offset int, text string) []byte {
	made := make([]byte, PageSize)
	copy(made[offset:], text+strings.Repeat(" ", 32-len(text)))
	return made
}

func TestDeviceName(t *testing.T) {
	none := make([]byte, PageSize)
	for _, c := range []struct {
		why                   string
		controller, namespace []byte
		want                  string
	}{
		{"with /dev/ in the controller's page", page(controllerOffset, "/dev/sdf"), none, "sdf"},
		{"without /dev/", page(controllerOffset, "sdf"), none, "sdf"},
		{"in the namespace's page, which goes before", page(controllerOffset, "sda1"), page(namespaceOffset, "/dev/sdf"), "sdf"},
		{"a root disk", page(controllerOffset, "/dev/sda1"), none, "sda1"},
		{"ended by a NUL", append(append(make([]byte, controllerOffset), "sdf\x00garbage"...), none[:1000]...), none, "sdf"},
		{"zeros, as QEMU's controllers have", none, none, ""},
		{"no name of a device", page(controllerOffset, "/dev/../sdf"), none, ""},
		{"a page that is too short", none[:100], nil, ""},
	} {
		if got := DeviceName(c.controller, c.namespace); got != c.want {
			t.Errorf("%s: %q, not %q", c.why, got, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	sys := t.TempDir()
	for controller, model := range map[string]string{
		"nvme0": Model + "              \n", "nvme1": Model + "\n", "nvme2": "Amazon EC2 NVMe Instance Storage\n", "nvme3": Model + "\n",
	} {
		folder := filepath.Join(sys, "class/nvme", controller)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "model"), []byte(model), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]string{"/dev/nvme0n1": "/dev/sdf", "/dev/nvme1n1": "/dev/sda1", "/dev/nvme2n1": "/dev/sdf"}
	ask := func(device string) ([]byte, []byte, error) {
		if names[device] == "" {
			return nil, nil, errors.New("no answer")
		}
		return page(controllerOffset, names[device]), make([]byte, PageSize), nil
	}
	// Whatever its number, and an instance's own disk never.
	if got, problems := Find("/dev/sdf", sys, "/dev", ask); len(problems) != 1 || !reflect.DeepEqual(got, []string{"/dev/nvme0n1"}) {
		t.Errorf("%q, %v", got, problems)
	}
	names["/dev/nvme0n1"], names["/dev/nvme1n1"] = names["/dev/nvme1n1"], names["/dev/nvme0n1"]
	if got, _ := Find("/dev/sdf", sys, "/dev", ask); !reflect.DeepEqual(got, []string{"/dev/nvme1n1"}) {
		t.Errorf("the other order: %q", got)
	}
	if got, _ := Find("/dev/sdg", sys, "/dev", ask); got != nil {
		t.Errorf("a disk that is not attached: %q", got)
	}
}
