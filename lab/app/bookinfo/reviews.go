package bookinfo

import (
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
)

// reviewsAnswer is what the reviews service answers.
type reviewsAnswer struct {
	ID          string   `json:"id"`
	PodName     string   `json:"podname"`
	ClusterName string   `json:"clustername"`
	Reviews     []review `json:"reviews"`
}

type review struct {
	Reviewer string  `json:"reviewer"`
	Text     string  `json:"text"`
	Rating   *rating `json:"rating,omitempty"`
}

// rating holds either stars or the error that took their place.
type rating struct {
	Stars int    `json:"stars,omitempty"`
	Color string `json:"color,omitempty"`
	Error string `json:"error,omitempty"`
}

// starColor is the colour in which a version shows ratings; v1 shows none.
func starColor(version string) string {
	switch version {
	case "v2":
		return "black"
	case "v3":
		return "red"
	default:
		return ""
	}
}

func reviews(version, ratingsBase string) *http.ServeMux {
	color := starColor(version)
	timeout := 2500 * time.Millisecond
	if color == "black" {
		// Longer than productpage waits, as in the sample: its fault-injection task shows what comes of it.
		timeout = 10 * time.Second
	}
	ratings := newBackend(ratingsBase, timeout)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy)
	mux.HandleFunc("GET /reviews/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		answer := reviewsAnswer{
			ID: strconv.Itoa(id), PodName: app.Hostname(), ClusterName: os.Getenv("CLUSTER_NAME"),
			Reviews: []review{
				{Reviewer: "Reviewer1", Text: "Two pairs of twins, one long day and not a dull page."},
				{Reviewer: "Reviewer2", Text: "Quick and merry, though the mix-ups outnumber the characters."},
			},
		}
		if color != "" {
			rate(w, r, ratings, id, color, answer.Reviews)
		}
		writeJSON(w, http.StatusOK, answer)
	})
	return mux
}

// rate adds the ratings; when they cannot be had, the reviews say so and are served all the same.
func rate(w http.ResponseWriter, r *http.Request, ratings backend, id int, color string, reviews []review) {
	var got ratingsAnswer
	_, _, err := ratings.get(r.Context(), "/ratings/"+strconv.Itoa(id), forward(r), &got)
	if err != nil {
		w.Header().Set(app.HeaderDegraded, "ratings: "+err.Error())
	}
	for i := range reviews {
		stars, ok := got.Ratings[reviews[i].Reviewer]
		if ok {
			reviews[i].Rating = &rating{Stars: stars, Color: color}
		} else {
			reviews[i].Rating = &rating{Error: "ratings are not available at the moment"}
		}
	}
}
