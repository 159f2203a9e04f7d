package scope

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

var spec = Spec{Name: "cloister-supervisor-1-a.scope", Description: "words", Slice: "supervisors.slice", MemoryMax: 1 << 30, TasksMax: 9}

// answer is a message of systemd's with some fields and a body of one string.
func answer(kind byte, reply uint32, errorName, said string) []byte {
	var body buffer
	if said != "" {
		body.string(said)
	}
	message := buffer{'l', kind, 0, 1}
	message.uint32(uint32(len(body)))
	message.uint32(7)
	message.array(8, func() {
		if errorName != "" {
			message.field(fieldErrorName, "s", func() { message.string(errorName) })
		}
		if reply != 0 {
			message.field(fieldReplySerial, "u", func() { message.uint32(reply) })
		}
		message.field(fieldSignature, "g", func() { message.signature("s") })
	})
	message.align(8)
	return append(message, body...)
}

// standIn answers one call, and returns what it was.
func standIn(t *testing.T, greeting string, answers ...[]byte) (path string, called chan []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "private")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	called = make(chan []byte, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		reader := bufio.NewReader(connection)
		for range 2 {
			if _, err := reader.ReadString('\n'); err != nil {
				return
			}
		}
		if _, err := io.WriteString(connection, greeting); err != nil {
			return
		}
		head := make([]byte, 16)
		if _, err := io.ReadFull(reader, head); err != nil {
			return
		}
		rest := make([]byte, (binary.LittleEndian.Uint32(head[12:])+7)/8*8+binary.LittleEndian.Uint32(head[4:]))
		if _, err := io.ReadFull(reader, rest); err != nil {
			return
		}
		called <- append(head, rest...)
		for _, one := range answers {
			_, _ = connection.Write(one)
		}
	}()
	return path, called
}

const welcome = "OK 0123456789abcdef0123456789abcdef\r\n"

func TestAsk(t *testing.T) {
	path, called := standIn(t, welcome, answer(4, 0, "", "a signal"), answer(methodReturn, callSerial, "", "/job"))
	if err := ask(path, spec, 4711); err != nil {
		t.Fatal(err)
	}
	message := <-called
	for _, part := range []string{"StartTransientUnit", spec.Name, spec.Slice, "MemoryMax", "TasksMax", "PIDs", "fail"} {
		if !bytes.Contains(message, []byte(part)) {
			t.Errorf("%s is not asked for", part)
		}
	}
	if !bytes.Contains(message, binary.LittleEndian.AppendUint32(nil, 4711)) {
		t.Error("the process is not named")
	}
}

func TestAskRefused(t *testing.T) {
	path, _ := standIn(t, welcome, answer(errorReply, callSerial, "org.example.Exists", "it is there already"))
	err := ask(path, spec, 1)
	if err == nil || !strings.Contains(err.Error(), "org.example.Exists: it is there already") {
		t.Error(err)
	}
	path, _ = standIn(t, "REJECTED EXTERNAL\r\n")
	if err := ask(path, spec, 1); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Error(err)
	}
	if err := ask(filepath.Join(t.TempDir(), "none"), spec, 1); err == nil {
		t.Error("nobody answered, and nothing was said of it")
	}
}

func TestAskOfNonsense(t *testing.T) {
	for name, message := range map[string][]byte{
		"another byte order": append([]byte{'B'}, make([]byte, 15)...),
		"an endless message": {'l', 2, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0},
		"a header cut off":   {'l', 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 5, 1, 'u', 0, 1},
		"a wrong length":     {'l', 2, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 4, 1, 's', 0, 0xff, 0, 0, 0},
	} {
		path, _ := standIn(t, welcome, message)
		if err := ask(path, spec, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestInScope(t *testing.T) {
	const text = "1:name=systemd:/a.scope\n0::/supervisors.slice/a.scope\n"
	for name, want := range map[string]bool{"a.scope": true, "b.scope": false, "scope": false} {
		if got := inScope(text, name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
