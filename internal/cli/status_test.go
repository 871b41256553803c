package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

const scopes = `
items:
- metadata: {namespace: shop, name: deployment-cart, creationTimestamp: "2026-01-01T00:00:00Z"}
  spec: {workload: {kind: Deployment, name: cart}, mode: Lazy}
  status:
    services: 12
    learned: 3
    dependencies:
    - {host: later, source: Observed, expiresAt: "2026-01-01T09:00:00Z"}
    - {host: soon, source: Observed, expiresAt: "2026-01-01T02:30:00Z"}
    conditions:
    - {type: Accepted, status: "True", reason: Accepted}
    - {type: Ready, status: "True", reason: Narrowed, message: knows 12 services}
- metadata: {namespace: demo, name: mine, creationTimestamp: "2026-01-01T01:00:00Z"}
  spec: {workload: {kind: StatefulSet, name: db}}
  status:
    conditions:
    - {type: Accepted, status: "False", reason: Duplicate, message: another scope has the workload}
    - {type: Ready, status: "True", reason: Narrowed}
- metadata: {namespace: demo, name: deployment-web}
  spec: {workload: {kind: Deployment, name: web}}
  status: {dependencies: [{host: due, source: Observed, expiresAt: "2026-01-01T01:00:00Z"}]}
`

func TestStatusOutput(t *testing.T) {
	tests := []struct {
		name   string
		output string
		all    bool
		args   []string
		want   string
	}{
		{
			name: "table of all namespaces", all: true,
			want: `
NAMESPACE   NAME   KIND          MODE        READY     REASON      SERVICES   LEARNED   AGE
demo        web    Deployment    Annotated   Unknown   Pending     0          0         <unknown>
demo        db     StatefulSet   Annotated   False     Duplicate   0          0         60m
shop        cart   Deployment    Lazy        True      Narrowed    12         3         120m
`,
		},
		{
			name: "one workload, wide", output: "wide", args: []string{"sts/db"},
			want: `
NAME   KIND          MODE        READY   REASON      SERVICES   LEARNED   AGE   EXPIRES   SCOPE   MESSAGE
db     StatefulSet   Annotated   False   Duplicate   0          0         60m   <never>   mine    another scope has the workload
`,
		},
		{
			name: "what expires, wide", output: "wide", args: []string{"cart", "web"},
			want: `
NAME   KIND         MODE        READY     REASON     SERVICES   LEARNED   AGE         EXPIRES   SCOPE             MESSAGE
web    Deployment   Annotated   Unknown   Pending    0          0         <unknown>   <waits>   deployment-web    the controller has not seen this scope yet
cart   Deployment   Lazy        True      Narrowed   12         3         120m        30m       deployment-cart   knows 12 services
`,
		},
		{
			name: "names", output: "name", args: []string{"cart", "Deployment/web"},
			want: `
workloadscope.lazyxds.io/deployment-web
workloadscope.lazyxds.io/deployment-cart
`,
		},
		{
			name: "jsonpath", output: "jsonpath={.items[*].spec.workload.kind}", args: []string{"db"},
			want: "\nStatefulSet",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := status(t, scopes, tt.output, tt.all, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), trimLines(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStatusOfNothing(t *testing.T) {
	out, errOut, err := status(t, "items: []", "", false)
	if err != nil || out != "" || errOut != "No lazy workloads found.\n" {
		t.Errorf("got %q, %q, %v", out, errOut, err)
	}
	out, _, err = status(t, "items: []", "json", false)
	if err != nil || !strings.Contains(out, `"kind": "WorkloadScopeList"`) {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestStatusTargetErrors(t *testing.T) {
	for arg, want := range map[string]string{
		"deploy/db":   "Deployment/db has no WorkloadScope here: it is not lazy, or does not exist",
		"service/web": "service/web has no WorkloadScope here: it is not lazy, or does not exist",
		"deploy/":     `"deploy/" names no workload: write KIND/NAME`,
	} {
		if _, _, err := status(t, scopes, "", true, arg); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", arg, err, want)
		}
	}
}

// status shows the scopes as the command does once it has listed them.
func status(t *testing.T, list, output string, all bool, args ...string) (out, errOut string, err error) {
	t.Helper()
	var scopes v1alpha1.WorkloadScopeList
	if err := yaml.UnmarshalStrict([]byte(list), &scopes); err != nil {
		t.Fatal(err)
	}
	streams, _, stdout, stderr := genericiooptions.NewTestIOStreams()
	o := &statusOptions{
		command:       &command{IOStreams: streams},
		allNamespaces: all,
		print:         genericclioptions.NewPrintFlags("").WithDefaultOutput(output),
	}
	targets, err := parseTargets(args)
	if err != nil {
		return "", "", err
	}
	if err := selectTargets(&scopes, targets); err != nil {
		return "", "", err
	}
	err = o.show(&scopes, metav1.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC).Time)
	return stdout.String(), stderr.String(), err
}

// trimLines drops the blanks that pad the last column.
func trimLines(s string) string {
	var b bytes.Buffer
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n"))
		if strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
