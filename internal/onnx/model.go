package onnx

import "slices"

// Model is a ModelProto. Parse puts the bodies of model-local functions in place
// of their calls, so that it has none.
type Model struct {
	IRVersion       int64
	Producer        string // producer_name
	ProducerVersion string
	Domain          string
	Version         int64 // model_version
	DocString       string
	Opsets          map[string]int64 // domain -> version; "" is ai.onnx
	Metadata        map[string]string
	Graph           *Graph
}

// Graph is a GraphProto.
type Graph struct {
	Name         string
	Nodes        []*Node // in topological order after Parse
	Initializers []*Tensor
	Inputs       []Value
	Outputs      []Value
}

// Node is a NodeProto.
type Node struct {
	Name, OpType, Domain string
	Inputs, Outputs      []string // "" where absent
	Attributes           map[string]*Attribute

	overload string // of the function that is called
}

// Attribute is an AttributeProto; the field that its type says is set.
type Attribute struct {
	Type    AttributeType
	Int     int64
	Float   float32
	String  string
	Ints    []int64
	Floats  []float32
	Strings []string
	Tensor  *Tensor
	Graph   *Graph

	reference string // ref_attr_name, in the body of a function
}

// AttributeType is AttributeProto.AttributeType.
type AttributeType int32

// The types of attributes that are read; others have their number only.
const (
	AttributeFloat   AttributeType = 1
	AttributeInt     AttributeType = 2
	AttributeString  AttributeType = 3
	AttributeTensor  AttributeType = 4
	AttributeGraph   AttributeType = 5
	AttributeFloats  AttributeType = 6
	AttributeInts    AttributeType = 7
	AttributeStrings AttributeType = 8

	attributeSparseTensor AttributeType = 11
)

// Value is a ValueInfoProto of a tensor. A dimension is a number, or -1 with
// its name in Params ("" if unknown).
type Value struct {
	Name   string
	Type   DType
	Dims   []int64 // nil: unknown rank
	Params []string
}

// DType is TensorProto.DataType.
type DType int32

// The data types that are read.
const (
	Float32  DType = 1
	Uint8    DType = 2
	Int8     DType = 3
	Uint16   DType = 4
	Int16    DType = 5
	Int32    DType = 6
	Int64    DType = 7
	String   DType = 8
	Bool     DType = 9
	Float16  DType = 10
	Float64  DType = 11
	Uint32   DType = 12
	Uint64   DType = 13
	BFloat16 DType = 16
)

// Float tells whether the values are floating-point numbers.
func (d DType) Float() bool {
	return d == Float32 || d == Float64 || d == Float16 || d == BFloat16
}

// Width is the size of a value in bytes; 0 for types that are not read.
func (d DType) Width() int {
	switch d {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16, Float16, BFloat16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// Input returns the i-th input's name, "" if it is absent.
func (n *Node) Input(i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// Int returns an integer attribute or its default.
func (n *Node) Int(name string, otherwise int64) int64 {
	if a := n.Attributes[name]; a != nil && a.Type == AttributeInt {
		return a.Int
	}
	return otherwise
}

// Float returns a float attribute or its default.
func (n *Node) Float(name string, otherwise float32) float32 {
	if a := n.Attributes[name]; a != nil && a.Type == AttributeFloat {
		return a.Float
	}
	return otherwise
}

// Text returns a string attribute or its default.
func (n *Node) Text(name, otherwise string) string {
	if a := n.Attributes[name]; a != nil && a.Type == AttributeString {
		return a.String
	}
	return otherwise
}

// Ints returns a list of integers, nil if absent.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attributes[name]; a != nil {
		return a.Ints
	}
	return nil
}

// Floats returns a list of floats, nil if absent.
func (n *Node) Floats(name string) []float32 {
	if a := n.Attributes[name]; a != nil {
		return a.Floats
	}
	return nil
}

// Strings returns a list of strings, nil if absent.
func (n *Node) Strings(name string) []string {
	if a := n.Attributes[name]; a != nil {
		return a.Strings
	}
	return nil
}

// Label names a node for messages.
func (n *Node) Label() string {
	if n.Name != "" {
		return n.Name
	}
	if len(n.Outputs) > 0 {
		return "output " + n.Outputs[0]
	}
	return n.OpType
}

// Initializer returns an initializer by name, or nil.
func (g *Graph) Initializer(name string) *Tensor {
	i := slices.IndexFunc(g.Initializers, func(t *Tensor) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	return g.Initializers[i]
}
