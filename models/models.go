// Package models holds the shipped bundles, one folder FAMILY/ENCODER each.
package models

import "embed"

// FS is the tree of bundles, for encoders.OpenBundles.
//
//go:embed formal_languages sequential_mnist universal
var FS embed.FS
