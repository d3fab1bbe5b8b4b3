package server

import (
	"net/http"

	"rnnrep/server/web"
)

// page lists the routes of the web page. It holds nothing secret and needs no
// key; what it asks for does.
func page() (routes []route) {
	for _, f := range web.Files() {
		routes = append(routes, route{method: http.MethodGet, path: f.Path, hidden: true, handle: func(w http.ResponseWriter, r *http.Request, _ pathValues) error {
			f.ServeHTTP(w, r)
			return nil
		}})
	}
	return routes
}
