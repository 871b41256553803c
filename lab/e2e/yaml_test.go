package e2e

import (
	"fmt"
	"strings"
)

// client is a Deployment that does nothing by itself: stories send traffic from it.
func client(name string) string {
	return workload("Deployment", name, fmt.Sprintf("app: %s", name), "lazyxds/shell", `command: [sleep, infinity]`)
}

// echo is a Deployment of the test server under the labels app and version, with its own ServiceAccount:
// HTTP on 8080, gRPC on 7070, TCP on 9000, TCP where the server speaks first on 9001, TLS on 8443.
func echo(app, version string) string {
	args := fmt.Sprintf(`args: [--name, %s, --version, %s, --http=8080, --grpc=7070, --tcp=9000, --tcp-server-first=9001, --tls=8443]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}}`, app, version)
	return workload("Deployment", app+"-"+version, fmt.Sprintf("app: %s, version: %s", app, version), "lazyxds/echo", args)
}

// workload is an object that owns pods with one container, "app". Labels are written as in a YAML flow mapping.
func workload(kind, name, labels, image, container string) string {
	extra := ""
	if kind == "StatefulSet" {
		extra = "\n  serviceName: " + name
	}
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: %s
metadata: {name: %s}
spec:
  selector: {matchLabels: {%s}}%s
  template:
    metadata: {labels: {%s}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: app
        image: %s
        %s
`, kind, name, labels, extra, labels, image, container)
}

// service is a Service whose ports are written NAME:PORT[:TARGET], for instance "http:80:8080".
func service(name, app string, ports ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  selector: {app: %s}\n  ports:\n", name, app)
	for _, p := range ports {
		part := strings.Split(p, ":")
		fmt.Fprintf(&b, "  - {name: %s, port: %s, targetPort: %s}\n", part[0], part[1], part[len(part)-1])
	}
	return b.String()
}

// withAddress gives the pods of a workload a pod address of the story's choice.
func withAddress(address, workload string) string {
	return strings.Replace(workload, "template:\n    metadata: {",
		fmt.Sprintf("template:\n    metadata: {annotations: {lab.lazyxds.io/address: %s}, ", address), 1)
}

// docs joins YAML documents.
func docs(parts ...string) string { return strings.Join(parts, "\n---\n") }
