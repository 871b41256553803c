{{/*
What the fallback egress's Envoy gets beside Istio's own bootstrap: the front listener that other sidecars connect to, the
loop back into the outbound listener, and the way to the controller.

A connection arrives as PROXY v2 header (the client's address, and the one it dialled), then mutual TLS. The front
listener takes both off and hands the connection, with a PROXY header again, to the listener virtualOutbound, which an
EnvoyFilter has moved to the abstract socket @lazyxds-loop. A Unix socket, since a TCP loop would be an open relay on the
pod network, and iptables rules in the pod would win over the PROXY header's address.
*/}}
{{- define "lazyxds.bootstrap" -}}
static_resources:
  clusters:
    - name: lazyxds-accesslog-service
      type: STRICT_DNS
      connect_timeout: 1s
      dns_lookup_family: V4_PREFERRED
      respect_dns_ttl: true
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config:
            http2_protocol_options:
              # A controller that hangs, or whose node died, closes nothing: what is sent there until the egress notices is lost.
              connection_keepalive:
                interval: 2s
                timeout: 2s
      load_assignment:
        cluster_name: lazyxds-accesslog-service
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address:
                      address: {{ include "lazyxds.controller" . }}.{{ .Release.Namespace }}
                      port_value: 8080
      # The controller takes access logs from the egress alone, and the egress gives them to nobody else.
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2]
            tls_certificate_sds_secret_configs:
              - name: default
                sds_config: {{- include "lazyxds.sds" . | nindent 18 }}
            combined_validation_context:
              default_validation_context:
                match_typed_subject_alt_names:
                  {{- range .Values.trustDomains }}
                  - san_type: URI
                    matcher:
                      exact: spiffe://{{ . }}/ns/{{ $.Release.Namespace }}/sa/{{ include "lazyxds.controller" $ }}
                  {{- end }}
              validation_context_sds_secret_config:
                name: ROOTCA
                sds_config: {{- include "lazyxds.sds" . | nindent 18 }}
    - name: lazyxds-loop
      type: STATIC
      connect_timeout: 1s
      # Memory limits what a replica can hold. Envoy's own limit of 1,024 connections is far below it.
      circuit_breakers:
        thresholds:
          - max_connections: 4294967295
            max_pending_requests: 4294967295
            max_requests: 4294967295
      load_assignment:
        cluster_name: lazyxds-loop
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    pipe:
                      path: "@lazyxds-loop"
      transport_socket:
        name: envoy.transport_sockets.upstream_proxy_protocol
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport
          config:
            version: V2
          transport_socket:
            name: envoy.transport_sockets.raw_buffer
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer
  listeners:
    - name: lazyxds-front
      # pilot-agent drains inbound listeners when the pod stops.
      traffic_direction: INBOUND
      # The port of virtualInbound, which captures nothing here and which an EnvoyFilter removes. It is the one that istiod gives
      # to no service's listener; on port 8080 there is one as soon as any service of the mesh serves HTTP there, and
      # Envoy wants addresses to differ. So as long as the EnvoyFilter is not in effect, as in the first moments of an
      # installation, Envoy refuses virtualInbound and the pod is not ready.
      address:
        socket_address:
          address: 0.0.0.0
          port_value: 15006
      additional_addresses:
        - address:
            socket_address:
              address: "::"
              port_value: 15006
      listener_filters:
        - name: envoy.filters.listener.proxy_protocol
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
      filter_chains:
        - transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              require_client_certificate: true
              common_tls_context:
                alpn_protocols: [istio-peer-exchange, istio, h2, http/1.1]
                tls_certificate_sds_secret_configs:
                  - name: default
                    sds_config: {{- include "lazyxds.sds" . | nindent 22 }}
                combined_validation_context:
                  default_validation_context:
                    match_typed_subject_alt_names:
                      {{- range .Values.trustDomains }}
                      - san_type: URI
                        matcher:
                          prefix: spiffe://{{ . }}/
                      {{- end }}
                  validation_context_sds_secret_config:
                    name: ROOTCA
                    sds_config: {{- include "lazyxds.sds" . | nindent 22 }}
          filters:
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: lazyxds-front
                cluster: lazyxds-loop
                # How long a connection may be idle is for the listener behind the loop to say.
                idle_timeout: 0s
{{- end }}

{{/* The certificates of the pod's own pilot-agent. */}}
{{- define "lazyxds.sds" -}}
resource_api_version: V3
initial_fetch_timeout: 0s
api_config_source:
  api_type: GRPC
  transport_api_version: V3
  set_node_on_first_message_only: true
  grpc_services:
    - envoy_grpc:
        cluster_name: sds-grpc
{{- end }}
