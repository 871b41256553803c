{{/* Combinations of values that the schema cannot refuse. */}}
{{- define "lazyxds.validate" -}}
{{- if ne .Release.Namespace .Values.istio.namespace -}}
{{- fail (printf "install the chart into Istio's root namespace: the release namespace is %s, istio.namespace is %s" .Release.Namespace .Values.istio.namespace) -}}
{{- end -}}
{{- if lt (include "lazyxds.seconds" .Values.egress.drainDuration | int) (add (include "lazyxds.seconds" .Values.egress.maxConnectionDuration | int) 8 | int) -}}
{{- fail (printf "egress.drainDuration (%s) has to be at least 8s longer than egress.maxConnectionDuration (%s), or a stopping replica cuts connections" .Values.egress.drainDuration .Values.egress.maxConnectionDuration) -}}
{{- end -}}
{{- if and (eq .Values.headless "Learn") (empty .Values.podCIDRs) -}}
{{- fail "headless: Learn needs podCIDRs: headless services are dialled by their pods' addresses, which have to be diverted" -}}
{{- end -}}
{{- if and (eq .Values.headless "Always") .Values.podCIDRs -}}
{{- fail "podCIDRs are for headless: Learn alone" -}}
{{- end -}}
{{- with .Values.egress.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "egress.autoscaling.minReplicas (%v) is more than maxReplicas (%v)" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A duration like "20s" as a number of seconds. */}}
{{- define "lazyxds.seconds" -}}
{{ trimSuffix "s" . }}
{{- end }}
