package load

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// WriteTable prints the report for people.
func (r *Report) WriteTable(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%d requests in %.1f s, %d failed\n", r.URL, r.Requests, r.Seconds, r.Failed)
	fmt.Fprintf(t, "first request\t%.1f ms\t%s\n", r.FirstMillis, r.FirstPath)
	if r.TimeToDirectMillis != nil {
		fmt.Fprintf(t, "first direct answer\tafter %.0f ms\n", *r.TimeToDirectMillis)
	}
	if r.LastFallbackMillis != nil {
		fmt.Fprintf(t, "last fallback answer\tafter %.0f ms\n", *r.LastFallbackMillis)
	}
	for _, at := range r.CutMillis {
		fmt.Fprintf(t, "connection cut\tafter %.0f ms\n", at)
	}
	fmt.Fprintf(t, "\nPATH\tREQUESTS\tMIN\tP50\tP90\tP99\tMAX (ms)\n")
	writePath(t, "all", Path{Requests: r.Requests - r.Failed, Latency: r.Latency})
	writePath(t, PathFallback, r.Fallback)
	writePath(t, PathDirect, r.Direct)
	writePath(t, PathUnknown, r.Unknown)
	writeCounts(t, "SERVED BY", r.ServedBy)
	writeCounts(t, "SEEN AS", r.Peers)
	writeCounts(t, "ERROR", r.Errors)
	return t.Flush()
}

func writePath(out io.Writer, name string, p Path) {
	if p.Requests == 0 {
		return
	}
	l := p.Latency
	fmt.Fprintf(out, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", name, p.Requests, l.Min, l.P50, l.P90, l.P99, l.Max)
}

// writeCounts prints the most frequent first.
func writeCounts(out io.Writer, title string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	fmt.Fprintf(out, "\n%s\tREQUESTS\n", title)
	for _, name := range names {
		fmt.Fprintf(out, "%s\t%d\n", name, counts[name])
	}
}
