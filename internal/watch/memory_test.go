package watch

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestMemorize(t *testing.T) {
	var c conversions[string]
	asked := 0
	convert := func(s *corev1.Service) (string, error) {
		asked++
		if s.Name == "bad" {
			return "", errors.New("cannot be read")
		}
		return s.Name + s.ResourceVersion, nil
	}
	service := func(name, version string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: version}}
	}
	steps := []struct {
		objects []*corev1.Service
		want    []string
		asked   int
		failing bool
	}{
		{[]*corev1.Service{service("a", "1"), service("b", "1")}, []string{"a1", "b1"}, 2, false},
		{[]*corev1.Service{service("a", "1"), service("b", "2")}, []string{"a1", "b2"}, 1, false},
		{[]*corev1.Service{service("a", "1"), service("bad", "1")}, []string{"a1"}, 1, true},
		{[]*corev1.Service{service("a", "1"), service("bad", "1")}, []string{"a1"}, 0, true},
		{[]*corev1.Service{service("b", "2")}, []string{"b2"}, 1, false}, // it had been forgotten
	}
	for i, step := range steps {
		asked = 0
		got, err := memorize(&c, step.objects, convert)
		if !slices.Equal(got, step.want) || asked != step.asked || (err != nil) != step.failing {
			t.Errorf("step %d: got %s after %d conversions (err %v), want %s after %d", i, strings.Join(got, ","), asked, err,
				strings.Join(step.want, ","), step.asked)
		}
	}
}
