package plan

import (
	"fmt"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// wish is whether a workload is meant to be lazy, and who says so.
type wish struct {
	lazy bool
	by   string // "Namespace demo"; empty if nobody says anything
}

// wanted finds out who enrols a workload: its WorkloadScope, else the nearest lazy-xds annotation. Nearest is the workload
// itself, then the Services that select its pods, then its namespace. Where Services differ, "false" wins. A value that means
// nothing counts as "false", since full scope never breaks anything.
func (w *world) wanted(c *candidate) wish {
	if c.scope != nil && c.scope.Mode != "" {
		return wish{c.scope.Mode == "true", "WorkloadScope " + c.scope.Name}
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
		lazy := w.reads("Service", service.Namespace, service.Name, service.Lazy)
		if !said || !lazy && out.lazy {
			out, said = wish{lazy, "Service " + service.Name}, true
		}
	}
	return out, said
}

// reads tells what an annotation's value means.
func (w *world) reads(kind, namespace, name, value string) bool {
	switch value {
	case "true":
		return true
	case "false":
		return false
	}
	w.notice(Notice{
		Kind: kind, Namespace: namespace, Name: name,
		Type: Warning, Reason: "InvalidMode",
		Message: fmt.Sprintf("annotation lazy-xds: %q means nothing and counts as \"false\"; write \"true\" or \"false\"", value),
	})
	return false
}
