package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/app/backdoor"
)

// doorFlags are the flags of the backdoor command as given.
type doorFlags struct {
	from, to, host, path, cert, key string
	headers                         []string
	line                            bool
}

func newBackdoor() *cobra.Command {
	var f doorFlags
	cmd := &cobra.Command{
		Use:   "backdoor EGRESS:PORT --from ADDRESS:PORT --to ADDRESS:PORT",
		Short: "Try to get in by the fallback egress with a forged PROXY header",
		Long: `Connect to a fallback egress with a certificate of the mesh and a PROXY header of one's choice, send one request, and print
what comes back.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			door, err := f.door(args[0])
			if err != nil {
				return err
			}
			var answer string
			if f.line {
				answer, err = door.Line(cmd.Context(), "ping")
			} else {
				answer, err = door.Get(cmd.Context(), f.host, f.path, f.header())
			}
			fmt.Fprint(cmd.OutOrStdout(), answer)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the client that the PROXY header names")
	flags.StringVar(&f.to, "to", "", "whom the PROXY header says that it dialled")
	flags.StringVar(&f.host, "host", "", "HTTP: host of the request")
	flags.StringVar(&f.path, "path", "/", "HTTP: path of the request")
	flags.StringArrayVar(&f.headers, "header", nil, "HTTP: header KEY:VALUE; may be repeated")
	flags.BoolVar(&f.line, "line", false, "send a line instead of an HTTP request")
	flags.StringVar(&f.cert, "cert", "/certs/cert-chain.pem", "file with the certificate and those between it and the root")
	flags.StringVar(&f.key, "key", "/certs/key.pem", "file with the certificate's key")
	return cmd
}

func (f *doorFlags) door(egress string) (backdoor.Door, error) {
	door := backdoor.Door{Egress: egress}
	var err error
	if door.From, err = netip.ParseAddrPort(f.from); err != nil {
		return door, fmt.Errorf("flag --from: %w", err)
	}
	if door.To, err = netip.ParseAddrPort(f.to); err != nil {
		return door, fmt.Errorf("flag --to: %w", err)
	}
	if door.Certificate, err = tls.LoadX509KeyPair(f.cert, f.key); err != nil {
		return door, fmt.Errorf("read certificate: %w", err)
	}
	return door, nil
}

func (f *doorFlags) header() http.Header {
	out := http.Header{}
	for _, header := range f.headers {
		key, value, _ := strings.Cut(header, ":")
		out.Add(key, strings.TrimSpace(value))
	}
	return out
}
