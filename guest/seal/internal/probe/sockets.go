package probe

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

type socketResult struct {
	Outcome
	Family   int `json:"family"`
	Type     int `json:"type"`
	Protocol int `json:"protocol"`
	// Loaded are the modules that came with it.
	Loaded []string `json:"loaded,omitempty"`
}

// Protocols that x/sys/unix does not name, or does not name everywhere (linux/in.h).
const (
	protocolDCCP   = 33
	protocolL2TP   = 115
	protocolSCTP   = 132
	protocolUDPL   = 136
	protocolSMC    = 256
	protocolMPTCP  = 262
	protocolICMP   = 1
	protocolICMPv6 = 58

	sockDCCP   = 6
	sockPacket = 10
)

// sockets tries to make one socket of each kind that matters: family, type, protocol.
func sockets() any {
	found := map[string]socketResult{}
	for name, s := range map[string][3]int{
		"unix":       {unix.AF_UNIX, unix.SOCK_STREAM, 0},
		"unix-dgram": {unix.AF_UNIX, unix.SOCK_DGRAM, 0},

		"inet":           {unix.AF_INET, unix.SOCK_STREAM, 0},
		"inet-tcp":       {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP},
		"inet-udp":       {unix.AF_INET, unix.SOCK_DGRAM, 0},
		"inet-udp-named": {unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP},
		"inet6":          {unix.AF_INET6, unix.SOCK_STREAM, 0},
		"inet6-udp":      {unix.AF_INET6, unix.SOCK_DGRAM, 0},

		"inet-raw":       {unix.AF_INET, unix.SOCK_RAW, protocolICMP},
		"inet-packet":    {unix.AF_INET, sockPacket, 0},
		"inet-ping":      {unix.AF_INET, unix.SOCK_DGRAM, protocolICMP},
		"inet6-ping":     {unix.AF_INET6, unix.SOCK_DGRAM, protocolICMPv6},
		"inet-sctp":      {unix.AF_INET, unix.SOCK_STREAM, protocolSCTP},
		"inet6-sctp":     {unix.AF_INET6, unix.SOCK_SEQPACKET, protocolSCTP},
		"inet-sctp-raw":  {unix.AF_INET, unix.SOCK_RAW, protocolSCTP},
		"inet-dccp":      {unix.AF_INET, sockDCCP, protocolDCCP},
		"inet-udplite":   {unix.AF_INET, unix.SOCK_DGRAM, protocolUDPL},
		"inet6-udplite":  {unix.AF_INET6, unix.SOCK_DGRAM, protocolUDPL},
		"inet-mptcp":     {unix.AF_INET, unix.SOCK_STREAM, protocolMPTCP},
		"inet-smc":       {unix.AF_INET, unix.SOCK_STREAM, protocolSMC},
		"inet-l2tp":      {unix.AF_INET, unix.SOCK_DGRAM, protocolL2TP},
		"inet-crosswise": {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_UDP},

		"netlink-route":        {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE},
		"netlink-route-stream": {unix.AF_NETLINK, unix.SOCK_STREAM, unix.NETLINK_ROUTE},
		"netlink-diag":         {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG},
		"netlink-xfrm":         {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM},
		"netlink-nf":           {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER},
		"netlink-audit":        {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT},
		"netlink-uevent":       {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT},
		"netlink-crypto":       {unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_CRYPTO},

		"unspecified": {unix.AF_UNSPEC, unix.SOCK_DGRAM, 0},
		"vsock":       {unix.AF_VSOCK, unix.SOCK_STREAM, 0},
		"packet":      {unix.AF_PACKET, unix.SOCK_RAW, 0},
		"alg":         {unix.AF_ALG, unix.SOCK_SEQPACKET, 0},
		"bluetooth":   {unix.AF_BLUETOOTH, unix.SOCK_RAW, 0},
		"can":         {unix.AF_CAN, unix.SOCK_RAW, 1},
		"xdp":         {unix.AF_XDP, unix.SOCK_RAW, 0},
		"smc":         {unix.AF_SMC, unix.SOCK_STREAM, 0},
		"tipc":        {unix.AF_TIPC, unix.SOCK_SEQPACKET, 0},
		"rds":         {unix.AF_RDS, unix.SOCK_SEQPACKET, 0},
		"key":         {unix.AF_KEY, unix.SOCK_RAW, 2},
		"qipcrtr":     {unix.AF_QIPCRTR, unix.SOCK_DGRAM, 0},
	} {
		result := socketResult{Family: s[0], Type: s[1], Protocol: s[2]}
		result.Outcome, result.Loaded = loading(func() error {
			fd, err := unix.Socket(s[0], s[1]|unix.SOCK_CLOEXEC, s[2])
			if err == nil {
				_ = unix.Close(fd)
			}
			return err
		})
		found[name] = result
	}
	for name, s := range map[string][3]int{
		"pair-stream":    {unix.AF_UNIX, unix.SOCK_STREAM, 0},
		"pair-seqpacket": {unix.AF_UNIX, unix.SOCK_SEQPACKET, 0},
		"pair-dgram":     {unix.AF_UNIX, unix.SOCK_DGRAM, 0},
		"pair-inet":      {unix.AF_INET, unix.SOCK_STREAM, 0},
		"pair-tipc":      {unix.AF_TIPC, unix.SOCK_SEQPACKET, 0},
	} {
		result := socketResult{Family: s[0], Type: s[1], Protocol: s[2]}
		result.Outcome, result.Loaded = loading(func() error {
			pair, err := unix.Socketpair(s[0], s[1]|unix.SOCK_CLOEXEC, s[2])
			if err == nil {
				_ = unix.Close(pair[0])
				_ = unix.Close(pair[1])
			}
			return err
		})
		found[name] = result
	}
	return found
}

