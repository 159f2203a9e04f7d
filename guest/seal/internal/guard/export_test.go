package guard

// InstallInterruptible is Install as it is on kernels before 5.19, where a signal takes a thread out of a call.
func InstallInterruptible(socketFD int) error { return install(socketFD, 0) }
