// Package blank tells whether a disk holds anything.
package blank

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

const (
	// Edge is read whole at both ends: file systems, partition tables and volume managers keep their headers there.
	Edge = 4 << 20
	// Between the edges every Stride bytes a Sample is read, so that any stretch of Stride+Sample bytes of data is found
	// for certain. 10 GB are 10,240 samples: 40 MB instead of all of it, which a fresh cloud volume reads in minutes.
	Stride = 1 << 20
	Sample = 4 << 10

	readers = 8
)

// FirstData returns the offset of a byte that is not zero, or -1 when none was found. With several readers it need not
// be the very first such byte.
func FirstData(path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if size == 0 {
		return 0, errors.New(path + " has no size")
	}
	adviseRandom(file)
	return search(file, plan(size))
}

type span struct{ offset, length int64 }

// plan lists what is read of a disk of this size, edges first.
func plan(size int64) []span {
	head := min(Edge, size)
	spans := []span{{0, head}}
	if tail := max(head, size-Edge); tail < size {
		spans = append(spans, span{tail, size - tail})
	}
	for offset := int64(Edge); offset < size-Edge; offset += Stride {
		spans = append(spans, span{offset, min(Sample, size-offset)})
	}
	return spans
}

func search(file io.ReaderAt, spans []span) (int64, error) {
	next := make(chan span)
	stop := make(chan struct{})
	var once sync.Once
	var group sync.WaitGroup
	found := int64(-1)
	var failure error
	finish := func(offset int64, err error) {
		once.Do(func() { found, failure = offset, err; close(stop) })
	}
	for range readers {
		group.Add(1)
		go func() {
			defer group.Done()
			buffer := make([]byte, Edge)
			for s := range next {
				part := buffer[:s.length]
				if _, err := file.ReadAt(part, s.offset); err != nil && err != io.EOF {
					finish(0, err)
				} else if at := nonZero(part); at >= 0 {
					finish(s.offset+int64(at), nil)
				}
			}
		}()
	}
	for _, s := range spans {
		select {
		case next <- s:
			continue
		case <-stop:
		}
		break
	}
	close(next)
	group.Wait()
	return found, failure
}

var zeros = make([]byte, Sample)

func nonZero(part []byte) int {
	for start := 0; start < len(part); start += Sample {
		piece := part[start:min(start+Sample, len(part))]
		if bytes.Equal(piece, zeros[:len(piece)]) {
			continue
		}
		for i, b := range piece {
			if b != 0 {
				return start + i
			}
		}
	}
	return -1
}

// adviseRandom turns read-ahead off: it would read all that lies between the samples. It is advice only.
func adviseRandom(file *os.File) {
	const posixFadvRandom = 1
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, file.Fd(), 0, 0, posixFadvRandom, 0, 0)
}
