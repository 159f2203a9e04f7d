package probe

import "os"

// Arguments that make this program a child of its own, which does one thing and exits.
const (
	foreignChild   = "foreign-child"
	namespaceChild = "namespace-child"
	idleChild      = "idle-child"
)

// BeChild does what a child of this program was started for, and does not return. For any other argument it does
// nothing.
func BeChild(argument string) {
	switch argument {
	case foreignChild:
		makeForeignCall()
	case namespaceChild:
		tellCapabilities()
	case idleChild:
		idle()
	}
}

// idle says that it runs, and waits for the end of its input.
func idle() {
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(0)
}
