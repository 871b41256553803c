// Package charts checks what the Helm chart renders, with the types that Envoy and Kubernetes read it with.
package charts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/grpc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/original_ip_detection/custom_header/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// render runs helm template; it skips the test where $HELM does not name a helm, as outside make chart.
func render(t *testing.T, args ...string) (objects []unstructured.Unstructured, failure string) {
	t.Helper()
	helm := os.Getenv("HELM")
	if helm == "" {
		t.Skip("HELM does not name a helm binary; make chart does")
	}
	cmd := exec.CommandContext(t.Context(), helm, append([]string{"template", "lazyxds", "lazyxds", "-n", "istio-system"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, stderr.String()
	}
	for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(stdout.String(), -1) {
		var object unstructured.Unstructured
		if err := yaml.UnmarshalStrict([]byte(doc), &object.Object); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
	return objects, ""
}

// find returns the object of that kind and name as T.
func find[T any](t *testing.T, objects []unstructured.Unstructured, kind, name string) T {
	t.Helper()
	var out T
	for _, object := range objects {
		if object.GetKind() != kind || object.GetName() != name {
			continue
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &out, true); err != nil {
			t.Fatalf("%s %s: %v", kind, name, err)
		}
		return out
	}
	t.Fatalf("no %s %s", kind, name)
	return out
}

func TestValuesFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no values files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, failure := render(t, "--values", file)
			// A file that begins with "# refused: TEXT" must not render, and the message must hold TEXT.
			refused, found := strings.CutPrefix(strings.SplitN(string(data), "\n", 2)[0], "# refused: ")
			switch {
			case !found && failure != "":
				t.Errorf("refused: %s", failure)
			case found && failure == "":
				t.Errorf("rendered, want a refusal with %q", refused)
			case found && !strings.Contains(failure, refused):
				t.Errorf("got %q, want %q in it", failure, refused)
			}
		})
	}
}

