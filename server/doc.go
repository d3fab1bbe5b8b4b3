// Package server answers questions about uploaded RNNs over HTTP.
//
// Service reads a model and asks a bundle; the command line uses it too, so
// both give the same JSON. Server puts it behind routes, limits and problem
// details (RFC 9457). Uploads are hostile: their bytes pass the importer's gate
// and never reach another runtime.
package server
