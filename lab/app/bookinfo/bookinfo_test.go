package bookinfo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/lab/app"
)

// serve starts one of the services.
func serve(t *testing.T, service, version string, backends Backends) string {
	t.Helper()
	handler, err := Handler(service, version, backends)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// shop starts all four services, reviews in the given version, and returns productpage's URL.
func shop(t *testing.T, version string) string {
	t.Helper()
	ratings := serve(t, "ratings", "v1", Backends{})
	return serve(t, "productpage", "v1", Backends{
		Details: serve(t, "details", "v1", Backends{}),
		Reviews: serve(t, "reviews", version, Backends{Ratings: ratings}),
		Ratings: ratings,
	})
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

func TestPageByReviewsVersion(t *testing.T) {
	tests := []struct {
		version, want, never string
	}{
		{"v1", "Reviewer1", "★"},
		{"v2", `<span class="black">★★★★★</span>`, `class="red"`},
		{"v3", `<span class="red">★★★★</span>`, `class="black"`},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			resp, body := get(t, shop(t, tt.version)+"/productpage")
			if resp.StatusCode != http.StatusOK || resp.Header.Get(app.HeaderServedBy) != "productpage/v1" {
				t.Errorf("got %s by %q", resp.Status, resp.Header.Get(app.HeaderServedBy))
			}
			for _, want := range []string{"<title>Simple Bookstore App</title>", "William Shakespeare", tt.want} {
				if !strings.Contains(body, want) {
					t.Errorf("page lacks %q:\n%s", want, body)
				}
			}
			if strings.Contains(body, tt.never) {
				t.Errorf("page has %q:\n%s", tt.never, body)
			}
			if got := resp.Header.Values(app.HeaderDegraded); len(got) > 0 {
				t.Errorf("degraded: %q", got)
			}
		})
	}
}

func TestProductsAPI(t *testing.T) {
	base := shop(t, "v2") + "/api/v1/products"
	tests := []struct {
		path   string
		status int
		want   string
	}{
		{"", 200, `[{"id":0,"title":"The Comedy of Errors"`},
		{"/0", 200, `{"id":0,"author":"William Shakespeare"`},
		{"/0/reviews", 200, `"rating":{"stars":5,"color":"black"}`},
		{"/0/ratings", 200, `{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}`},
		{"/x/ratings", 400, `{"error":`},
	}
	for _, tt := range tests {
		resp, body := get(t, base+tt.path)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: got %d %s, want %d %s", tt.path, resp.StatusCode, body, tt.status, tt.want)
		}
	}
}

func TestPostedRatingsAreKept(t *testing.T) {
	ratings := serve(t, "ratings", "v1", Backends{})
	resp, err := http.Post(ratings+"/ratings/7", "application/json", strings.NewReader(`{"Reviewer1":1}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, body := get(t, ratings+"/ratings/7"); body != `{"id":7,"ratings":{"Reviewer1":1}}`+"\n" {
		t.Errorf("posted ratings: %s", body)
	}
	if _, body := get(t, ratings+"/ratings/8"); !strings.Contains(body, `"Reviewer1":5`) {
		t.Errorf("another product's ratings: %s", body)
	}
}

// A page is served when a service behind it is down; that something failed must show all the same.
func TestFailuresBehindAnAnswerShow(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	details := serve(t, "details", "v1", Backends{})
	tests := []struct {
		name     string
		backends Backends
		degraded string
	}{
		{"ratings", Backends{Details: details, Reviews: serve(t, "reviews", "v3", Backends{Ratings: down.URL})}, "ratings: "},
		{"reviews", Backends{Details: details, Reviews: down.URL}, "reviews: "},
		{"details", Backends{Details: down.URL, Reviews: serve(t, "reviews", "v1", Backends{})}, "details: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := get(t, serve(t, "productpage", "v1", tt.backends)+"/productpage")
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, `class="error"`) {
				t.Errorf("got %s:\n%s", resp.Status, body)
			}
			if got := resp.Header.Get(app.HeaderDegraded); !strings.HasPrefix(got, tt.degraded) {
				t.Errorf("degraded %q, want %q", got, tt.degraded)
			}
		})
	}
}

func TestReviewsAreAskedTwice(t *testing.T) {
	reviews := serve(t, "reviews", "v1", Backends{})
	calls := 0
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, reviews+r.URL.Path, http.StatusFound)
	}))
	defer flaky.Close()
	resp, _ := get(t, serve(t, "productpage", "v1", Backends{Reviews: flaky.URL})+"/api/v1/products/0/reviews")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %s after a second try", resp.Status)
	}
	if got := resp.Header.Get(app.HeaderDegraded); !strings.Contains(got, "first try: ") || !strings.Contains(got, "503") {
		t.Errorf("degraded %q, want the first try's failure", got)
	}
}

func TestHeadersAreHandedOn(t *testing.T) {
	var seen http.Header
	ratings := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		writeJSON(w, http.StatusOK, ratingsAnswer{})
	}))
	defer ratings.Close()
	reviews := serve(t, "reviews", "v2", Backends{Ratings: ratings.URL})
	page := serve(t, "productpage", "v1", Backends{Reviews: reviews})

	r, err := http.NewRequest(http.MethodGet, page+"/api/v1/products/0/reviews", nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]string{
		"X-Request-Id": "id-1", "X-B3-Traceid": "t-1", "User-Agent": "a test", "Cookie": "user=jason", "X-Private": "no",
	}
	for name, value := range sent {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := map[string]string{}
	for name := range seen {
		got[name] = seen.Get(name)
	}
	delete(got, "Accept-Encoding")
	delete(got, "Connection")
	delete(sent, "X-Private")
	sent["End-User"] = "jason"
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("headers at ratings (-want +got):\n%s", diff)
	}
}

func TestLogin(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(url.Values{"username": {"jason"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	login(w, r)
	resp := w.Result()
	if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		t.Fatalf("got %s, cookies %v", resp.Status, resp.Cookies())
	}
	next := httptest.NewRequest(http.MethodGet, "/", nil)
	next.AddCookie(resp.Cookies()[0])
	if got := loggedIn(next); got != "jason" {
		t.Errorf("logged in as %q, want jason", got)
	}
}

func TestBackendsFromEnv(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want Backends
	}{
		{"none", nil, Backends{"http://details:9080", "http://reviews:9080", "http://ratings:9080"}},
		{
			"domain and port",
			map[string]string{"SERVICES_DOMAIN": "shop.svc", "REVIEWS_HOSTNAME": "critics", "RATINGS_SERVICE_PORT": "80"},
			Backends{"http://details.shop.svc:9080", "http://critics.shop.svc:9080", "http://ratings.shop.svc:80"},
		},
		{"not a port", map[string]string{"DETAILS_SERVICE_PORT": "tcp://10.0.0.1:9080"},
			Backends{"http://details:9080", "http://reviews:9080", "http://ratings:9080"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := BackendsFromEnv(func(name string) string { return tt.env[name] })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("backends (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealthAndUnknownService(t *testing.T) {
	for _, service := range Services {
		resp, body := get(t, serve(t, service, "v1", Backends{})+"/health")
		var status struct{ Status string }
		if err := json.Unmarshal([]byte(body), &status); err != nil || resp.StatusCode != http.StatusOK || status.Status != "healthy" {
			t.Errorf("%s: got %s %s", service, resp.Status, body)
		}
	}
	if _, err := Handler("shipping", "v1", Backends{}); err == nil {
		t.Error("an unknown service has a handler")
	}
}
