package plan

import (
	"bytes"
	"encoding/json"
	"maps"
)

// spec is the spec of a Sidecar or an EnvoyFilter, by field.
type spec map[string]json.RawMessage

// parseSpec reads the spec of an object of ours as it is in the cluster.
func parseSpec(live []byte) spec {
	var out spec
	if err := json.Unmarshal(live, &out); err != nil {
		return spec{}
	}
	return out
}

// with returns a copy in which field is value.
func (s spec) with(field string, value any) spec {
	out := maps.Clone(s)
	out[field] = encode(value)
	return out
}

// selecting returns a copy for the pods with these labels.
func (s spec) selecting(labels map[string]string) spec {
	return s.with("workloadSelector", map[string]any{"labels": labels})
}

// same tells whether live, the spec of an object in the cluster, says the same, whatever the order of its fields.
func (s spec) same(live []byte) bool {
	var fields any
	if err := json.Unmarshal(live, &fields); err != nil {
		return false // nothing of ours can be unreadable: write it anew
	}
	return bytes.Equal(canonical(s), encode(fields))
}

// canonical encodes the spec with all fields in order, nested ones too.
func canonical(s spec) []byte {
	var fields any
	if err := json.Unmarshal(encode(s), &fields); err != nil {
		panic("a spec of our own making is no JSON: " + err.Error())
	}
	return encode(fields)
}

// into decodes the spec into an API type.
func (s spec) into(target any) {
	if err := json.Unmarshal(encode(s), target); err != nil {
		panic("a spec of our own making does not fit its type: " + err.Error())
	}
}

func encode(value any) []byte {
	out, err := json.Marshal(value)
	if err != nil {
		panic("encode a spec: " + err.Error())
	}
	return out
}
