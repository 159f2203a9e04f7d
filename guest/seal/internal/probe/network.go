package probe

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long one attempt may take: a dropped packet gives no answer.
const patience = 4 * time.Second

// bodyLimit is how much of an answer is shown.
const bodyLimit = 4096

type target struct {
	Target string `json:"target"`
	Outcome
	Error string `json:"error,omitempty"`
}

func netOutcome(err error) (Outcome, string) {
	if err == nil {
		return Outcome{OK: true}, ""
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return Outcome{Errno: unix.ErrnoName(errno)}, err.Error()
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Outcome{Errno: "ETIMEDOUT"}, err.Error()
	}
	return Outcome{Errno: "?"}, err.Error()
}

// connect dials tcp:HOST:PORT, or sends one byte to udp:HOST:PORT: no proxy.
func connect(what string) any {
	result := target{Target: what}
	network, address, ok := strings.Cut(what, ":")
	if !ok || (network != "tcp" && network != "udp") {
		result.Error = "write tcp:HOST:PORT or udp:HOST:PORT"
		return result
	}
	connection, err := net.DialTimeout(network, address, patience)
	if err == nil {
		if network == "udp" {
			_, err = connection.Write([]byte{0})
		}
		_ = connection.Close()
	}
	result.Outcome, result.Error = netOutcome(err)
	return result
}

func unixConnect(path string) any {
	result := target{Target: path}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	}
	result.Outcome = outcome(err)
	return result
}

// lookUp asks the machine's resolvers for a name, not /etc/hosts: it is meant for names of the internet.
func lookUp(name string) any {
	resolver := net.Resolver{PreferGo: true}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	addresses, err := resolver.LookupHost(ctx, name)
	if err != nil {
		return map[string]any{"name": name, "ok": false, "error": err.Error()}
	}
	return map[string]any{"name": name, "ok": true, "addresses": addresses}
}

// routes counts what leads anywhere but to the loopback interface (proc(5), /proc/net/route and ipv6_route).
func routes() any {
	found := []string{}
	for file, column := range map[string]int{"/proc/self/net/route": 0, "/proc/self/net/ipv6_route": 9} {
		opened, err := os.Open(file)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(opened)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) > column && fields[column] != "lo" && fields[column] != "Iface" {
				found = append(found, strings.Join(fields, " "))
			}
		}
		_ = opened.Close()
	}
	interfaces := []string{}
	if list, err := net.Interfaces(); err == nil {
		for _, each := range list {
			interfaces = append(interfaces, each.Name)
		}
	}
	return map[string]any{"routes": found, "interfaces": interfaces}
}

type httpResult struct {
	URL    string `json:"url"`
	Proxy  string `json:"proxy,omitempty"`
	Status int    `json:"status,omitempty"`
	// Tag is sandbox-runtime's X-Proxy-Error header.
	Tag   string `json:"tag,omitempty"`
	Body  string `json:"body,omitempty"`
	Error string `json:"error,omitempty"`
}

// httpGet gets a URL through the proxy that the environment names for it. For https it reports the answer to CONNECT
// when that is not 200.
func httpGet(address string) any {
	result := httpResult{URL: address}
	proxy := os.Getenv("HTTP_PROXY")
	if strings.HasPrefix(address, "https:") {
		proxy = os.Getenv("HTTPS_PROXY")
	}
	transport := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 20 * time.Second}
	transport.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode != http.StatusOK {
			result.Status, result.Tag = answer.StatusCode, answer.Header.Get("X-Proxy-Error")
			body, _ := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
			result.Body = string(body)
		}
		return nil
	}
	if proxy != "" {
		parsed, err := url.Parse(proxy)
		if err != nil {
			result.Error = err.Error()
			return result
		}
		result.Proxy = parsed.Redacted()
		transport.Proxy = http.ProxyURL(parsed)
	}
	client := http.Client{Transport: transport, Timeout: 30 * time.Second}
	answer, err := client.Get(address)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, bodyLimit))
	result.Status, result.Tag, result.Body = answer.StatusCode, answer.Header.Get("X-Proxy-Error"), string(body)
	return result
}

// socksConnect asks the SOCKS5 proxy of ALL_PROXY for HOST:PORT (RFC 1928, RFC 1929) and reports its reply code:
// 0 is granted, 2 refused by its rules.
func socksConnect(address string) any {
	result := map[string]any{"target": address}
	reply, err := socks(os.Getenv("ALL_PROXY"), address)
	if err != nil {
		result["error"] = err.Error()
		return result
	}
	result["reply"] = reply
	result["ok"] = reply == 0
	return result
}

func socks(proxy, address string) (int, error) {
	parsed, err := url.Parse(proxy)
	if err != nil {
		return 0, err
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return 0, err
	}
	connection, err := net.DialTimeout("tcp", parsed.Host, patience)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	password, _ := parsed.User.Password()
	user := parsed.User.Username()
	greeting := []byte{5, 1, 2}
	credentials := append([]byte{1, byte(len(user))}, user...)
	credentials = append(append(credentials, byte(len(password))), password...)
	if user == "" {
		greeting, credentials = []byte{5, 1, 0}, nil
	}
	answer := make([]byte, 2)
	for _, message := range [][]byte{greeting, credentials} {
		if message == nil {
			continue
		}
		if _, err := connection.Write(message); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(connection, answer); err != nil {
			return 0, err
		}
		if answer[1] != 0 && answer[1] != 2 {
			return 0, errors.New("the proxy refused the credentials")
		}
	}
	request := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	request = binary.BigEndian.AppendUint16(request, uint16(port))
	if _, err := connection.Write(request); err != nil {
		return 0, err
	}
	reply := make([]byte, 4)
	if _, err := io.ReadFull(connection, reply); err != nil {
		return 0, err
	}
	return int(reply[1]), nil
}
