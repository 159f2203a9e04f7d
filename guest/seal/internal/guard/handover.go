package guard

import (
	"errors"

	"golang.org/x/sys/unix"
)

// The conversation on the socket pair: the sandbox sends one byte with two descriptors, the guard answers with one byte.
const (
	// plain: a signal starts a call anew that the guard has taken.
	plain = 'p'
	// held: only a deadly signal ends a call that the guard has taken.
	held  = 'h'
	ready = 'k'
)

// readySeconds is how long the guard may take to start. It has nothing to wait for but the processor.
const readySeconds = 30

// handover is what the sandbox gives to the guard.
type handover struct {
	listener, root int
	held           bool
}

// Handover is what the guard got from the sandbox.
type Handover struct {
	// Listener is the filter's listener.
	Listener int
	// Root is the sandbox's root folder, O_PATH.
	Root int
	// Held tells that only a deadly signal ends a call that was taken.
	Held bool
}

func send(socketFD int, given handover) error {
	kind := byte(plain)
	if given.held {
		kind = held
	}
	return unix.Sendmsg(socketFD, []byte{kind}, unix.UnixRights(given.listener, given.root), nil, unix.MSG_NOSIGNAL)
}

// awaitReady returns when the guard has said that it is ready.
func awaitReady(socketFD int) error {
	limit := unix.Timeval{Sec: readySeconds}
	if err := unix.SetsockoptTimeval(socketFD, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	answer := make([]byte, 1)
	for {
		n, err := unix.Read(socketFD, answer)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return errors.New("no answer")
		case err != nil:
			return err
		case n == 0:
			return errors.New("it has ended")
		case answer[0] != ready:
			return errors.New("it answers something else")
		}
		return nil
	}
}

// Receive takes what the sandbox hands over. It waits until the sandbox comes to that; it returns an error when the other
// end of the socket is closed first.
func Receive(socketFD int) (Handover, error) {
	kind := make([]byte, 1)
	control := make([]byte, unix.CmsgSpace(2*4))
	n, used, flags, err := receive(socketFD, kind, control)
	if err != nil {
		return Handover{}, err
	}
	if n == 0 {
		return Handover{}, errors.New("the sandbox ended before it began")
	}
	if flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		return Handover{}, errors.New("the sandbox handed over more than two descriptors")
	}
	messages, err := unix.ParseSocketControlMessage(control[:used])
	if err != nil {
		return Handover{}, err
	}
	if len(messages) != 1 {
		return Handover{}, errors.New("the sandbox handed over no descriptors")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return Handover{}, err
	}
	if len(fds) != 2 || (kind[0] != plain && kind[0] != held) {
		return Handover{}, errors.New("the sandbox handed over something else than a listener and a root")
	}
	return Handover{Listener: fds[0], Root: fds[1], Held: kind[0] == held}, nil
}

func receive(socketFD int, data, control []byte) (int, int, int, error) {
	for {
		n, used, flags, _, err := unix.Recvmsg(socketFD, data, control, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, used, flags, err
		}
	}
}

// Ready lets the sandbox go on, and ends the conversation.
func Ready(socketFD int) error {
	if err := unix.Sendmsg(socketFD, []byte{ready}, nil, nil, unix.MSG_NOSIGNAL); err != nil {
		return err
	}
	return unix.Close(socketFD)
}