// Every value is used by some template, and described where users look for it.
func TestEveryValueIsUsed(t *testing.T) {
	data, err := os.ReadFile("lazyxds/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		t.Fatal(err)
	}
	var templates strings.Builder
	err = filepath.WalkDir("lazyxds/templates", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		templates.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range leaves("", values) {
		// Inside a "with" block a value appears by its last element alone.
		last := path[strings.LastIndex(path, "."):]
		if !strings.Contains(templates.String(), ".Values"+path) && !regexp.MustCompile(`[( ]\`+last+`\b`).MatchString(templates.String()) {
			t.Errorf("no template uses %s", strings.TrimPrefix(path, "."))
		}
	}
}

// leaves lists the paths of all values that are no sections; resources and the like are one value.
func leaves(prefix string, values map[string]any) []string {
	var out []string
	for key, value := range values {
		section, ok := value.(map[string]any)
		if ok && len(section) > 0 && key != "resources" {
			out = append(out, leaves(prefix+"."+key, section)...)
			continue
		}
		out = append(out, prefix+"."+key)
	}
	return out
}

func TestEgressBootstrap(t *testing.T) {
	objects, _ := render(t)
	configMap := find[corev1.ConfigMap](t, objects, "ConfigMap", "lazyxds-als-bootstrap")
	var bootstrap bootstrapv3.Bootstrap
	parse(t, []byte(configMap.Data["custom_bootstrap.json"]), &bootstrap)

	clusters := map[string]string{}
	for _, cluster := range bootstrap.StaticResources.Clusters {
		address := cluster.LoadAssignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address
		if cluster.Name == "lazyxds-accesslog-service" {
			var secured tlsv3.UpstreamTlsContext
			if err := cluster.GetTransportSocket().GetTypedConfig().UnmarshalTo(&secured); err != nil {
				t.Fatalf("access logs are sent without TLS: %v", err)
			}
			names := secured.CommonTlsContext.GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
			if want := "spiffe://cluster.local/ns/istio-system/sa/lazyxds"; len(names) != 1 || names[0].GetMatcher().GetExact() != want {
				t.Errorf("access logs are sent to %v, want %s alone", names, want)
			}
		}
		clusters[cluster.Name] = address.GetPipe().GetPath() + address.GetSocketAddress().GetAddress()
	}
	if clusters["lazyxds-accesslog-service"] != "lazyxds.istio-system" || clusters["lazyxds-loop"] != "@lazyxds-loop" {
		t.Errorf("clusters: %v", clusters)
	}
	if len(bootstrap.StaticResources.Listeners) != 1 {
		t.Fatalf("static listeners: %v", bootstrap.StaticResources.Listeners)
	}
	front := bootstrap.StaticResources.Listeners[0]
	bound := []string{front.Address.GetSocketAddress().GetAddress()}
	for _, additional := range front.AdditionalAddresses {
		bound = append(bound, additional.Address.GetSocketAddress().GetAddress())
	}
	if want := []string{"0.0.0.0", "::"}; !slices.Equal(bound, want) {
		t.Errorf("the front listener is on %v, want both families: %v", bound, want)
	}
}

// The patches of the egress's EnvoyFilters are what Envoy understands: istiod drops what it cannot parse.
func TestEgressPatches(t *testing.T) {
	objects, _ := render(t)
	for _, name := range []string{"lazyxds-egress-als", "lazyxds-egress-http"} {
		filter := find[map[string]any](t, objects, "EnvoyFilter", name)
		patches, _, err := unstructured.NestedSlice(filter, "spec", "configPatches")
		if err != nil || len(patches) == 0 {
			t.Fatalf("%s: no patches: %v", name, err)
		}
		for _, p := range patches {
			patch := p.(map[string]any)
			value, found, _ := unstructured.NestedMap(patch, "patch", "value")
			if !found {
				continue
			}
			data, err := yaml.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if data, err = yaml.YAMLToJSON(data); err != nil {
				t.Fatal(err)
			}
			var target proto.Message
			switch patch["applyTo"] {
			case "LISTENER":
				target = &listenerv3.Listener{}
			case "LISTENER_FILTER":
				target = &listenerv3.ListenerFilter{}
			case "NETWORK_FILTER":
				target = &listenerv3.Filter{}
			case "ROUTE_CONFIGURATION":
				target = &routev3.RouteConfiguration{}
			default:
				t.Fatalf("%s patches a %v, which this test does not know", name, patch["applyTo"])
			}
			parse(t, data, target)
		}
	}
}

// parse reads JSON the way Envoy does: unknown fields are errors.
func parse(t *testing.T, data []byte, into proto.Message) {
	t.Helper()
	if err := protojson.Unmarshal(data, into); err != nil {
		t.Errorf("%T: %v in:\n%s", into, err, data)
	}
}

// What the controller wrote carries app.kubernetes.io/managed-by=lazyxds and is deleted when nothing needs it: nothing
// of the chart may look like that.
func TestNothingLooksWritten(t *testing.T) {
	objects, _ := render(t)
	for _, object := range objects {
		if object.GetLabels()["app.kubernetes.io/managed-by"] == "lazyxds" {
			t.Errorf("%s %s claims to be written by the controller", object.GetKind(), object.GetName())
		}
		if object.GetKind() == "Sidecar" {
			if _, found, _ := unstructured.NestedMap(object.Object, "spec", "outboundTrafficPolicy"); found {
				t.Error("an outboundTrafficPolicy, even an empty one, means REGISTRY_ONLY")
			}
		}
	}
}

func TestPodsAreRestricted(t *testing.T) {
	objects, _ := render(t)
	for _, name := range []string{"lazyxds", "istio-egressgateway-lazyxds"} {
		pod := find[appsv1.Deployment](t, objects, "Deployment", name).Spec.Template
		if pod.Labels["sidecar.istio.io/inject"] != "false" {
			t.Errorf("%s may get a sidecar", name)
		}
		security := pod.Spec.SecurityContext
		if security.RunAsNonRoot == nil || !*security.RunAsNonRoot || security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: pod security context %v", name, security)
		}
		for _, container := range pod.Spec.Containers {
			security := container.SecurityContext
			if *security.AllowPrivilegeEscalation || !*security.ReadOnlyRootFilesystem || security.Capabilities.Drop[0] != "ALL" {
				t.Errorf("%s: container security context %v", name, security)
			}
		}
	}
}

// The mesh configuration is looked for where istiod of the revision has it, and may be read there.
func TestRevision(t *testing.T) {
	for revision, want := range map[string]string{"": "istio", "default": "istio", "canary": "istio-canary"} {
		objects, _ := render(t, "--set", "istio.revision="+revision)
		role := find[rbacv1.Role](t, objects, "Role", "lazyxds")
		readable := slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Equal(r.Resources, []string{"configmaps"}) && slices.Equal(r.ResourceNames, []string{want})
		})
		if !readable {
			t.Errorf("revision %q: ConfigMap %s may not be read: %+v", revision, want, role.Rules)
		}
		args := find[appsv1.Deployment](t, objects, "Deployment", "lazyxds").Spec.Template.Spec.Containers[0].Args
		if told := slices.Contains(args, "--revision="+revision); told != (revision != "") {
			t.Errorf("revision %q: arguments %q", revision, args)
		}
	}
}

// Sidecars of all namespaces see what they need of the installation, whatever the mesh exports by default.
func TestInstallationIsExported(t *testing.T) {
	objects, _ := render(t)
	for _, object := range objects {
		var exported string
		switch object.GetKind() {
		case "Service":
			exported = object.GetAnnotations()["networking.istio.io/exportTo"]
		case "DestinationRule":
			to, _, err := unstructured.NestedStringSlice(object.Object, "spec", "exportTo")
			if err != nil {
				t.Fatal(err)
			}
			exported = strings.Join(to, ",")
		default:
			continue
		}
		if exported != "*" {
			t.Errorf("%s %s is exported to %q", object.GetKind(), object.GetName(), exported)
		}
	}
}

// Several controllers get a budget; with one of them it would forbid every node drain.
func TestControllerBudget(t *testing.T) {
	for replicas, want := range map[string]bool{"1": false, "2": true} {
		objects, _ := render(t, "--set", "controller.replicas="+replicas)
		got := slices.ContainsFunc(objects, func(o unstructured.Unstructured) bool {
			return o.GetKind() == "PodDisruptionBudget" && o.GetName() == "lazyxds"
		})
		if got != want {
			t.Errorf("%s replicas: budget %v, want %v", replicas, got, want)
		}
	}
}

// Every flag that the chart passes is one the program takes.
func TestFlags(t *testing.T) {
	objects, _ := render(t, "--values", "testdata/everything.yaml")
	controller := find[appsv1.Deployment](t, objects, "Deployment", "lazyxds").Spec.Template.Spec
	cleanup := find[batchv1.Job](t, objects, "Job", "lazyxds-cleanup").Spec.Template.Spec
	for _, pod := range []corev1.PodSpec{controller, cleanup} {
		args := pod.Containers[0].Args
		help, err := exec.CommandContext(t.Context(), "go", "run", "../cmd/lazyxds", args[0], "--help").Output()
		if err != nil {
			t.Fatalf("lazyxds %s --help: %v", args[0], err)
		}
		for _, arg := range args[1:] {
			flag, _, _ := strings.Cut(arg, "=")
			if !strings.Contains(string(help), " "+flag+" ") {
				t.Errorf("lazyxds %s has no flag %s", args[0], flag)
			}
		}
	}
}
