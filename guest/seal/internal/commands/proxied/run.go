package proxied

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

// variables name a proxy for programs that know HTTP proxies.
var variables = []string{"http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "ws_proxy", "wss_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"}

// run runs a command, and beside it a proxy on the session's loopback that adds the password. It returns the command's exit code.
func run(proxy *url.URL, command []string) (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	go http.Serve(listener, handler(proxy))
	child := exec.Command(command[0], command[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = withProxy(os.Environ(), "http://"+listener.Addr().String())
	// The terminal sends an interrupt to the command too; what is sent to this process alone is handed on.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	if err := child.Start(); err != nil {
		return 0, err
	}
	go func() {
		for received := range signals {
			if received == syscall.SIGTERM || received == syscall.SIGHUP {
				_ = child.Process.Signal(received)
			}
		}
	}()
	err = child.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return 0, err
	}
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return child.ProcessState.ExitCode(), nil
}

// withProxy replaces the variables that name a proxy.
func withProxy(environment []string, proxy string) []string {
	kept := make([]string, 0, len(environment)+len(variables))
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !isVariable(name) {
			kept = append(kept, entry)
		}
	}
	for _, name := range variables {
		kept = append(kept, name+"="+proxy)
	}
	// Maven 3.9 knows proxies by its settings alone, unless it is told to use the older way.
	if _, told := os.LookupEnv("MAVEN_ARGS"); !told {
		kept = append(kept, "MAVEN_ARGS=-Dmaven.resolver.transport=wagon")
	}
	return kept
}

func isVariable(name string) bool {
	for _, one := range variables {
		if one == name {
			return true
		}
	}
	return false
}

// handler hands every request on to the session's proxy, with the password.
func handler(proxy *url.URL) http.Handler {
	plain := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			// The proxy has the last word about the Host; no header about the client is added.
			request.Out.Host = request.In.Host
		},
		// The transport adds the password for requests of this kind.
		Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableCompression: true},
		// Streams of events arrive as they are sent.
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodConnect {
			tunnelFor(response, request, proxy)
		} else if request.URL.Scheme != "http" || request.URL.Host == "" {
			http.Error(response, "a proxy is asked for whole URLs of http, and for tunnels", http.StatusBadRequest)
		} else {
			plain.ServeHTTP(response, request)
		}
	})
}

func tunnelFor(response http.ResponseWriter, request *http.Request, proxy *url.URL) {
	outward, err := dial(proxy, request.Host)
	if err != nil {
		var no refused
		if errors.As(err, &no) {
			http.Error(response, no.reason, no.code)
		} else {
			http.Error(response, err.Error(), http.StatusBadGateway)
		}
		return
	}
	defer outward.Close()
	inward, buffered, err := http.NewResponseController(response).Hijack()
	if err != nil {
		return
	}
	defer inward.Close()
	if _, err := io.WriteString(inward, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		return
	}
	sent := make(chan struct{})
	go func() {
		_, _ = io.Copy(outward, buffered)
		outward.CloseWrite()
		close(sent)
	}()
	_, _ = io.Copy(inward, outward)
	tunnel{Conn: inward}.CloseWrite()
	<-sent
}
