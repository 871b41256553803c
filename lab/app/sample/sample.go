// Package sample behaves like two of Istio's small sample applications, helloworld and tcp-echo.
package sample

import (
	"bufio"
	"fmt"
	"net"
	"net/http"

	"github.com/lazyxds/lazyxds/lab/app"
)

// Helloworld answers /hello with its version and instance.
func Helloworld(version, instance string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Hello version: %s, instance: %s\n", version, instance)
	})
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "helloworld is up")
	})
	return app.Stamp(app.Identity{Name: "helloworld", Version: version}, mux)
}

// TCPEcho returns each line that it reads with a prefix before it.
func TCPEcho(prefix string) func(net.Conn) {
	return func(conn net.Conn) {
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if _, err := fmt.Fprintf(conn, "%s %s\n", prefix, lines.Text()); err != nil {
				return
			}
		}
	}
}
