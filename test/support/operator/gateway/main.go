// Stands in for SSM's message gateway and for the agent on a machine, so that AWS's own session-manager-plugin, built from its
// published sources, can be run against something. It differs: it is on loopback without TLS, checks neither token nor
// signature, and sends nothing twice. It was written after the plugin's sources and the agent's (amazon-ssm-agent,
// agent/session/shell/shell.go): a terminal, one second of waiting, 1 KiB per millisecond, output that must be UTF-8.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/session-manager-plugin/src/log"
	"github.com/aws/session-manager-plugin/src/message"
	"github.com/creack/pty"
	"github.com/gorilla/websocket"
	"github.com/twinj/uuid"

	// What is built beside it: the plugin itself.
	_ "github.com/aws/session-manager-plugin/src/sessionmanagerplugin/session"
	_ "github.com/aws/session-manager-plugin/src/sessionmanagerplugin/session/portsession"
	_ "github.com/aws/session-manager-plugin/src/sessionmanagerplugin/session/shellsession"
)

var logger = log.Logger(false, "gateway")

type session struct {
	ws       *websocket.Conn
	lock     sync.Mutex
	sequence int64
	unacked  map[int64]bool
}

func main() {
	uuid.SwitchFormat(uuid.CleanHyphen)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(serve)))
}

func serve(response http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{}
	ws, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	var open struct{ TokenValue string }
	if _, text, err := ws.ReadMessage(); err != nil || json.Unmarshal(text, &open) != nil {
		return
	}
	s := &session{ws: ws, unacked: map[int64]bool{}}
	kind, _ := json.Marshal(message.SessionTypeRequest{SessionType: "InteractiveCommands"})
	s.sendJSON(message.HandshakeRequestPayloadType, message.HandshakeRequestPayload{
		AgentVersion:           "3.3.2299.0",
		RequestedClientActions: []message.RequestedClientAction{{ActionType: message.SessionType, ActionParameters: kind}},
	})
	var command []byte
	if _, err := fmt.Sscanf(open.TokenValue, "%x", &command); err != nil {
		return
	}
	s.run(string(command))
}

// run carries messages until the command's terminal is closed, or the plugin is gone.
func (s *session) run(command string) {
	var terminal *os.File
	var child *exec.Cmd
	var expected int64
	defer func() {
		if terminal != nil {
			terminal.Close()
			child.Wait()
		}
	}()
	for {
		_, raw, err := s.ws.ReadMessage()
		if err != nil {
			return
		}
		in := &message.ClientMessage{}
		if in.DeserializeClientMessage(logger, raw) != nil {
			continue
		}
		if in.MessageType == message.AcknowledgeMessage {
			if content, err := in.DeserializeDataStreamAcknowledgeContent(logger); err == nil {
				s.lock.Lock()
				delete(s.unacked, content.SequenceNumber)
				s.lock.Unlock()
			}
			continue
		}
		if in.MessageType != message.InputStreamMessage {
			continue
		}
		fresh := in.SequenceNumber == expected
		if in.SequenceNumber > expected {
			continue
		}
		if fresh {
			expected++
			switch message.PayloadType(in.PayloadType) {
			case message.HandshakeResponsePayloadType:
				s.sendJSON(message.HandshakeCompletePayloadType, message.HandshakeCompletePayload{})
				child = exec.Command("sh", "-c", command)
				child.Env = append(os.Environ(), "TERM=xterm-256color")
				if terminal, err = pty.Start(child); err != nil {
					return
				}
				go s.pump(terminal)
			case message.Output:
				terminal.Write(in.Payload)
			case message.Size:
				var size message.SizeData
				if json.Unmarshal(in.Payload, &size) == nil && terminal != nil {
					pty.Setsize(terminal, &pty.Winsize{Rows: uint16(size.Rows), Cols: uint16(size.Cols)})
				}
			}
		}
		ack, _ := message.SerializeClientMessageWithAcknowledgeContent(logger, message.AcknowledgeContent{
			MessageType: in.MessageType, MessageId: in.MessageId.String(), SequenceNumber: in.SequenceNumber, IsSequentialMessage: true,
		})
		s.write(ack)
	}
}

// pump sends what the terminal shows.
func (s *session) pump(terminal *os.File) {
	time.Sleep(time.Second)
	buffer := make([]byte, 1024)
	var rest []byte
	for {
		count, err := terminal.Read(buffer)
		if err != nil {
			break
		}
		data := append(rest, buffer[:count]...)
		end := len(data)
		for back := 1; back < utf8.UTFMax && back <= len(data); back++ {
			if utf8.RuneStart(data[len(data)-back]) {
				if !utf8.FullRune(data[len(data)-back:]) {
					end = len(data) - back
				}
				break
			}
		}
		rest = append([]byte(nil), data[end:]...)
		s.send(message.Output, data[:end])
		time.Sleep(time.Millisecond)
	}
	for i := 0; i < 300; i++ {
		s.lock.Lock()
		left := len(s.unacked)
		s.lock.Unlock()
		if left == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	closed, _ := json.Marshal(message.ChannelClosed{MessageType: message.ChannelClosedMessage, SchemaVersion: 1})
	s.write(s.serialized(message.ChannelClosedMessage, 0, 0, closed))
}

func (s *session) sendJSON(kind message.PayloadType, value any) {
	payload, _ := json.Marshal(value)
	s.send(kind, payload)
}

func (s *session) send(kind message.PayloadType, payload []byte) {
	s.lock.Lock()
	sequence := s.sequence
	s.sequence++
	s.unacked[sequence] = true
	s.lock.Unlock()
	s.write(s.serialized(message.OutputStreamMessage, kind, sequence, payload))
}

func (s *session) serialized(kind string, payloadType message.PayloadType, sequence int64, payload []byte) []byte {
	out := &message.ClientMessage{
		MessageType: kind, SchemaVersion: 1, CreatedDate: uint64(time.Now().UnixMilli()), SequenceNumber: sequence,
		MessageId: uuid.NewV4(), PayloadType: uint32(payloadType), Payload: payload,
	}
	raw, err := out.SerializeClientMessage(logger)
	if err != nil {
		panic(err)
	}
	return raw
}

func (s *session) write(raw []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ws.WriteMessage(websocket.BinaryMessage, raw)
}
