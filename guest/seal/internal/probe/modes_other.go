//go:build !amd64

package probe

func oldWays() []modeWay { return nil }
