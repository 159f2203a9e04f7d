//go:build !amd64

package probe

// A 64-bit program cannot make AArch32 calls: that takes a 32-bit program, and a processor and kernel that run them.
const canMakeForeignCall = false

func foreignGetpid() int { return -1 }
