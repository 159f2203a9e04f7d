package probe

import (
	"os"
	"strings"
)

// loadedModules are the names in /proc/modules (proc(5)); none where the kernel has no modules.
func loadedModules() map[string]bool {
	found := map[string]bool{}
	text, _ := os.ReadFile("/proc/modules")
	for _, line := range strings.Split(string(text), "\n") {
		if name, _, ok := strings.Cut(line, " "); ok {
			found[name] = true
		}
	}
	return found
}

// loading makes a call and tells which modules the kernel has after it that it had not before. Others may load some at
// the same time.
func loading(do func() error) (Outcome, []string) {
	before := loadedModules()
	err := do()
	var loaded []string
	for name := range loadedModules() {
		if !before[name] {
			loaded = append(loaded, name)
		}
	}
	return outcome(err), loaded
}
