package training

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rnnrep/encoders"
	"rnnrep/internal/errs"
	"rnnrep/rnn"
	"rnnrep/rnn/tasks"
	"rnnrep/rnn/zoo"
)

// universalFamily names bundles that are trained on a mixed zoo. What they
// predict as the task is the family.
const universalFamily = "universal"

// mixedInputRange says in a manifest that the emulator reads real inputs, and spans
// most of them; no encoder that reads mixed zoos asks anything.
var mixedInputRange = [2]float32{-1, 2}

// mixedGapCurve: the gaps of families differ by orders of magnitude, and are
// those of different losses.
const mixedGapCurve = 0.05

// FamilyOf is the family that bundles trained on the zoo in dir have.
func FamilyOf(dir string) (string, error) {
	if isMixed(dir) {
		return universalFamily, nil
	}
	z, err := zoo.Open(dir)
	if err != nil {
		return "", err
	}
	return z.Header.Family, nil
}

// isMixed reports whether dir is a mixed zoo.
func isMixed(dir string) bool { return len(Zoos(dir)) > 0 }

// Zoos lists the folders of a mixed zoo; none of a zoo.
func Zoos(dir string) []string {
	if zoo.In(dir) {
		return nil
	}
	entries, _ := filepath.Glob(filepath.Join(dir, "*")) // the pattern is well formed
	return slices.DeleteFunc(entries, func(e string) bool { return !zoo.In(e) })
}

// loadMixedZoo reads all zoos in dir as one.
func loadMixedZoo(dir string, leaveOut []string) (*dataset, error) {
	leftOut, err := parseLeftOut(leaveOut)
	if err != nil {
		return nil, err
	}
	var members []*mixedMember
	for _, folder := range Zoos(dir) {
		m, err := readMixedMember(folder)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	d := &dataset{parts: map[zoo.Part][]example{}}
	if err := d.describeMixed(members, leftOut); err != nil {
		return nil, err
	}
	split := splitFamilies(members, len(leftOut) == 0)
	for _, m := range members {
		f := d.format()
		f.length, f.io = m.header.RolloutLength, m.family.IO()
		for _, snapshots := range m.runs {
			p := split[m.header.Family][zoo.Key(snapshots[0].truth.Task)]
			if leftOut.include(m) {
				p = zoo.OOD
			}
			for _, e := range snapshots {
				e.format = &f
				e.truth.Task = []float32{float32(slices.Index(d.families, m.header.Family))}
				d.parts[p] = append(d.parts[p], e)
			}
		}
	}
	return d, nil
}

// mixedMember is one zoo of a mixed zoo.
type mixedMember struct {
	*dataset
	runs [][]example
}

func readMixedMember(dir string) (*mixedMember, error) {
	d, z, err := openZoo(dir)
	if err != nil {
		return nil, err
	}
	runs, err := d.read(z)
	return &mixedMember{d, runs}, err
}

// describeMixed sets what the members have in common. Cells and sizes are those that
// are not left out; the formats are all.
func (d *dataset) describeMixed(members []*mixedMember, leftOut leaveOutConditions) error {
	sum := sha256.New()
	var specs, kept []rnn.Spec
	first := members[0].header
	for _, m := range members {
		if h := m.header; !slices.Equal(h.Steps, first.Steps) || h.RolloutCount != first.RolloutCount || h.Seed != first.Seed {
			return errs.New(errs.Damaged, "the zoos of %s and %s were not trained together: their seeds, snapshots or sequences differ", first.Spec, h.Spec).
				Do("name a folder that `rnnrepd zoo train --family mixed` made")
		}
		fmt.Fprintln(sum, m.checksum)
		specs = append(specs, m.header.Spec)
		if !leftOut.include(m) {
			kept = append(kept, m.header.Spec)
		}
		d.runs += len(m.runs)
		if !slices.Contains(d.families, m.header.Family) {
			d.families = append(d.families, m.header.Family)
		}
	}
	all := encoders.NewShapes(specs)
	d.shapes = encoders.NewShapes(kept)
	d.shapes.Inputs, d.shapes.Outputs = all.Inputs, all.Outputs
	d.checksum = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	d.header = zoo.Header{Family: universalFamily, Seed: first.Seed, Steps: first.Steps, RolloutCount: first.RolloutCount,
		Spec: rnn.Uniform("lstm", d.shapes.Inputs[1], 32, 2, d.shapes.Outputs[1])}
	return nil
}

// splitFamilies splits the tasks of each family: with or without its own
// out-of-distribution part.
func splitFamilies(members []*mixedMember, holdout bool) map[string]map[zoo.TaskKey]zoo.Part {
	params, families := map[string][][]float32{}, map[string]tasks.Family{}
	for _, m := range members {
		for _, snapshots := range m.runs {
			params[m.header.Family] = append(params[m.header.Family], snapshots[0].truth.Task)
		}
		families[m.header.Family] = m.family
	}
	split := map[string]map[zoo.TaskKey]zoo.Part{}
	for name, f := range families {
		criterion := f.Holdout
		if !holdout {
			criterion = nil
		}
		split[name] = zoo.Split(params[name], criterion, splitSeed)
	}
	return split
}

// leaveOutCondition names RNNs of a mixed zoo: "cell=gru", "hidden=64", "layers=3"
// or "family=copy".
type leaveOutCondition struct{ property, value string }

// leaveOutConditions leave an RNN out that one of them names.
type leaveOutConditions []leaveOutCondition

func (cs leaveOutConditions) include(m *mixedMember) bool {
	return slices.ContainsFunc(cs, func(c leaveOutCondition) bool { return c.matches(m) })
}

func parseLeftOut(conditions []string) (cs leaveOutConditions, err error) {
	for _, c := range conditions {
		property, value, _ := strings.Cut(c, "=")
		if !slices.Contains(leaveOutProperties, property) || value == "" {
			return nil, fmt.Errorf("left out shall be %q: name one of %s and a value, as in cell=gru", c, strings.Join(leaveOutProperties, ", "))
		}
		cs = append(cs, leaveOutCondition{property, value})
	}
	return cs, nil
}

var leaveOutProperties = []string{"cell", "hidden", "layers", "family"}

func (c leaveOutCondition) matches(m *mixedMember) bool {
	l := m.header.Spec.Layers
	return c.value == map[string]string{"cell": l[0].Cell, "hidden": strconv.Itoa(l[0].Hidden), "layers": strconv.Itoa(len(l)), "family": m.header.Family}[c.property]
}
