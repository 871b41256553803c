package plan

import (
	"fmt"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// wanted is a pattern that somebody wants in scopes, or kept out of them.
type wanted struct {
	pattern
	by string // "spec.include", "annotation lazyxds.io/include of Namespace demo"
}

// annotated reads the patterns in the annotations of a workload, of the Services that select its pods and of its namespace.
// They all add up. One that makes no sense has no effect, and an event on the object names it.
func (w *world) annotated(c *candidate) (include, exclude []wanted) {
	if c.workload == nil {
		return nil, nil
	}
	read := func(kind, namespace, name string, p mesh.Patterns) {
		n := Notice{Kind: kind, Namespace: namespace, Name: name, Type: Warning, Reason: "InvalidPattern"}
		include = append(include, w.readPatterns(n, convert.IncludeAnnotation, p.Include)...)
		exclude = append(exclude, w.readPatterns(n, convert.ExcludeAnnotation, p.Exclude)...)
	}
	read(c.key.Kind, c.key.Namespace, c.key.Name, c.workload.Patterns)
	for _, service := range w.crowd(c.key.Namespace).wanting {
		if selects(service.Selector, c.workload.Labels) {
			read("Service", service.Namespace, service.Name, service.Patterns)
		}
	}
	read("Namespace", "", c.key.Namespace, w.namespaces[c.key.Namespace].Patterns)
	return include, exclude
}

// readPatterns returns the items of an annotation that make sense; blame is the notice about any other.
func (w *world) readPatterns(blame Notice, annotation string, items []string) []wanted {
	var out []wanted
	for _, item := range items {
		p, ok := parsePattern(item)
		if !ok {
			blame.Message = fmt.Sprintf("annotation %s: %q is not \"namespace/host\" and has no effect", annotation, item)
			w.notice(blame)
			continue
		}
		out = append(out, wanted{p, fmt.Sprintf("annotation %s of %s %s", annotation, blame.Kind, blame.Name)})
	}
	return out
}
