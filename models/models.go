// Package models holds the shipped bundles, one folder FAMILY/ENCODER each. Those
// that answer by default are inside the program; the folder has the others of the
// paper's encoders too.
package models

import "embed"

// FS is the tree of the default bundles, for encoders.OpenBundles.
//
//go:embed formal_languages/layerwise_statistics formal_languages/interactive_probing
//go:embed sequential_mnist/layerwise_statistics sequential_mnist/interactive_probing
//go:embed universal
var FS embed.FS
