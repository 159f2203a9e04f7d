package filter

// modes keeps set-user-id and set-group-id bits and devices out of whatever a session writes to. Inside they would be
// worth nothing (no new privileges, nosuid mounts), but folders of the operator's outlive the session, and there the
// file belongs to the folder's owner.
//
// The kernel takes these bits from an argument in every call below, and from nowhere else: mkdir masks them, access
// control lists and attributes cannot hold them, setting file capabilities takes one. A folder that has its
// set-group-id bit from the folder around it has it from the operator; changing the mode of such a folder without
// giving the bit up is refused with the rest, because no filter can tell a folder from a file.
var modes = []Rule{
	{Syscalls: []string{"openat"}, Errno: ePERM, When: []Condition{
		{Argument: 2, AnyBit: openMakes}, {Argument: 3, AnyBit: setID},
	}},
	// mq_open(3) makes a file of the queues' own file system, which is not mounted here: it costs nothing to be sure.
	{Syscalls: []string{"open", "mq_open"}, Errno: ePERM, When: []Condition{
		{Argument: 1, AnyBit: openMakes}, {Argument: 2, AnyBit: setID},
	}},
	// openat2 takes its mode in memory, where no filter can look. Those who use it go on with openat.
	{Syscalls: []string{"openat2"}, Errno: eNOSYS},
	{Syscalls: []string{"creat", "chmod", "fchmod"}, Errno: ePERM, When: []Condition{{Argument: 1, AnyBit: setID}}},
	{Syscalls: []string{"fchmodat", "fchmodat2"}, Errno: ePERM, When: []Condition{{Argument: 2, AnyBit: setID}}},
	{Syscalls: []string{"mknod"}, Errno: ePERM, When: []Condition{{Argument: 1, AnyBit: setID}}},
	{Syscalls: []string{"mknodat"}, Errno: ePERM, When: []Condition{{Argument: 2, AnyBit: setID}}},
	// Devices take a capability, but for character device 0:0, a "whiteout": that one anybody can make, also by renaming.
	{Syscalls: []string{"mknod"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{charDevice, blockDevice}, Mask: typeMask},
	}},
	{Syscalls: []string{"mknodat"}, Errno: ePERM, When: []Condition{
		{Argument: 2, In: []uint32{charDevice, blockDevice}, Mask: typeMask},
	}},
	{Syscalls: []string{"renameat2"}, Errno: ePERM, When: []Condition{{Argument: 4, AnyBit: renameWhiteout}}},
}
