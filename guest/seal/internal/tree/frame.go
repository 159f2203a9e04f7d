package tree

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// bufferSize is how much of a folder is read at once.
const bufferSize = 32 << 10

// frame is a folder that is open.
type frame struct {
	fd   int
	name string
	// buffer holds names that were read; those between at and end are still to be dealt with.
	buffer  []byte
	at, end int
	passes  int
	// removedBefore is how much was removed before this pass.
	removedBefore uint64
	// failed: something in it stays, and was told.
	failed bool
	// cut: the folder that it lies in is not open any more.
	cut bool
	// trusted: it is not the session's, and its flags are not to be changed.
	trusted bool
}

// Offsets in struct linux_dirent64 (getdents64(2)).
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// next is the folder's next name and its type, as far as the file system tells; no name at the end.
func (f *frame) next() (string, byte, error) {
	for {
		if f.at >= f.end {
			n, err := unix.Getdents(f.fd, f.buffer)
			if err == unix.EINTR {
				continue
			}
			// ENOENT: the folder itself was removed by somebody else.
			if err != nil && err != unix.ENOENT {
				return "", 0, err
			}
			if err != nil || n == 0 {
				return "", 0, nil
			}
			f.at, f.end = 0, n
		}
		record := f.buffer[f.at:f.end]
		length := int(binary.NativeEndian.Uint16(record[direntLength:]))
		f.at += length
		name, _, _ := bytes.Cut(record[direntName:length], []byte{0})
		if text := string(name); text != "" && text != "." && text != ".." {
			return text, record[direntType], nil
		}
	}
}

// rewind lets the folder be read from its begin.
func (f *frame) rewind() error {
	_, err := unix.Seek(f.fd, 0, unix.SEEK_SET)
	f.at, f.end = 0, 0
	f.passes++
	return err
}
