package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/lazyxds/lazyxds/lab/components"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"lab": true, "a1": true, "12345678": true,
		"": false, "123456789": false, "a-b": false, "Lab": false, "../x": false, "a b": false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("checkName(%q) = %v", name, err)
		}
	}
}

// Clients on the machine, on the node and in pods reach the API server under different addresses, and all verify it.
func TestServerCertificate(t *testing.T) {
	keys, addresses := pki{dir: filepath.Join(t.TempDir(), "pki")}, plans[IPv6]
	token, err := keys.create(addresses)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(keys.serverCert(), keys.serverKey())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(keys.caCert())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for _, name := range []string{"127.0.0.1", addresses.nodeIP, addresses.apiIP, "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	path := filepath.Join(keys.dir, "kubeconfig")
	if err := writeKubeconfig(path, "127.0.0.1:1234", token, keys); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://127.0.0.1:1234" || config.BearerToken != token || string(config.CAData) != string(ca) || config.Insecure {
		t.Errorf("kubeconfig gives %+v", config)
	}
	tokens, err := os.ReadFile(keys.tokens())
	if err != nil || !strings.HasPrefix(string(tokens), token+",") {
		t.Errorf("token file %q, %v, want it to begin with the token", tokens, err)
	}
}

// The API server takes tokens for istiod, and signs and verifies them with the key the controller manager has.
func TestDaemonsAgree(t *testing.T) {
	keys := pki{dir: "/pki"}
	api := apiserverDaemon(components.Paths{KubeAPIServer: "/bin/a"}, keys, plans[IPv4])
	manager := controllerManagerDaemon(components.Paths{KubeControllerManager: "/bin/c"}, keys, "/kubeconfig")
	if api.args[0] != "/bin/a" || manager.args[0] != "/bin/c" {
		t.Errorf("programs %s and %s", api.args[0], manager.args[0])
	}
	if audiences := flagValue(t, api, "--api-audiences"); !slices.Contains(strings.Split(audiences, ","), "istio-ca") {
		t.Errorf("audiences %s, want istio-ca among them", audiences)
	}
	if a, b := flagValue(t, api, "--service-account-signing-key-file"), flagValue(t, manager, "--service-account-private-key-file"); a != b {
		t.Errorf("token keys %s and %s", a, b)
	}
	if got := flagValue(t, manager, "--root-ca-file"); got != keys.caCert() {
		t.Errorf("root CA of pods %s, want %s", got, keys.caCert())
	}
}

func flagValue(t *testing.T, d daemon, name string) string {
	t.Helper()
	i := slices.Index(d.args, name)
	if i < 0 || i+1 == len(d.args) {
		t.Fatalf("%s has no %s", d.component, name)
	}
	return d.args[i+1]
}

func TestRecordReplacesTheSameComponent(t *testing.T) {
	var s state
	s.record(process{Component: etcd, PID: 1})
	s.record(process{Component: apiserver, PID: 2})
	s.record(process{Component: etcd, PID: 3})
	if len(s.Processes) != 2 || s.Processes[s.index(etcd)].PID != 3 || s.index(kubeProxy) != -1 {
		t.Errorf("processes %+v", s.Processes)
	}
}
