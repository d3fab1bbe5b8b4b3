package zoo

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Part is a part of a split by task.
type Part string

// The parts hold 70, 15 and 15 % of the tasks.
const (
	Train      Part = "train"
	Validation Part = "validation"
	OOD        Part = "ood" // out of distribution: the tasks of the highest criterion
)

// TaskKey identifies a task by its parameters.
type TaskKey string

// Key returns the key of task parameters.
func Key(params []float32) TaskKey {
	s := make([]string, len(params))
	for i, p := range params {
		s[i] = fmt.Sprint(p)
	}
	return TaskKey(strings.Join(s, " "))
}

const (
	oodShare        = 0.15
	validationShare = 0.15
)

// Split assigns every task, never single snapshots, to a part. The tasks with
// the highest criterion are out of distribution, ties in the order of their
// keys; a nil criterion sets none apart. The rest are ordered by a hash of seed
// and key, so a task mostly keeps its part when others come.
func Split(tasks [][]float32, criterion func(params []float32) float64, seed uint64) map[TaskKey]Part {
	distinct := map[TaskKey][]float32{}
	for _, t := range tasks {
		distinct[Key(t)] = t
	}
	var keys []TaskKey
	for k := range distinct {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	parts := map[TaskKey]Part{}
	if criterion != nil {
		slices.SortStableFunc(keys, func(a, b TaskKey) int {
			return cmp.Compare(criterion(distinct[b]), criterion(distinct[a]))
		})
		n := int(oodShare * float64(len(keys)))
		for _, k := range keys[:n] {
			parts[k] = OOD
		}
		keys = keys[n:]
	}
	validation := int(validationShare * float64(len(parts)+len(keys)))
	slices.SortFunc(keys, func(a, b TaskKey) int {
		return cmp.Or(cmp.Compare(hash(seed, a), hash(seed, b)), cmp.Compare(a, b))
	})
	for i, k := range keys {
		parts[k] = Train
		if i < validation {
			parts[k] = Validation
		}
	}
	return parts
}

func hash(seed uint64, k TaskKey) uint64 {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, seed) // a hash does not fail
	h.Write([]byte(k))
	x := h.Sum64() // FNV's high bits are weak: finish as SplitMix64 does
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
