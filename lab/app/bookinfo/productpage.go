package bookinfo

import (
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"stars": func(n int) string { return strings.Repeat("★", max(n, 0)) },
}).Parse(pageHTML))

// userCookie remembers who logged in.
const userCookie = "user"

// backendTimeout is how long productpage waits for a service it calls.
const backendTimeout = 3 * time.Second

// pageData fills page.html; an error stands in for the part that is missing.
type pageData struct {
	User         string
	Product      product
	Details      detailsAnswer
	DetailsError string
	Reviews      reviewsAnswer
	ReviewsError string
}

type product struct {
	ID          int    `json:"id"`
	Title       string `json:"title"`
	Description string `json:"descriptionHtml"`
}

// theProduct is the only one on sale.
var theProduct = product{Title: "The Comedy of Errors", Description: "An early farce about twins who are mistaken for each other."}

// frontend is the productpage service.
type frontend struct {
	details, reviews, ratings backend
}

func productpage(backends Backends) *http.ServeMux {
	f := &frontend{
		details: newBackend(backends.Details, backendTimeout),
		reviews: newBackend(backends.Reviews, backendTimeout),
		ratings: newBackend(backends.Ratings, backendTimeout),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/productpage", http.StatusFound) })
	mux.HandleFunc("GET /productpage", f.servePage)
	mux.HandleFunc("POST /login", login)
	mux.HandleFunc("GET /logout", logout)
	mux.HandleFunc("GET /api/v1/products", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, []product{theProduct})
	})
	mux.HandleFunc("GET /api/v1/products/{id}", relay(f.getDetails))
	mux.HandleFunc("GET /api/v1/products/{id}/reviews", relay(f.getReviews))
	mux.HandleFunc("GET /api/v1/products/{id}/ratings", relay(f.getRatings))
	return mux
}

// fetched is the outcome of asking a service for its part of the page.
type fetched[T any] struct {
	value    T
	status   int
	err      error
	degraded string
}

func fetch[T any](r *http.Request, b backend, path string) fetched[T] {
	headers := forward(r)
	if user := loggedIn(r); user != "" {
		headers.Set("End-User", user)
	}
	var got fetched[T]
	got.status, got.degraded, got.err = b.get(r.Context(), path, headers, &got.value)
	return got
}

func (f *frontend) getDetails(r *http.Request, id int) fetched[detailsAnswer] {
	return fetch[detailsAnswer](r, f.details, "/details/"+strconv.Itoa(id))
}

// getReviews asks twice, as in the sample: its fault-injection task relies on it.
func (f *frontend) getReviews(r *http.Request, id int) fetched[reviewsAnswer] {
	path := "/reviews/" + strconv.Itoa(id)
	got := fetch[reviewsAnswer](r, f.reviews, path)
	if got.err == nil {
		return got
	}
	first := got.err
	if got = fetch[reviewsAnswer](r, f.reviews, path); got.err == nil {
		// The page is whole, yet a request was lost, and whoever measures must hear of it.
		got.degraded = "reviews, first try: " + first.Error()
	}
	return got
}

func (f *frontend) getRatings(r *http.Request, id int) fetched[ratingsAnswer] {
	return fetch[ratingsAnswer](r, f.ratings, "/ratings/"+strconv.Itoa(id))
}

// relay answers with what a service answered, its status included.
func relay[T any](get func(*http.Request, int) fetched[T]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		got := get(r, id)
		if got.err != nil {
			writeJSON(w, got.status, map[string]string{"error": got.err.Error()})
			return
		}
		degrade(w, got.degraded)
		writeJSON(w, http.StatusOK, got.value)
	}
}

func (f *frontend) servePage(w http.ResponseWriter, r *http.Request) {
	details, reviews := f.getDetails(r, theProduct.ID), f.getReviews(r, theProduct.ID)
	data := pageData{User: loggedIn(r), Product: theProduct, Details: details.value, Reviews: reviews.value}
	if details.err != nil {
		data.DetailsError = "The details of this book cannot be shown at the moment."
		degrade(w, "details: "+details.err.Error())
	}
	if reviews.err != nil {
		data.ReviewsError = "The reviews of this book cannot be shown at the moment."
		degrade(w, "reviews: "+reviews.err.Error())
	}
	degrade(w, reviews.degraded)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, data); err != nil {
		slog.Warn("write page", "error", err)
	}
}

// degrade tells the caller which call behind this answer failed.
func degrade(w http.ResponseWriter, what string) {
	if what != "" {
		w.Header().Add(app.HeaderDegraded, what)
	}
}

func login(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: userCookie, Value: r.PostFormValue("username"), Path: "/", HttpOnly: true})
	http.Redirect(w, r, "/productpage", http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: userCookie, Path: "/", MaxAge: -1})
	http.Redirect(w, r, "/productpage", http.StatusSeeOther)
}

// loggedIn is the user of the request, "" if none is logged in.
func loggedIn(r *http.Request) string {
	cookie, err := r.Cookie(userCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}
