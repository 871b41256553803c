package kubelet

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// networkFiles are the files that tell a container who and where it is.
func (cfg Config) networkFiles(pod *corev1.Pod, podIP string) map[string]string {
	return map[string]string{
		"/etc/hostname":    hostname(pod) + "\n",
		"/etc/hosts":       cfg.hostsFile(pod, podIP),
		"/etc/resolv.conf": cfg.resolvConf(pod),
	}
}

func (cfg Config) hostsFile(pod *corev1.Pod, podIP string) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost\n")
	name := hostname(pod)
	if pod.Spec.Subdomain != "" {
		name = fmt.Sprintf("%s.%s.%s.svc.%s\t%s", name, pod.Spec.Subdomain, pod.Namespace, cfg.ClusterDomain, name)
	}
	fmt.Fprintf(&b, "%s\t%s\n", podIP, name)
	for _, alias := range pod.Spec.HostAliases {
		fmt.Fprintf(&b, "%s\t%s\n", alias.IP, strings.Join(alias.Hostnames, "\t"))
	}
	return b.String()
}

// resolvConf follows the pod's dnsPolicy. With policy Default there is no resolver to name: a lab's node knows none, so that
// nothing gets out.
func (cfg Config) resolvConf(pod *corev1.Pod) string {
	var search, servers, options []string
	policy := pod.Spec.DNSPolicy
	if policy != corev1.DNSNone && policy != corev1.DNSDefault {
		search = []string{
			fmt.Sprintf("%s.svc.%s", pod.Namespace, cfg.ClusterDomain), "svc." + cfg.ClusterDomain, cfg.ClusterDomain,
		}
		servers = []string{cfg.ClusterDNS}
		options = []string{"ndots:5"}
	}
	if extra := pod.Spec.DNSConfig; extra != nil {
		search = append(search, extra.Searches...)
		servers = append(servers, extra.Nameservers...)
		for _, o := range extra.Options {
			if o.Value != nil {
				options = append(options, o.Name+":"+*o.Value)
			} else {
				options = append(options, o.Name)
			}
		}
	}
	var b strings.Builder
	if len(search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(search, " "))
	}
	for _, server := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", server)
	}
	if len(options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	}
	return b.String()
}
