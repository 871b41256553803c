package e2e

import (
	"fmt"
	"strings"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// intruder is a lazy pod whose app has the certificate of its service account, and which its sidecar lets by to the egress's front listener.
func intruder(name string) string {
	pod := fmt.Sprintf(sender, name, name)
	pod = strings.Replace(pod, `excludeOutboundPorts: "8080"`, `excludeOutboundPorts: "15006"`, 1)
	pod = strings.Replace(pod, "labels: {", "labels: {app: "+name+", ", 1)
	return docs("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: "+name+"}", pod)
}

// entrance is a gateway with a Service, served by the pods of an app. Policies find it as one of the Gateway API.
func entrance(name, app string) string {
	return docs(service(name, name, "http:8080"), service(name+"-backend", app, "http:8080"), fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata:
      labels: {app: %[1]s, sidecar.istio.io/inject: "true", gateway.networking.k8s.io/gateway-name: %[1]s}
      annotations: {inject.istio.io/templates: gateway}
    spec:
      terminationGracePeriodSeconds: 2
      containers: [{name: istio-proxy, image: auto}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %[1]s}
spec:
  hosts: ["*"]
  gateways: [%[1]s]
  http: [{route: [{destination: {host: %[1]s-backend}}]}]
`, name))
}

// backDoors has a pod called stranger, which a server does not let have a path, try every other way to it: other services, what a
// request can say of itself, pods' addresses, and the fallback egress, with its own certificate and a PROXY header
// that names the client. It would hear from answers.
func (w *world) backDoors(server, path, answers string) {
	w.Helper()
	address := func(service string) string {
		return w.kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
	}
	egress := w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=istio-egressgateway-lazyxds", "-o", "jsonpath={.items[0].status.podIP}")
	bystander := "bystander-" + server
	w.apply(service(bystander, "bystander", "http:8090:8080"))
	w.eventually("the bystander to answer", func() error {
		if out := w.tries("curl -sSi http://" + bystander + ":8090/"); !strings.Contains(out, "bystander/") {
			return fmt.Errorf("it says %s", out)
		}
		return nil
	})
	names := strings.NewReplacer("SERVER", server, "BYSTANDER", bystander, "FRIEND", w.podIP("client"), "EGRESS", egress, "POD", w.podIP(server),
		"VIP", address(server), "OTHER", address(bystander), "NS", w.namespace, "PATH", path)
	const forged = `--header 'X-Forwarded-For: FRIEND' --header 'X-Lazyxds-Source: FRIEND' ` +
		`--header 'X-Forwarded-Client-Cert: By=x;URI=spiffe://cluster.local/ns/NS/sa/default' `
	for _, door := range []string{
		`curl http://SERVER:8080PATH`,
		`curl http://SERVER.NS.svc.cluster.local:8080PATH`,
		`curl ` + forged + `http://SERVER:8080PATH`,
		`curl ` + forged + `http://POD:8080PATH`,
		`curl -H 'Host: SERVER:8080' http://BYSTANDER:8090PATH`,
		`curl -H 'Host: SERVER.NS.svc.cluster.local:8080' http://BYSTANDER:8090PATH`,
		`curl -H 'X-Lazyxds-Vhost: SERVER.NS.svc.cluster.local:8080' http://BYSTANDER:8090PATH`,
		`curl -H 'Host: SERVER.NS.svc.cluster.local:8080' http://EGRESS:15001PATH`,
		`curl -H 'Host: SERVER.NS.svc.cluster.local:8080' http://EGRESS:15006PATH`,
		`curl -H 'Host: SERVER.NS.svc.cluster.local:8080' http://EGRESS:8080PATH`,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to VIP:8080 --host SERVER.NS:8080 --path PATH`,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to VIP:8080 --host SERVER.NS:8080 --path PATH ` + forged,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to POD:8080 --host SERVER.NS:8080 --path PATH ` + forged,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to POD:8080 --host POD:8080 --path PATH`,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to POD:8080 --host unknown.example.com --path PATH`,
		`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to OTHER:8090 --host SERVER.NS:8080 --path PATH --header 'X-Lazyxds-Vhost: SERVER.NS:8080'`,
		`labapp backdoor EGRESS:15001 --from FRIEND:40000 --to VIP:8080 --host SERVER.NS:8080 --path PATH`,
	} {
		door = names.Replace(door)
		if out := w.tries(strings.Replace(door, "curl ", "curl -sSi -m 5 ", 1)); strings.Contains(out, fmt.Sprintf(`"name": %q`, answers)) {
			w.Errorf("%s: got in:\n%s", door, out)
		}
	}
	// The door is there: whom nobody guards, the egress calls for whoever has a certificate.
	out := w.tries(names.Replace(`labapp backdoor EGRESS:15006 --from FRIEND:40000 --to OTHER:8090 --host BYSTANDER.NS:8090`))
	if !strings.Contains(out, "bystander/") || !strings.Contains(out, egressIdentity) {
		w.Errorf("the egress did not call the bystander:\n%s", out)
	}
}

// tries runs a command in the stranger and returns what it tells, of success or failure.
func (w *world) tries(command string) string {
	w.Helper()
	out, err := w.lab.Exec(w.ctx, cluster.Target{Namespace: w.namespace, Name: "stranger", Container: "app"}, "sh", "-c", command)
	w.must(err)
	return out.Stdout + out.Stderr
}
