package api

import (
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"snug/internal/chat"
)

// problem is what an error looks like over HTTP: the code and the words that
// an acknowledgement would carry.
type problem struct {
	Code    chat.Code `json:"code"`
	Message string    `json:"message"`
}

// fail answers with an error.
func fail(w http.ResponseWriter, status int, code chat.Code, message string) {
	reply(w, status, problem{code, message})
}

// notAllowed refuses a method. allow lists those there are.
func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	fail(w, http.StatusMethodNotAllowed, chat.Unsupported, "this takes "+allow)
}

// reply answers with v as JSON, which nobody keeps.
func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

// lost answers for a path where nothing is: programs in JSON, people with a
// page that leads back.
func lost(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		fail(w, http.StatusNotFound, chat.NotFound, "there is nothing at this address")
		return
	}
	w.Header().Set("Content-Type", types[".html"])
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusNotFound)
	// Relative like all our URLs: the way up from where the browser thinks it is.
	_ = lostPage.Execute(w, "./"+strings.Repeat("../", strings.Count(r.URL.Path, "/")-1))
}

var lostPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Nothing here · Snug</title>
<h1>There is nothing at this address</h1>
<p>Perhaps the link was cut short: a room's link ends in <code>/r/</code> and the room's code.
<p><a href="{{.}}">Start or join a room</a>
`))
