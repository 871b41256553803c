package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// admin is the administration port of a pod's Envoy.
type admin struct {
	lab    *cluster.Lab
	target cluster.Target
}

func (a admin) get(ctx context.Context, path string) ([]byte, error) {
	out, err := a.lab.Exec(ctx, a.target, "curl", "--silent", "--show-error", "--fail", "--max-time", "10", "http://localhost:15000"+path)
	if err != nil {
		return nil, err
	}
	if out.Code != 0 {
		return nil, fmt.Errorf("ask envoy for %s: %s", path, out.Stderr)
	}
	return []byte(out.Stdout), nil
}

// heap is the number of bytes Envoy has allocated.
func (a admin) heap(ctx context.Context) (int64, error) {
	text, err := a.get(ctx, "/memory")
	if err != nil {
		return 0, err
	}
	var memory struct{ Allocated string }
	if err := json.Unmarshal(text, &memory); err != nil {
		return 0, fmt.Errorf("parse envoy's memory: %w", err)
	}
	n, err := strconv.ParseInt(memory.Allocated, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse envoy's memory: %w", err)
	}
	return n, nil
}

// config returns the node Envoy presents itself as and the names of the resources it uses.
func (a admin) config(ctx context.Context) (*corev3.Node, names, error) {
	text, err := a.get(ctx, "/config_dump")
	if err != nil {
		return nil, names{}, err
	}
	return parseDump(text)
}

// dump is the part of Envoy's configuration dump that says who it is and which resources it has got.
type dump struct {
	Configs []struct {
		Bootstrap struct {
			Node json.RawMessage `json:"node"`
		} `json:"bootstrap"`
		Clusters []struct {
			Cluster named    `json:"cluster"`
			Error   *refusal `json:"error_state"`
		} `json:"dynamic_active_clusters"`
		Warming   []any `json:"dynamic_warming_clusters"`
		Listeners []struct {
			Name   string `json:"name"`
			Active *struct {
				Listener named `json:"listener"`
			} `json:"active_state"`
			Error *refusal `json:"error_state"`
		} `json:"dynamic_listeners"`
		Routes []struct {
			Route named    `json:"route_config"`
			Error *refusal `json:"error_state"`
		} `json:"dynamic_route_configs"`
	} `json:"configs"`
}

type named struct {
	Name string `json:"name"`
}

// refusal is a resource Envoy has got and not taken.
type refusal struct {
	Details string `json:"details"`
}

func parseDump(text []byte) (*corev3.Node, names, error) {
	var d dump
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, names{}, fmt.Errorf("parse envoy's configuration: %w", err)
	}
	var node *corev3.Node
	have := newNames()
	for _, c := range d.Configs {
		if c.Bootstrap.Node != nil {
			node = &corev3.Node{}
			// Newer Envoys may say more of themselves than these types know; istiod does not ask for it.
			if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(c.Bootstrap.Node, node); err != nil {
				return nil, names{}, fmt.Errorf("parse envoy's node: %w", err)
			}
		}
		for _, r := range c.Clusters {
			have.add(clusterType, r.Cluster.Name, r.Error)
		}
		for _, r := range c.Listeners {
			if r.Active != nil {
				have.add(listenerType, r.Active.Listener.Name, nil)
			}
			have.refuse(listenerType, r.Name, r.Error)
		}
		for _, r := range c.Routes {
			have.add(routeType, r.Route.Name, r.Error)
		}
	}
	if node == nil {
		return nil, names{}, errors.New("envoy's configuration names no node")
	}
	return node, have, nil
}
