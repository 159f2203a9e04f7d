package blank

import (
	"os"
	"path/filepath"
	"testing"
)

const size = 64 << 20

func disk(t *testing.T, length int64, writes map[int64]int) string {
	path := filepath.Join(t.TempDir(), "disk")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(length); err != nil {
		t.Fatal(err)
	}
	for offset, count := range writes {
		data := make([]byte, count)
		for i := range data {
			data[i] = 0xa5
		}
		if _, err := file.WriteAt(data, offset); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestBlankDisksOfManySizes(t *testing.T) {
	for _, length := range []int64{1, 512, Edge - 1, Edge, Edge + 1, 2 * Edge, 2*Edge + 5, size} {
		if at, err := FirstData(disk(t, length, nil)); at != -1 || err != nil {
			t.Errorf("%d bytes: %d, %v", length, at, err)
		}
	}
}

func TestOneByteAtTheEdgesIsFound(t *testing.T) {
	for _, offset := range []int64{0, 511, Edge - 1, size - Edge, size - 1} {
		if at, err := FirstData(disk(t, size, map[int64]int{offset: 1})); at != offset || err != nil {
			t.Errorf("byte at %d: %d, %v", offset, at, err)
		}
	}
}

func TestAnyStretchOfStrideAndSampleIsFound(t *testing.T) {
	for _, offset := range []int64{Edge, Edge + 1, Edge + Sample, 20<<20 + 12345, size - Edge - Stride - Sample} {
		if at, err := FirstData(disk(t, size, map[int64]int{offset: Stride + Sample})); at < offset || err != nil {
			t.Errorf("stretch at %d: %d, %v", offset, at, err)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	if _, err := FirstData(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file was blank")
	}
	if _, err := FirstData(disk(t, 0, nil)); err == nil {
		t.Error("a file of no size was blank")
	}
}
