package echo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/lazyxds/lazyxds/lab/app"
)

var testID = app.Identity{Name: "shop", Version: "v2"}

func newServer(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(Handler(testID))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestAnswerDescribesTheRequest(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "http://shop.demo:8080/cart?x=1", strings.NewReader("12345"))
	r.Header.Set(app.HeaderClientCert, "URI=spiffe://cluster.local/ns/demo/sa/client")
	w := httptest.NewRecorder()
	Handler(testID).ServeHTTP(w, r)

	var got Answer
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := Answer{
		Name: "shop", Version: "v2", Proto: "HTTP/1.1", Method: http.MethodPost, Host: "shop.demo:8080", Path: "/cart",
		Headers: r.Header, RemoteAddr: r.RemoteAddr, Peer: "spiffe://cluster.local/ns/demo/sa/client", BodySize: 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestControls(t *testing.T) {
	server := newServer(t)
	tests := []struct {
		name, query string
		status      int
		body        string // prefix
	}{
		{"status", "status=503&size=3", 503, "xxx"},
		{"no body", "size=0", 200, ""},
		{"stream", "stream=20ms&every=10ms", 200, "tick 0 shop/v2\ntick 1 shop/v2\ntick 2 shop/v2\n"},
		{"delay", "delay=1ms&size=1", 200, "x"},
		{"bad delay", "delay=soon", 400, `{` + "\n" + `  "error": "parameter delay:`},
		{"negative delay", "delay=-1s", 400, "{"},
		{"bad status", "status=42", 400, "{"},
		{"bad size", "size=-1", 400, "{"},
		{"bad trailer", "trailer=x", 400, "{"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := get(t, server.URL+"/?"+tt.query)
			if resp.StatusCode != tt.status || !strings.HasPrefix(body, tt.body) {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			if by := resp.Header.Get(app.HeaderServedBy); by != "shop/v2" {
				t.Errorf("served by %q", by)
			}
		})
	}
}

func TestSizeIsExact(t *testing.T) {
	if _, body := get(t, newServer(t).URL+"/?size=100001"); len(body) != 100001 {
		t.Errorf("body of %d bytes, want 100001", len(body))
	}
}

func TestTrailerAndClose(t *testing.T) {
	resp, _ := get(t, newServer(t).URL+"/?trailer=sum:abc&close=1")
	if got := resp.Trailer.Get("sum"); got != "abc" {
		t.Errorf("trailer %q, want abc", got)
	}
	if !resp.Close {
		t.Error("connection is kept")
	}
}

func TestResetHangsUp(t *testing.T) {
	if resp, err := http.Get(newServer(t).URL + "/?reset=1"); err == nil {
		resp.Body.Close()
		t.Errorf("got %s, want no answer", resp.Status)
	}
}

func TestCallNestsTheAnswer(t *testing.T) {
	traced := ""
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traced = r.Header.Get("X-Request-Id")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "not JSON")
	}))
	defer other.Close()
	server := newServer(t)
	query := url.Values{"call": {server.URL + "/inner", other.URL}}

	r, err := http.NewRequest(http.MethodGet, server.URL+"/?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", "id-1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got Answer
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d where a call failed, want 502", resp.StatusCode)
	}
	if len(got.Calls) != 2 {
		t.Fatalf("calls %+v, want two", got.Calls)
	}
	var inner Answer
	if err := json.Unmarshal(got.Calls[0].Answer, &inner); err != nil || inner.Path != "/inner" || got.Calls[0].Error != "" {
		t.Errorf("first call %+v (%v), want the answer of /inner", got.Calls[0], err)
	}
	if c := got.Calls[1]; c.Status != http.StatusTeapot || c.Error == "" || string(c.Answer) != `"not JSON"` {
		t.Errorf("second call %+v", c)
	}
	if traced != "id-1" {
		t.Errorf("request id %q was handed on, want id-1", traced)
	}
}

func TestWebSocketEchoes(t *testing.T) {
	url := "ws" + strings.TrimPrefix(newServer(t).URL, "http") + "/ws"
	conn, resp, err := websocket.DefaultDialer.Dial(url, http.Header{app.HeaderClientCert: {"URI=spiffe://a"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if by, peer := resp.Header.Get(app.HeaderServedBy), resp.Header.Get(app.HeaderPeer); by != "shop/v2" || peer != "spiffe://a" {
		t.Errorf("served by %q, peer %q", by, peer)
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := conn.ReadMessage(); string(got) != "hi" {
		t.Errorf("message %q, %v; want hi", got, err)
	}
}
