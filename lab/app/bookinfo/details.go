package bookinfo

import "net/http"

// detailsAnswer is what the details service answers.
type detailsAnswer struct {
	ID        int    `json:"id"`
	Author    string `json:"author"`
	Year      int    `json:"year"`
	Type      string `json:"type"`
	Pages     int    `json:"pages"`
	Publisher string `json:"publisher"`
	Language  string `json:"language"`
	ISBN10    string `json:"ISBN-10"`
	ISBN13    string `json:"ISBN-13"`
}

func details() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", healthy)
	mux.HandleFunc("GET /details/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, ok := productID(w, r)
		if !ok {
			return
		}
		writeJSON(w, http.StatusOK, detailsAnswer{
			ID: id, Author: "William Shakespeare", Year: 1595, Type: "paperback", Pages: 96,
			Publisher: "The Lab Press", Language: "English", ISBN10: "0000000000", ISBN13: "000-0000000000",
		})
	})
	return mux
}
