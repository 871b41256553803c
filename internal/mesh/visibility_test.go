package mesh

import "testing"

func TestVisible(t *testing.T) {
	tests := []struct {
		exportTo   []string
		home, away bool // from the owner's namespace, and from another one
	}{
		{nil, true, true},
		{[]string{"*"}, true, true},
		{[]string{"."}, true, false},
		{[]string{"away"}, false, true},
		{[]string{".", "away"}, true, true},
		{[]string{"home"}, true, false},
		{[]string{"elsewhere"}, false, false},
		{[]string{"~"}, false, false},
		{[]string{"~", "away"}, false, false},
		{[]string{"~", "*"}, true, true},
	}
	for _, tt := range tests {
		home, away := Visible(tt.exportTo, "home", "home"), Visible(tt.exportTo, "home", "away")
		if home != tt.home || away != tt.away {
			t.Errorf("exportTo %q: seen at home %v, away %v; want %v, %v", tt.exportTo, home, away, tt.home, tt.away)
		}
	}
}
