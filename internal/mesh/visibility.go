package mesh

import "slices"

// Visible tells whether an object in owner, with this exportTo, may be seen from viewer. To say nothing, or "*", means
// everyone; "~" means nobody, whatever else is said.
func Visible(exportTo []string, owner, viewer string) bool {
	switch {
	case len(exportTo) == 0 || slices.Contains(exportTo, "*"):
		return true
	case slices.Contains(exportTo, "~"):
		return false
	}
	return slices.Contains(exportTo, viewer) || owner == viewer && slices.Contains(exportTo, ".")
}
