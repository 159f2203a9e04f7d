// Package settings reads what the boot scripts need of /etc/cloister/machine.json. The whole of it is described, and
// checked, by contract/machine.ts; a test holds the defaults of both together.
package settings

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

type machine struct {
	Name        string `json:"name"`
	Target      string `json:"target"`
	SessionDisk struct {
		Label  string `json:"label"`
		Serial string `json:"serial"`
		Device string `json:"device"`
	} `json:"sessionDisk"`
	Sessions struct {
		MemoryMiB int `json:"memoryMiB"`
		TasksMax  int `json:"tasksMax"`
	} `json:"sessions"`
}

// What a shell may take without quoting. The schema allows no more for these values.
var plain = regexp.MustCompile(`^[A-Za-z0-9._:+@%/-]+$`)

// Read returns shell assignments, one a line.
func Read(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var m machine
	m.SessionDisk.Label, m.SessionDisk.Serial = "sessions", "cloister-session"
	m.Target = "local"
	m.Sessions.MemoryMiB, m.Sessions.TasksMax = 3891, 8192
	if err := json.Unmarshal(text, &m); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if m.SessionDisk.Device != "" && !plain.MatchString(m.SessionDisk.Device) {
		return "", fmt.Errorf("%s: sessionDisk.device is %q: letters, digits and ._:+@%%/- only", path, m.SessionDisk.Device)
	}
	for name, value := range map[string]string{"name": m.Name, "target": m.Target, "sessionDisk.label": m.SessionDisk.Label, "sessionDisk.serial": m.SessionDisk.Serial} {
		if !plain.MatchString(value) {
			return "", fmt.Errorf("%s: %s is %q: letters, digits and ._:+@%%/- only", path, name, value)
		}
	}
	if m.Sessions.MemoryMiB <= 0 || m.Sessions.TasksMax <= 0 {
		return "", fmt.Errorf("%s: sessions.memoryMiB and sessions.tasksMax must be above 0", path)
	}
	return fmt.Sprintf("machine_name=%s\nmachine_target=%s\nsession_label=%s\nsession_serial=%s\nsession_device=%s\nmemory_mib=%d\ntasks_max=%d\n",
		m.Name, m.Target, m.SessionDisk.Label, m.SessionDisk.Serial, m.SessionDisk.Device, m.Sessions.MemoryMiB, m.Sessions.TasksMax), nil
}
