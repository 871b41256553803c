// Package controller turns the crank and decides nothing: an event is a poke, a poke makes it take a snapshot, plan, and
// apply. Beside it, on every replica, what the access log teaches is written into WorkloadScopes.
package controller
