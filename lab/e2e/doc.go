// Package e2e holds the stories that prove LazyXDS on a real mesh: each file is a world, its traffic and what must come of it.
//
// The stories need root and share one lab:
//
//	go test ./e2e                       # brings a lab up, runs every story, takes the lab down
//	go test ./e2e -lab dev -run Story3  # uses the running lab "dev" and leaves it running
package e2e
