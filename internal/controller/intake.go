package controller

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/lazyxds/lazyxds/internal/accesslog"
)

// Intake listens for access logs and learns from them, on every replica.
type Intake struct {
	address   string
	server    *accesslog.Server
	learning  *Learning
	listening atomic.Bool
}

// NewIntake makes an intake that will listen on the address.
func NewIntake(address string, server *accesslog.Server, learning *Learning) *Intake {
	return &Intake{address: address, server: server, learning: learning}
}

// Start takes in access logs until ctx ends, and then ends their streams before it writes what was learned last.
func (i *Intake) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", i.address)
	if err != nil {
		return fmt.Errorf("listen for access logs: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	drained, learned := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(learned)
		i.learning.Run(ctx, i.server.Observations(), drained)
	}()
	i.listening.Store(true)
	err = i.server.Serve(ctx, listener)
	i.listening.Store(false)
	close(drained)
	cancel()
	<-learned
	return err
}

// NeedLeaderElection tells the manager to start it on every replica.
func (i *Intake) NeedLeaderElection() bool { return false }

// Listening reports whether access logs are taken in.
func (i *Intake) Listening() bool { return i.listening.Load() }
