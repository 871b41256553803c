package bookinfo

import (
	"encoding/json"
	"net/http"
	"sync"
)

// ratingsAnswer is what the ratings service answers.
type ratingsAnswer struct {
	ID      int            `json:"id"`
	Ratings map[string]int `json:"ratings"`
}

// ratings keeps stars by reviewer in memory; a POST replaces a product's.
func ratings() *http.ServeMux {
	var mu sync.Mutex
	posted := map[int]map[string]int{}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy)
	mux.HandleFunc("GET /ratings/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		mu.Lock()
		stars, ok := posted[id]
		mu.Unlock()
		if !ok {
			stars = map[string]int{"Reviewer1": 5, "Reviewer2": 4}
		}
		writeJSON(w, http.StatusOK, ratingsAnswer{ID: id, Ratings: stars})
	})
	mux.HandleFunc("POST /ratings/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		var stars map[string]int
		if err := json.NewDecoder(r.Body).Decode(&stars); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": "the ratings must be a JSON object of numbers"})
			return
		}
		mu.Lock()
		posted[id] = stars
		mu.Unlock()
		writeJSON(w, http.StatusOK, ratingsAnswer{ID: id, Ratings: stars})
	})
	return mux
}
