// Command go-httpbin is the httpbin image of Istio's samples, built from its Go module.
package main

import (
	"os"

	"github.com/mccutchen/go-httpbin/v2/httpbin/cmd"
)

func main() { os.Exit(cmd.Main()) }
