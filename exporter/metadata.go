package exporter

import (
	"cmp"
	"encoding/json"

	"rnnrep/encoders"
)

// encoderMetadata is what a reader of the outputs needs to know, and where the
// weights came from, as JSON values.
func encoderMetadata(b *encoders.Bundle) (map[string]string, error) {
	m := b.Manifest
	metadata := map[string]string{"family": m.Family, "encoder": m.Encoder.Kind}
	for key, v := range map[string]any{
		"options":          m.Encoder.Options,
		"spec":             m.Encoder.Spec,
		"accepts":          b.Encoder.Accepts(),
		"stage_steps":      m.Predictors.Steps,
		"task_coordinates": m.Predictors.Coordinates,
		"task_names":       m.TaskNames,
		"task_ranges":      m.Predictors.Ranges,
		"gap_mean":         m.Predictors.GapMean,
		"gap_scale":        m.Predictors.GapScale,
		"gap_curve":        m.Predictors.GapCurve,
		"gap_unit":         cmp.Or(m.Predictors.GapUnit, "nats"),
		"calibration":      m.Calibration,
		"interval_level":   m.Calibration.Level(),
		"scores":           m.Scores,
		"provenance":       m.Provenance,
		"seed":             m.Seed,
	} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		metadata[key] = string(text)
	}
	return metadata, nil
}
