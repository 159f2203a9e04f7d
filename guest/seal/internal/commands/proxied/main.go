// Package proxied is the command proxied. It leads programs to the session's HTTP proxy that cannot go there by themselves.
//
//	proxied connect HOST PORT     a tunnel between HOST:PORT and standard input and output: for ssh's ProxyCommand
//	proxied run COMMAND [ARG...]  runs a command with proxies that ask for no password, for as long as it runs
//
// It runs inside a session, with the session's rights. The proxy and its password are those of HTTPS_PROXY, HTTP_PROXY or their lower
// case. The proxy decides about every destination, as it does for all programs.
//
// Exit codes: those of COMMAND; 1 when there is no way, 2 for wrong use.
package proxied

import (
	"errors"
	"net/url"
	"os"

	"cloister/seal/internal/exit"
)

const usage = "write `proxied connect HOST PORT` or `proxied run COMMAND [ARG...]`"

// Main is the whole command.
func Main() {
	arguments := os.Args[1:]
	if len(arguments) < 2 {
		fail(exit.Usage, usage)
	}
	proxy, err := proxyOf(os.Getenv)
	if err != nil {
		fail(exit.Problem, err.Error())
	}
	switch {
	case arguments[0] == "connect" && len(arguments) == 3:
		if err := connect(proxy, arguments[1], arguments[2]); err != nil {
			fail(exit.Problem, err.Error())
		}
	case arguments[0] == "run":
		code, err := run(proxy, arguments[1:])
		if err != nil {
			fail(exit.Problem, err.Error())
		}
		os.Exit(code)
	default:
		fail(exit.Usage, usage)
	}
}

// proxyOf reads the proxy from the variables of an environment. The first one that is set counts.
func proxyOf(getenv func(string) string) (*url.URL, error) {
	for _, name := range []string{"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"} {
		value := getenv(name)
		if value == "" {
			continue
		}
		proxy, err := url.Parse(value)
		// The value has a password: it is not told.
		if err != nil || proxy.Scheme != "http" || proxy.Port() == "" {
			return nil, errors.New(name + " is not http://[USER:PASSWORD@]HOST:PORT")
		}
		return proxy, nil
	}
	return nil, errors.New("there is no proxy: HTTPS_PROXY and HTTP_PROXY are not set")
}

func fail(code int, why string) {
	exit.With(code, "proxied", why)
}
