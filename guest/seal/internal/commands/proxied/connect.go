package proxied

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// connect joins standard input and output to a host by a tunnel of the proxy's.
func connect(proxy *url.URL, host, port string) error {
	tunnel, err := dial(proxy, net.JoinHostPort(strings.Trim(host, "[]"), port))
	if err != nil {
		return err
	}
	defer tunnel.Close()
	go func() {
		_, _ = io.Copy(tunnel, os.Stdin)
		tunnel.CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, tunnel)
	return err
}

// tunnel is a connection whose first bytes may have been read already.
type tunnel struct {
	net.Conn
	rest *bufio.Reader
}

func (t tunnel) Read(into []byte) (int, error) { return t.rest.Read(into) }

// CloseWrite says that no more is sent; what the other side still sends arrives.
func (t tunnel) CloseWrite() {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// dial asks the proxy for a tunnel to HOST:PORT. A refusal is an error with the proxy's reason.
func dial(proxy *url.URL, target string) (tunnel, error) {
	conn, err := net.Dial("tcp", proxy.Host)
	if err != nil {
		return tunnel{}, err
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	if authorization := authorizationOf(proxy); authorization != "" {
		request.Header.Set("Proxy-Authorization", authorization)
	}
	// net/http would add a name of its own.
	request.Header.Set("User-Agent", "")
	if err := request.Write(conn); err != nil {
		conn.Close()
		return tunnel{}, err
	}
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, request)
	if err != nil {
		conn.Close()
		return tunnel{}, err
	}
	if answer.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(answer.Body, 1024))
		conn.Close()
		return tunnel{}, refused{target, answer.Status, answer.StatusCode, strings.TrimSpace(string(reason))}
	}
	return tunnel{conn, reader}, nil
}

// refused is the proxy's refusal of a tunnel.
type refused struct {
	target, status string
	code           int
	reason         string
}

func (r refused) Error() string { return fmt.Sprintf("%s: %s: %s", r.target, r.status, r.reason) }

func authorizationOf(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}
