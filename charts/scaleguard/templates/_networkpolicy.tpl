{{/* Ingress: who reads the metrics. Probes come from the pod's own node, which is always let in. */}}
{{- define "scaleguard.metricsIngress" -}}
{{- $from := .Values.networkPolicy.metricsFrom -}}
{{- if and .Values.metrics.enabled $from -}}
- from:
    {{- toYaml $from | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ .Values.metrics.port }}}
{{- else if and .Values.metrics.enabled (or .Values.podMonitor.enabled .Values.serviceMonitor.enabled) -}}
{{- fail "networkPolicy.metricsFrom: with podMonitor or serviceMonitor, say where Prometheus is; nobody else may read metrics" -}}
{{- end -}}
{{- end -}}

{{/* Egress of all: names, and the API server, whose address no label selects. */}}
{{- define "scaleguard.clusterEgress" -}}
- ports:
    # 5353: what OpenShift's DNS pods listen on.
    {{- range list 53 5353 }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
- ports:
    {{- range .Values.networkPolicy.apiServerPorts }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{/* Egress of those who judge: also the audit that they deliver to, and the server that evaluates rules. */}}
{{- define "scaleguard.judgeEgress" -}}
{{- include "scaleguard.clusterEgress" . -}}
{{- if .Values.audit.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "scaleguard.auditSelectorLabels" . | nindent 10 }}
  ports:
    - {protocol: TCP, port: {{ .Values.port }}}
{{- end }}
{{- if and (eq (dig "policies" "engine" "embedded" .Values.config) "opa") (not .Values.opa.sidecar.enabled) }}
{{ include "scaleguard.egressTo" .Values.networkPolicy.opa }}
{{- end }}
{{- end -}}

{{/* Egress to peers on a port; anywhere on this port where no peers are named. */}}
{{- define "scaleguard.egressTo" -}}
- ports:
    - {protocol: TCP, port: {{ .port }}}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
