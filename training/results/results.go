// Package results writes evaluations: as a text table, as JSON, and as a Markdown
// page with the paper's tables and figures.
//
// The package must not import server.
package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"rnnrep/internal/atomicfile"
	"rnnrep/training"
)

// Formats are those of figures.
var Formats = []string{"png", "svg"}

// Write writes results.md, results.json and the folder results of figures to dir.
// The same evaluations give the same bytes.
func Write(dir, format string, evaluations []*training.Evaluation) error {
	figures := filepath.Join(dir, "results")
	if err := os.MkdirAll(figures, 0o755); err != nil {
		return err
	}
	drawn := make([][]figure, len(evaluations))
	for i, e := range evaluations {
		var err error
		if drawn[i], err = drawEvaluation(e, figures, format); err != nil {
			return fmt.Errorf("figures of %s: %w", e.Family, err)
		}
	}
	var page bytes.Buffer
	if err := writePage(&page, evaluations, drawn); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "results.md"), page.Bytes()); err != nil {
		return err
	}
	data, err := json.Marshal(evaluations)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "results.json"), append(data, '\n'))
}
