package filter

// inet says that a call is about the internet's two families.
var inet = Condition{Argument: 0, In: []uint32{afInet, afInet6}}

// sockets leaves TCP, UDP, AF_UNIX (the second filter's) and the netlink of interfaces and routes. What else a kernel
// has is refused by a positive list, and answered as by a kernel that has none of it: for each triple of family, type
// and protocol that is not there, the kernel asks modprobe for a module that brings it, whoever calls. So a session
// could load SCTP, DCCP, L2TP, and choose which code it attacks. MPTCP, UDP-Lite, SMC and ping sockets (which a network
// namespace of its own allows nobody) need no module on most machines, but nothing in a session needs them either.
var sockets = []Rule{
	// AF_VSOCK, AF_ALG, AF_PACKET, AF_BLUETOOTH, AF_SMC and forty more.
	{Syscalls: []string{"socket"}, Errno: eAFNOSUPPORT, When: []Condition{
		{Argument: 0, NotIn: []uint32{afUnix, afInet, afInet6, afNetlink}},
	}},
	// What anybody without CAP_NET_RAW is told, before the protocol is looked at and loaded.
	{Syscalls: []string{"socket"}, Errno: ePERM, When: []Condition{
		inet, {Argument: 1, In: []uint32{sockRaw}, Mask: sockTypeMask},
	}},
	// SOCK_SEQPACKET (SCTP), SOCK_DCCP, SOCK_RDM, and SOCK_PACKET, which turns AF_INET into AF_PACKET.
	{Syscalls: []string{"socket"}, Errno: eSOCKTNOSUPPORT, When: []Condition{
		inet, {Argument: 1, NotIn: []uint32{sockStream, sockDatagram}, Mask: sockTypeMask},
	}},
	{Syscalls: []string{"socket"}, Errno: ePROTONOSUPPORT, When: []Condition{
		inet,
		{Argument: 1, In: []uint32{sockStream}, Mask: sockTypeMask},
		{Argument: 2, NotIn: []uint32{protocolOfType, protocolTCP}},
	}},
	{Syscalls: []string{"socket"}, Errno: ePROTONOSUPPORT, When: []Condition{
		inet,
		{Argument: 1, In: []uint32{sockDatagram}, Mask: sockTypeMask},
		{Argument: 2, NotIn: []uint32{protocolOfType, protocolUDP}},
	}},
	// Interfaces and routes are what getifaddrs asks for; the other netlink families reach into nftables and more.
	{Syscalls: []string{"socket"}, Errno: ePROTONOSUPPORT, When: []Condition{
		{Argument: 0, In: []uint32{afNetlink}},
		{Argument: 2, NotIn: []uint32{netlinkRoute}},
	}},
	{Syscalls: []string{"socket"}, Errno: eSOCKTNOSUPPORT, When: []Condition{
		{Argument: 0, In: []uint32{afNetlink}},
		{Argument: 1, NotIn: []uint32{sockRaw, sockDatagram}, Mask: sockTypeMask},
	}},
	// Of another family the kernel makes both sockets before it finds that they cannot be a pair.
	{Syscalls: []string{"socketpair"}, Errno: eAFNOSUPPORT, When: []Condition{
		{Argument: 0, NotIn: []uint32{afUnix}},
	}},

	// Out-of-band data of AF_UNIX pairs: hardly any program sends some, and it has been a way into the kernel.
	{Syscalls: []string{"sendto", "sendmmsg"}, Errno: eOPNOTSUPP, When: []Condition{{Argument: 3, AnyBit: messageOutOfBand}}},
	{Syscalls: []string{"sendmsg"}, Errno: eOPNOTSUPP, When: []Condition{{Argument: 2, AnyBit: messageOutOfBand}}},

	// Programs in the kernel that look at packets. The kernel keeps a copy of each that no control group counts, and has one
	// space for the compiled ones of everybody: where it is used up, some kernels load no filter of a session's any more.
	{Syscalls: []string{"setsockopt"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{levelSocket}},
		{Argument: 2, In: []uint32{attachFilter, attachBPF, attachReuseportCBPF, attachReuseportEBPF}},
	}},
	// "Upper layer protocols" put the kernel's TLS, SMC or ESP under a TCP socket. Programs that ask for kernel TLS do
	// without when they are told no. Signed segments (TCP-MD5, TCP-AO) are the routers': they use the kernel's ciphers, TCP-AO
	// any that the caller names, with its module.
	{Syscalls: []string{"setsockopt"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{levelTCP}},
		{Argument: 2, In: []uint32{
			tcpULP, tcpMD5, tcpMD5Extended, tcpAOAddKey, tcpAODeleteKey, tcpAOInfo, tcpAOGetKeys, tcpAORepair,
		}},
	}},
	// Packets of ESP, L2TP and the like inside UDP. A socket of UDP takes them at the level of UDP-Lite, too.
	{Syscalls: []string{"setsockopt"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{levelUDP, levelUDPLite}}, {Argument: 2, In: []uint32{udpEncapsulation}},
	}},
	// Flow labels of IPv6: there are 4096 for all network namespaces together.
	{Syscalls: []string{"setsockopt"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{levelIPv6}}, {Argument: 2, In: []uint32{flowLabels}},
	}},
	// Iptables' own numbers, which are root's. Kernels before 6.10 with bpfilter load it for anybody who asks.
	{Syscalls: []string{"setsockopt", "getsockopt"}, Errno: ePERM, When: []Condition{
		{Argument: 1, In: []uint32{levelIP}}, {Argument: 2, In: []uint32{bpfilterReplace, bpfilterCounters}},
	}},
}
