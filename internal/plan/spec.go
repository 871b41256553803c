package plan

import (
	"bytes"
	"encoding/json"
	"maps"
)

// spec is the spec of a Sidecar or an EnvoyFilter, by field.
type spec map[string]json.RawMessage

// parseSpec reads the spec of an object in the cluster. What cannot be read is empty, and so will be written anew.
func parseSpec(live []byte) spec {
	var out spec
	if err := json.Unmarshal(live, &out); err != nil || out == nil {
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

// same tells whether live, the spec of an object in the cluster, says the same.
func (s spec) same(live []byte) bool {
	return maps.EqualFunc(s, parseSpec(live), sameJSON)
}

// sameJSON compares two values, whatever the order of their fields. Values from the same encoder are usually the same bytes,
// and planning a large mesh compares a great many.
func sameJSON(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || bytes.Equal(canonical(a), canonical(b))
}

// canonical encodes a value with all its fields in order.
func canonical(raw json.RawMessage) []byte {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return raw
	}
	return encode(value)
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
