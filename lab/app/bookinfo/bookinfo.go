// Package bookinfo behaves like the four services of Istio's Bookinfo sample, so that its manifests run unmodified.
package bookinfo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/lazyxds/lazyxds/lab/app"
)

// Port is the one on which every Bookinfo service listens.
const Port = 9080

// Services are the names that Handler knows.
var Services = []string{"productpage", "details", "reviews", "ratings"}

// Backends are the base URLs of the services that others call.
type Backends struct {
	Details string
	Reviews string
	Ratings string
}

// BackendsFromEnv reads the variables with which the sample's services are pointed elsewhere.
func BackendsFromEnv(getenv func(string) string) Backends {
	base := func(variable, name string) string {
		host := cmp.Or(getenv(variable+"_HOSTNAME"), name)
		if domain := getenv("SERVICES_DOMAIN"); domain != "" {
			host += "." + domain
		}
		return "http://" + host + ":" + cmp.Or(servicePort(getenv(variable+"_SERVICE_PORT")), strconv.Itoa(Port))
	}
	return Backends{Details: base("DETAILS", "details"), Reviews: base("REVIEWS", "reviews"), Ratings: base("RATINGS", "ratings")}
}

// servicePort keeps numbers only: an old-style service link can leave other text there.
func servicePort(value string) string {
	if _, err := strconv.ParseUint(value, 10, 16); err != nil {
		return ""
	}
	return value
}

// Handler returns the handler of one of Services.
func Handler(service, version string, backends Backends) (http.Handler, error) {
	var mux *http.ServeMux
	switch service {
	case "productpage":
		mux = productpage(backends)
	case "details":
		mux = details()
	case "reviews":
		mux = reviews(version, backends.Ratings)
	case "ratings":
		mux = ratings()
	default:
		return nil, fmt.Errorf("bookinfo has no service %q, only %v", service, Services)
	}
	return app.Stamp(app.Identity{Name: service, Version: version}, mux), nil
}

// productID reads the {id} of the path; it has answered when ok is false.
func productID(w http.ResponseWriter, r *http.Request) (id int, ok bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "the product id must be a number"})
		return 0, false
	}
	return id, true
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "healthy"})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(value)
}
