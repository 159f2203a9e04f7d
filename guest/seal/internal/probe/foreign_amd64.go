package probe

const canMakeForeignCall = true

// foreignGetpid makes i386's getpid by int 0x80.
func foreignGetpid() int
