package cluster

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status is the condition of a lab.
type Status struct {
	Name  string `json:"name"`
	Istio string `json:"istio"`
	// Ready means that the mesh was ready and every daemon still runs and the API server answers.
	Ready      bool              `json:"ready"`
	Created    time.Time         `json:"created"`
	Kubeconfig string            `json:"kubeconfig"`
	Components []ComponentStatus `json:"components"`
	Pods       PodCount          `json:"pods"`
	// Problem says what is wrong if the lab is not ready.
	Problem string `json:"problem,omitempty"`
}

// ComponentStatus is the condition of one daemon.
type ComponentStatus struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Running bool   `json:"running"`
	Log     string `json:"log"`
}

// PodCount counts the lab's pods.
type PodCount struct {
	Total int `json:"total"`
	Ready int `json:"ready"`
}

// Status looks at the lab as it is now.
func (l *Lab) Status(ctx context.Context) Status {
	st, err := readState(l.name)
	if err != nil {
		return Status{Name: l.name, Problem: err.Error()}
	}
	s := Status{Name: l.name, Istio: st.Istio, Created: st.Created, Kubeconfig: l.Kubeconfig(), Ready: st.Ready}
	if !st.Ready {
		s.Problem = "it was not started to the end"
	}
	for _, p := range st.Processes {
		c := ComponentStatus{Name: p.Component, PID: p.PID, Running: p.running(), Log: logFile(l.name, p.Component)}
		s.Components = append(s.Components, c)
		if !c.Running {
			s.Ready, s.Problem = false, c.Name+" does not run"
		}
	}
	if err := l.countPods(ctx, &s.Pods); err != nil {
		s.Ready = false
		if s.Problem == "" {
			s.Problem = err.Error()
		}
	}
	return s
}

func (l *Lab) countPods(ctx context.Context, n *PodCount) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	pods, err := l.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	n.Total = len(pods.Items)
	for _, p := range pods.Items {
		if podReady(p) {
			n.Ready++
		}
	}
	return nil
}
