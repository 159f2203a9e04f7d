package scope

import (
	"encoding/binary"
	"errors"
	"io"
)

// What is used of the D-Bus specification's "Message Protocol", little-endian.
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8

	callSerial = 1
	// mostBytes is far more than any of systemd's answers here.
	mostBytes = 1 << 20
)

// buffer is a message or a part of one. Alignment counts from its beginning, so parts begin at multiples of 8.
type buffer []byte

func (b *buffer) align(to int) {
	for len(*b)%to != 0 {
		*b = append(*b, 0)
	}
}

func (b *buffer) uint32(value uint32) {
	b.align(4)
	*b = binary.LittleEndian.AppendUint32(*b, value)
}

func (b *buffer) uint64(value uint64) {
	b.align(8)
	*b = binary.LittleEndian.AppendUint64(*b, value)
}

func (b *buffer) string(value string) {
	b.uint32(uint32(len(value)))
	*b = append(append(*b, value...), 0)
}

func (b *buffer) signature(value string) {
	*b = append(*b, byte(len(value)))
	*b = append(append(*b, value...), 0)
}

// array is one whose elements, which begin at multiples of `to`, are written by `elements`.
func (b *buffer) array(to int, elements func()) {
	b.uint32(0)
	length := len(*b) - 4
	b.align(to)
	first := len(*b)
	elements()
	binary.LittleEndian.PutUint32((*b)[length:], uint32(len(*b)-first))
}

func (b *buffer) field(code byte, signature string, value func()) {
	b.align(8)
	*b = append(*b, code)
	b.signature(signature)
	value()
}

// startTransientUnit is the call of org.freedesktop.systemd1(5): name, mode, properties, and no further units.
func startTransientUnit(spec Spec, pid int) []byte {
	var body buffer
	property := func(name, signature string, value func()) {
		body.align(8)
		body.string(name)
		body.signature(signature)
		value()
	}
	body.string(spec.Name)
	body.string("fail")
	body.array(8, func() {
		property("Description", "s", func() { body.string(spec.Description) })
		property("Slice", "s", func() { body.string(spec.Slice) })
		property("CollectMode", "s", func() { body.string("inactive-or-failed") })
		property("MemoryMax", "t", func() { body.uint64(spec.MemoryMax) })
		property("TasksMax", "t", func() { body.uint64(spec.TasksMax) })
		property("PIDs", "au", func() { body.array(4, func() { body.uint32(uint32(pid)) }) })
	})
	body.array(8, func() {})

	message := buffer{'l', methodCall, 0, 1}
	message.uint32(uint32(len(body)))
	message.uint32(callSerial)
	message.array(8, func() {
		text := func(code byte, signature, value string) {
			message.field(code, signature, func() { message.string(value) })
		}
		text(fieldPath, "o", "/org/freedesktop/systemd1")
		text(fieldInterface, "s", "org.freedesktop.systemd1.Manager")
		text(fieldMember, "s", "StartTransientUnit")
		text(fieldDestination, "s", "org.freedesktop.systemd1")
		message.field(fieldSignature, "g", func() { message.signature("ssa(sv)a(sa(sv))") })
	})
	message.align(8)
	return append(message, body...)
}

// answerTo reads messages until the one that answers a call, and returns the error that it tells of.
func answerTo(reader io.Reader, serial uint32) error {
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(reader, head); err != nil {
			return err
		}
		if head[0] != 'l' {
			return errors.New("systemd answers in another byte order")
		}
		body, fields := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
		if body > mostBytes || fields > mostBytes {
			return errors.New("systemd's answer is too long")
		}
		rest := make([]byte, (fields+7)/8*8+body)
		if _, err := io.ReadFull(reader, rest); err != nil {
			return err
		}
		reply, name, err := read(rest[:fields])
		if err != nil {
			return err
		}
		switch {
		case reply != serial:
			// A signal, or something else that is not meant for this call.
		case head[1] == methodReturn:
			return nil
		case head[1] == errorReply:
			return errors.New("systemd refuses: " + name + firstString(rest[(fields+7)/8*8:]))
		}
	}
}

// read finds the fields that are needed of a header: the call that it answers, and an error's name.
func read(fields []byte) (reply uint32, errorName string, err error) {
	bad := errors.New("systemd's answer is no D-Bus message")
	for at := 0; at < len(fields); {
		at = (at + 7) / 8 * 8
		if at+4 > len(fields) {
			return 0, "", bad
		}
		code, length := fields[at], int(fields[at+1])
		if length != 1 || at+4 > len(fields) {
			return 0, "", bad
		}
		kind := fields[at+2]
		at += 4
		switch kind {
		case 'u':
			if at+4 > len(fields) {
				return 0, "", bad
			}
			if code == fieldReplySerial {
				reply = binary.LittleEndian.Uint32(fields[at:])
			}
			at += 4
		case 's', 'o':
			if at+4 > len(fields) {
				return 0, "", bad
			}
			size := int(binary.LittleEndian.Uint32(fields[at:]))
			if size > len(fields) || at+4+size+1 > len(fields) {
				return 0, "", bad
			}
			if code == fieldErrorName {
				errorName = string(fields[at+4 : at+4+size])
			}
			at += 4 + size + 1
		case 'g':
			if at >= len(fields) {
				return 0, "", bad
			}
			at += 1 + int(fields[at]) + 1
		default:
			return 0, "", bad
		}
	}
	return reply, errorName, nil
}

// firstString is what an error says in words, if its body is that.
func firstString(body []byte) string {
	if len(body) < 4 {
		return ""
	}
	size := binary.LittleEndian.Uint32(body)
	if uint64(size)+5 > uint64(len(body)) {
		return ""
	}
	return ": " + string(body[4:4+size])
}
