package guard

// Call is what a call that deletes was given, in the terms of unlinkat(2).
type Call struct {
	// Dir is the descriptor that a relative path starts from.
	Dir int
	// Path is an address in the caller's memory.
	Path uint64
	// Flags are unlinkat's: AT_REMOVEDIR makes it a rmdir.
	Flags int
}

// unlinkat takes of descriptor and flags what the kernel takes: they are of type int, the upper halves do not count.
func unlinkat(arguments [6]uint64) Call {
	return Call{Dir: int(int32(arguments[0])), Path: arguments[1], Flags: int(int32(arguments[2]))}
}
