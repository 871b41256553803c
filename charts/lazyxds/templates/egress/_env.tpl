{{/* The environment that Istio's injector gives to a sidecar. */}}
{{- define "lazyxds.egressEnv" -}}
- name: PILOT_CERT_PROVIDER
  value: istiod
- name: CA_ADDR
  value: {{ include "lazyxds.istiod" . }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: INSTANCE_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: SERVICE_ACCOUNT
  valueFrom:
    fieldRef:
      fieldPath: spec.serviceAccountName
- name: ISTIO_CPU_LIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.cpu
      divisor: "1"
- name: GOMAXPROCS
  valueFrom:
    resourceFieldRef:
      resource: limits.cpu
      divisor: "1"
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.memory
      divisor: "1"
# Where an upgrade changes listeners, what hangs on the old ones may go on as long as on a stopping replica.
- name: PROXY_CONFIG
  value: {{ dict "discoveryAddress" (include "lazyxds.istiod" .) "drainDuration" .Values.egress.drainDuration | toJson | quote }}
# A stopping replica serves until HTTP clients have had time to reconnect elsewhere, then until its last connection ends;
# Kubernetes ends it after egress.drainDuration.
- name: EXIT_ON_ZERO_ACTIVE_CONNECTIONS
  value: "true"
- name: MINIMUM_DRAIN_DURATION
  value: {{ add (include "lazyxds.seconds" .Values.egress.maxConnectionDuration | int) 3 }}s
- name: TRUST_DOMAIN
  value: {{ first .Values.trustDomains }}
- name: ISTIO_BOOTSTRAP_OVERRIDE
  value: /etc/istio/custom-bootstrap/custom_bootstrap.json
- name: ISTIO_META_CLUSTER_ID
  value: {{ .Values.istio.clusterName }}
- name: ISTIO_META_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: ISTIO_META_WORKLOAD_NAME
  value: {{ include "lazyxds.egress" . }}
- name: ISTIO_META_OWNER
  value: kubernetes://apis/apps/v1/namespaces/{{ .Release.Namespace }}/deployments/{{ include "lazyxds.egress" . }}
- name: ISTIO_META_MESH_ID
  value: {{ first .Values.trustDomains }}
{{- with .Values.istio.network }}
- name: ISTIO_META_NETWORK
  value: {{ . }}
{{- end }}
# Makes istiod send the listeners of a sidecar whose traffic is captured; nothing is redirected in this pod.
- name: ISTIO_META_INTERCEPTION_MODE
  value: REDIRECT
# Makes istiod send listeners for automatically allocated ServiceEntry addresses, which clients with a DNS proxy dial.
- name: ISTIO_META_DNS_CAPTURE
  value: "true"
{{- end }}
