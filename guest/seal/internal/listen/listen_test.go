package listen

import (
	"net"
	"strings"
	"testing"
	"time"
)

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0C38 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:0438 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 100 0 0 10 0
`

func TestMissing(t *testing.T) {
	if got := Missing([]byte(table), []uint16{3128}); len(got) != 0 {
		t.Errorf("3128 listens: %v", got)
	}
	// 1080 is only the local end of a connection.
	if got := Missing([]byte(table), []uint16{3128, 1080}); len(got) != 1 || got[0] != 1080 {
		t.Errorf("1080 does not listen: %v", got)
	}
}

func TestWait(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	if err := Wait([]uint16{port}, time.Second); err != nil {
		t.Error(err)
	}
	err = Wait([]uint16{port, 1}, 20*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "nothing listens on port 1 after 20ms") {
		t.Errorf("%v", err)
	}
}
