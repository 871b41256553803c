package measure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// names is a set of resources by type and name, and those among them that were refused.
type names struct {
	all     map[string]bool
	refused map[string]string
}

func newNames() names { return names{all: map[string]bool{}, refused: map[string]string{}} }

func (n names) add(typ, name string, r *refusal) {
	n.all[short(typ)+" "+name] = true
	n.refuse(typ, name, r)
}

func (n names) refuse(typ, name string, r *refusal) {
	if r != nil {
		n.refused[short(typ)+" "+name] = strings.Join(strings.Fields(r.Details), " ")
	}
}

// compare says in which way have differs from what is wanted; nothing if it does not.
func (n names) compare(have names) string {
	var found []string
	for _, key := range slices.Sorted(maps.Keys(have.refused)) {
		found = append(found, fmt.Sprintf("envoy refused %s: %s", key, have.refused[key]))
	}
	if missing := difference(n.all, have.all); len(missing) > 0 {
		found = append(found, fmt.Sprintf("envoy lacks %d resources such as %s", len(missing), missing[0]))
	}
	extra := slices.DeleteFunc(difference(have.all, n.all), draining)
	if len(extra) > 0 {
		found = append(found, fmt.Sprintf("envoy still has %d resources such as %s", len(extra), extra[0]))
	}
	return strings.Join(found, "; ")
}

// draining tells whether a resource may outlive what istiod sends: Envoy keeps the routes of a listener that is gone until
// its last connections have been drained.
func draining(key string) bool { return strings.HasPrefix(key, short(routeType)+" ") }

func difference(a, b map[string]bool) []string {
	var d []string
	for key := range a {
		if !b[key] {
			d = append(d, key)
		}
	}
	slices.Sort(d)
	return d
}

// short is the last part of a type's name, such as Cluster.
func short(typ string) string { return typ[strings.LastIndexByte(typ, '.')+1:] }
