package plan

import (
	"fmt"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// mode is what a workload is meant to be, from the one that never breaks anything on.
type mode int

const (
	full    mode = iota // everything, as without LazyXDS
	observe             // the same, but what it calls is recorded
	lazy                // what it uses, the fallback for the rest
)

// modes are the values of the lazy-xds annotation.
var modes = map[string]mode{"false": full, "observe": observe, "true": lazy}

// wish is what a workload is meant to be, and who says so.
type wish struct {
	mode mode
	by   string // "Namespace demo"; empty if nobody says anything
}

// wanted finds out who enrols a workload: its WorkloadScope, else the nearest lazy-xds annotation. Nearest is the workload
// itself, then the Services that select its pods, then its namespace. Where Services differ, "false" wins, then "observe". A
// value that means nothing counts as "false", since full scope never breaks anything.
func (w *world) wanted(c *candidate) wish {
	if c.scope != nil && c.scope.Mode != "" {
		return wish{modes[c.scope.Mode], "WorkloadScope " + c.scope.Name}
	}
	if c.workload == nil {
		return wish{}
	}
	if c.workload.Lazy != "" {
		return wish{w.reads(c.key.Kind, c.key.Namespace, c.key.Name, c.workload.Lazy), c.key.Kind + " " + c.key.Name}
	}
	if byService, said := w.wantedByServices(c.workload); said {
		return byService
	}
	namespace := w.namespaces[c.key.Namespace]
	if namespace.Lazy == "" {
		return wish{}
	}
	return wish{w.reads("Namespace", "", namespace.Name, namespace.Lazy), "Namespace " + namespace.Name}
}

func (w *world) wantedByServices(workload *mesh.Workload) (out wish, said bool) {
	for _, service := range w.crowd(workload.Namespace).enrolling {
		if !selects(service.Selector, workload.Labels) {
			continue
		}
		meant := w.reads("Service", service.Namespace, service.Name, service.Lazy)
		if !said || meant < out.mode {
			out, said = wish{meant, "Service " + service.Name}, true
		}
	}
	return out, said
}

// reads tells what an annotation's value means.
func (w *world) reads(kind, namespace, name, value string) mode {
	if meant, ok := modes[value]; ok {
		return meant
	}
	w.notice(Notice{
		Kind: kind, Namespace: namespace, Name: name,
		Type: Warning, Reason: "InvalidMode",
		Message: fmt.Sprintf("annotation lazy-xds: %q means nothing and counts as \"false\"; write \"true\", \"false\" or \"observe\"", value),
	})
	return full
}
