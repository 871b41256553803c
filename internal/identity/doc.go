// Package identity gives the controller a certificate of the mesh's CA, keeps it fresh, and tells by theirs who may talk to it.
package identity
