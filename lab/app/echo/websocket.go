package echo

import (
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/lazyxds/lazyxds/lab/app"
)

// serveWebSocket returns every message it gets.
func serveWebSocket(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	// The upgrade writes its own answer, without the headers set so far.
	stamped := http.Header{}
	for _, name := range []string{app.HeaderServedBy, app.HeaderPeer} {
		if value := w.Header().Get(name); value != "" {
			stamped.Set(name, value)
		}
	}
	conn, err := upgrader.Upgrade(w, r, stamped)
	if err != nil {
		return // the client has been told
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}
