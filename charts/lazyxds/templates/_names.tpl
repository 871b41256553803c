{{/* Names of the objects. They are fixed: dashboards, runbooks and users of earlier lazyxds releases know them. */}}
{{- define "lazyxds.controller" -}}lazyxds{{- end }}
{{- define "lazyxds.egress" -}}istio-egressgateway-lazyxds{{- end }}
{{- define "lazyxds.egressHost" -}}
{{ include "lazyxds.egress" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* Labels of every object; the argument is a list of the root context and the component.
The managed-by label is left to Helm: the value "lazyxds" marks what the controller wrote, and may delete. */}}
{{- define "lazyxds.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: lazyxds
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
{{- end }}

{{/* Labels that select the pods of the fallback egress. */}}
{{- define "lazyxds.egressSelector" -}}
app: {{ include "lazyxds.egress" . }}
istio: egressgateway
{{- end }}

{{- define "lazyxds.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Address at which the fallback egress finds istiod and its CA. */}}
{{- define "lazyxds.istiod" -}}
istiod{{ with .Values.istio.revision }}-{{ . }}{{ end }}.{{ .Values.istio.namespace }}.svc:15012
{{- end }}

{{/* ConfigMap that istiod reads the mesh configuration from. */}}
{{- define "lazyxds.meshConfigMap" -}}
istio{{ with .Values.istio.revision }}{{ if ne . "default" }}-{{ . }}{{ end }}{{ end }}
{{- end }}

{{- define "lazyxds.imagePullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Security context of a container that needs nothing. */}}
{{- define "lazyxds.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
