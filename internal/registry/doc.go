// Package registry keeps the bundles of a folder up to date while a server uses
// them. Folder opens them and tells when they have changed.
//
// The package must not import server.
package registry