type loaderResult struct {
	Outcome
	Loaded []string `json:"loaded,omitempty"`
}

// Line disciplines of terminals (linux/tty.h), each a module of its own.
const (
	disciplineTTY  = 0
	disciplineSLIP = 1
	disciplinePPP  = 3
	disciplineHDLC = 13
	disciplineGSM  = 21
)

// Names of getsockopt(2) that are bpfilter's, and iptables' (linux/bpfilter.h).
const iptablesInfo = 64

// loaders makes calls on a socket and a terminal of one's own that make the kernel load a module for anybody, and two
// that must work.
func loaders() any {
	socket, socketErr := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	terminal, terminalErr := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	defer unix.Close(socket)
	defer unix.Close(terminal)
	found := map[string]loaderResult{}
	try := func(name string, opened error, do func() error) {
		result := loaderResult{Outcome: outcome(opened)}
		if opened == nil {
			result.Outcome, result.Loaded = loading(do)
		}
		found[name] = result
	}
	request := func(fd int, number uint, argument *[64]byte) func() error {
		return func() error {
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(number), uintptr(unsafe.Pointer(argument)))
			return numbered(errno)
		}
	}
	for name, number := range map[string]uint{
		"bridge": unix.SIOCGIFBR, "bridge-add": unix.SIOCBRADDBR, "vlan": unix.SIOCGIFVLAN, "vlan-set": unix.SIOCSIFVLAN,
	} {
		try(name, socketErr, request(socket, number, new([64]byte)))
	}
	for name, discipline := range map[string]byte{
		"line-tty": disciplineTTY, "line-slip": disciplineSLIP, "line-ppp": disciplinePPP, "line-hdlc": disciplineHDLC,
		"line-gsm": disciplineGSM,
	} {
		try(name, terminalErr, request(terminal, unix.TIOCSETD, &[64]byte{discipline}))
	}
	try("kernel-tls", socketErr, func() error {
		return unix.SetsockoptString(socket, unix.SOL_TCP, unix.TCP_ULP, "tls")
	})
	try("iptables", socketErr, func() error {
		_, err := unix.GetsockoptInt(socket, unix.SOL_IP, iptablesInfo)
		return err
	})
	try("no-delay", socketErr, func() error { return unix.SetsockoptInt(socket, unix.SOL_TCP, unix.TCP_NODELAY, 1) })
	try("window-size", terminalErr, request(terminal, unix.TIOCGWINSZ, new([64]byte)))
	return found
}

// numbered is an errno as an error, nil for none.
func numbered(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// unixSocket tries every way to a named AF_UNIX socket: each type of socket, and both ends of pairs.
func unixSocket(path string) any {
	result := map[string]any{"target": path}
	address := &unix.SockaddrUnix{Name: path}
	for name, kind := range map[string]int{
		"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "seqpacket": unix.SOCK_SEQPACKET,
	} {
		fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, address)
			_ = unix.Close(fd)
		}
		result[name] = outcome(err)
		pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(pair[0], address)
			if err != nil && kind == unix.SOCK_DGRAM {
				err = unix.Sendto(pair[0], []byte("x"), 0, address)
			}
			_ = unix.Close(pair[0])
			_ = unix.Close(pair[1])
		}
		result["pair-"+name] = outcome(err)
	}
	return result
}
