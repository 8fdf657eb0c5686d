{{/* Name of the objects in the namespace; 48 characters leave room for suffixes. */}}
{{- define "scaleguard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "scaleguard" .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-scaleguard" .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
Name of the webhook configurations. Mutating webhooks are called in the order of these names, and VPA
(vpa-webhook-config) has to see the pod as it was fitted: ours always begins with an "s".
*/}}
{{- define "scaleguard.configuration" -}}
{{- $name := include "scaleguard.fullname" . -}}
{{- hasPrefix "scaleguard" $name | ternary $name (printf "scaleguard-%s" $name) -}}
{{- end -}}

{{/* Name of the objects without a namespace: two releases may have one name. */}}
{{- define "scaleguard.clusterName" -}}
{{- printf "%s:%s" (include "scaleguard.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/*
The Secret with the leaf: one that is there, or that of the controller or of cert-manager. The two have names of
their own: what cert-manager has made helm would refuse to take over, where somebody goes back to `own`.
*/}}
{{- define "scaleguard.certificate" -}}
{{- if eq .Values.certificates.source "secret" -}}
{{- required "certificates.secretName: name the Secret with tls.crt, tls.key and ca.crt that is to be served" .Values.certificates.secretName -}}
{{- else -}}
{{- printf "%s-%s" (include "scaleguard.fullname" .) (eq .Values.certificates.source "own" | ternary "certificate" "issued") -}}
{{- end -}}
{{- end -}}

{{/* The volume with the authorities that sign the certificates of who may ask; or nothing. */}}
{{- define "scaleguard.clientAuthorities" -}}
{{- with .Values.clientCertificates -}}
{{- $items := list (dict "key" .key "path" "ca.crt") -}}
{{- if and .secret .configMap -}}
{{- fail "clientCertificates: give `secret` or `configMap`, not both" -}}
{{- else if .secret -}}
{{- toYaml (dict "secret" (dict "secretName" .secret "items" $items)) -}}
{{- else if .configMap -}}
{{- toYaml (dict "configMap" (dict "name" .configMap "items" $items)) -}}
{{- else if .names -}}
{{- fail "clientCertificates.names: say with `secret` or `configMap` whose certificates these are" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the leaf is valid for, as a list in JSON. */}}
{{- define "scaleguard.certificateNames" -}}
{{- $names := list (include "scaleguard.fullname" .) -}}
{{- if .Values.audit.enabled -}}
{{- $names = append $names (include "scaleguard.audit" .) -}}
{{- end -}}
{{- $full := list -}}
{{- range $names -}}
{{- $full = append $full (printf "%s.%s.svc" . $.Release.Namespace) -}}
{{- end -}}
{{- toJson $full -}}
{{- end -}}

{{/* Annotations of the webhook configurations: those of the values, and for cert-manager's cainjector. */}}
{{- define "scaleguard.webhookAnnotations" -}}
{{- $ours := dict -}}
{{- if eq .Values.certificates.source "certManager" -}}
{{- $ours = dict "cert-manager.io/inject-ca-from" (printf "%s/%s" .Release.Namespace (include "scaleguard.certificate" .)) -}}
{{- end -}}
{{- toYaml (merge $ours .Values.webhooks.annotations) -}}
{{- end -}}

{{/* The ConfigMap with rules of one's own: one that is there, or that of the chart; or nothing. */}}
{{- define "scaleguard.policies" -}}
{{- if and .Values.policies.configMap .Values.policies.files -}}
{{- fail "policies: give `files`, of which the chart makes a ConfigMap, or `configMap`, the name of one; not both" -}}
{{- else if .Values.policies.configMap -}}
{{- .Values.policies.configMap -}}
{{- else if .Values.policies.files -}}
{{- printf "%s-policies" (include "scaleguard.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "scaleguard.image" -}}
{{- include "scaleguard.reference" (dict "image" .Values.image "tag" (.Values.image.tag | default .Chart.AppVersion)) -}}
{{- end -}}

{{/* Of (image, tag): by its digest where it has one. */}}
{{- define "scaleguard.reference" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository .tag -}}
{{- end -}}
{{- end -}}

{{- define "scaleguard.selectorLabels" -}}
app.kubernetes.io/name: scaleguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end -}}

{{/* Name of the controller's objects in the namespace. */}}
{{- define "scaleguard.controller" -}}
{{- printf "%s-controller" (include "scaleguard.fullname" .) -}}
{{- end -}}

{{- define "scaleguard.controllerSelectorLabels" -}}
app.kubernetes.io/name: scaleguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "scaleguard.controllerLabels" -}}
{{ include "scaleguard.controllerSelectorLabels" . }}
{{ include "scaleguard.commonLabels" . }}
{{- end -}}

{{/* Name of the audit's objects in the namespace. */}}
{{- define "scaleguard.audit" -}}
{{- printf "%s-audit" (include "scaleguard.fullname" .) -}}
{{- end -}}

{{- define "scaleguard.auditSelectorLabels" -}}
app.kubernetes.io/name: scaleguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: audit
{{- end -}}

{{- define "scaleguard.auditLabels" -}}
{{ include "scaleguard.auditSelectorLabels" . }}
{{ include "scaleguard.commonLabels" . }}
{{- end -}}

{{/* What delivers to the audit: where it is, by whom its certificate is signed, and who delivers. */}}
{{- define "scaleguard.auditArgs" -}}
- --audit-url=https://{{ include "scaleguard.audit" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
- --audit-ca=/etc/scaleguard-audit/ca.crt
- --audit-token-file=/var/run/scaleguard-audit/token
- --cluster-name={{ .Values.audit.clusterName }}
{{- end -}}

{{- define "scaleguard.auditMounts" -}}
- name: audit-authority
  mountPath: /etc/scaleguard-audit
  readOnly: true
- name: audit-token
  mountPath: /var/run/scaleguard-audit
  readOnly: true
{{- end -}}

{{- define "scaleguard.auditVolumes" -}}
- name: audit-authority
  secret:
    secretName: {{ include "scaleguard.certificate" . }}
    optional: true
    items:
      - {key: ca.crt, path: ca.crt}
# For the audit alone: the API server does not take it.
- name: audit-token
  projected:
    sources:
      - serviceAccountToken:
          audience: scaleguard-audit
          expirationSeconds: 3600
          path: token
{{- end -}}

{{/* The users who may deliver: the webhook, and the controller where it is installed. */}}
{{- define "scaleguard.auditWriters" -}}
{{- $accounts := list (include "scaleguard.fullname" .) -}}
{{- if .Values.controller.enabled -}}
{{- $accounts = append $accounts (include "scaleguard.controller" .) -}}
{{- end -}}
{{- range $index, $account := $accounts -}}
{{- if $index }},{{ end }}system:serviceaccount:{{ $.Release.Namespace }}:{{ $account }}
{{- end -}}
{{- end -}}

{{/* Selects the pods of webhook, controller and audit: each has a port for metrics, of one name. */}}
{{- define "scaleguard.everyPod" -}}
app.kubernetes.io/name: scaleguard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "scaleguard.metricsLabels" -}}
{{ include "scaleguard.everyPod" . }}
app.kubernetes.io/component: metrics
{{ include "scaleguard.commonLabels" . }}
{{- end -}}

{{- define "scaleguard.labels" -}}
{{ include "scaleguard.selectorLabels" . }}
{{ include "scaleguard.commonLabels" . }}
{{- end -}}

{{- define "scaleguard.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{- range list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{- if hasKey $.Values.commonLabels . }}
{{- fail (printf "commonLabels: %s is a label of the chart's own; leave it out" .) }}
{{- end }}
{{- end }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Namespaces that are judged. Left out are those that a cluster needs to come up, and our own: nothing
that the webhook needs may wait for the webhook.
*/}}
{{- define "scaleguard.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- $own := list "kube-system" "kube-node-lease" .Release.Namespace }}
      {{- concat $own .Values.webhooks.excludedNamespaces | uniq | toYaml | nindent 6 }}
  - key: scaleguard.io/ignore
    operator: NotIn
    values: ["true"]
{{- end -}}

{{/*
Where the API server asks. Without caBundle and path: the controller puts them there, and whoever applies
the chart again leaves alone what the chart does not name.
*/}}
{{- define "scaleguard.clientConfig" -}}
service:
  name: {{ include "scaleguard.fullname" . }}
  namespace: {{ .Release.Namespace }}
  port: {{ .Values.service.port }}
{{- end -}}

{{/* The resource of a kind of `config.workloads`. */}}
{{- define "scaleguard.plural" -}}
{{- .plural | default (printf "%ss" (lower .kind)) -}}
{{- end -}}

{{/* What makes pods, as the API server asks about it: the kinds that ship, then those of the configuration. */}}
{{- define "scaleguard.workloadRules" -}}
{{- $rules := (.Files.Get "files/workloads.yaml" | fromYaml).rules -}}
{{- range dig "workloads" (list) .Values.config -}}
{{- if .templates -}}
{{- $rule := dict "apiGroups" (list .group) "apiVersions" (list "*") "resources" (list (include "scaleguard.plural" .)) -}}
{{- $rules = append $rules (merge $rule (dict "operations" (list "CREATE" "UPDATE") "scope" "Namespaced")) -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* On which conditions: what one of these kinds made is not asked about again. */}}
{{- define "scaleguard.workloadConditions" -}}
{{- $makers := "" -}}
{{- range dig "workloads" (list) .Values.config -}}
{{- if .templates -}}
{{- $makers = printf "%s\n    %q," $makers (printf "%s/%s" .group .kind) -}}
{{- end -}}
{{- end -}}
{{- $conditions := list -}}
{{- range (.Files.Get "files/workloads.yaml" | fromYaml).matchConditions -}}
{{- $expression := .expression | replace " in [" (printf " in [%s" $makers) -}}
{{- $conditions = append $conditions (dict "name" .name "expression" $expression) -}}
{{- end -}}
{{- toYaml $conditions -}}
{{- end -}}

{{/*
Whether helm asked a cluster which APIs it has: "true", or nothing. Without a cluster (helm template, lint) it
takes all that its own client knows to be there, old ones that no cluster of today has among them.
*/}}
{{- define "scaleguard.knowsTheCluster" -}}
{{- if not (.Capabilities.APIVersions.Has "apiextensions.k8s.io/v1beta1") -}}true{{- end -}}
{{- end -}}

{{- define "scaleguard.podRule" -}}
- apiGroups: [""]
  apiVersions: [v1]
  resources: [pods]
  operations: [CREATE]
  scope: Namespaced
{{- end -}}

{{/* Of a pod that is there nothing that is judged can change but its tolerations. */}}
{{- define "scaleguard.judgedPodRule" -}}
- apiGroups: [""]
  apiVersions: [v1]
  resources: [pods]
  operations: [CREATE, UPDATE]
  scope: Namespaced
{{- end -}}

{{/* Whether the configuration has templates fitted that Kueue looks at: "true", or nothing. */}}
{{- define "scaleguard.mutatesTemplates" -}}
{{- if dig "kueue" "mutateTemplates" false .Values.config -}}true{{- end -}}
{{- end -}}

{{/* How far the webhook goes, for everybody: enforce, warn or audit. */}}
{{- define "scaleguard.mode" -}}
{{- dig "mode" "enforce" .Values.config -}}
{{- end -}}

{{/* A failure policy of (root, what is wanted): nobody is refused where the mode refuses nobody. */}}
{{- define "scaleguard.failurePolicy" -}}
{{- eq (include "scaleguard.mode" (index . 0)) "enforce" | ternary (index . 1) "Ignore" -}}
{{- end -}}

{{/*
CEL: whether a label or annotation gets another value, of (labels or annotations, key). One that is not
there counts as empty: none of ours means anything then.
*/}}
{{- define "scaleguard.changes" -}}
{{- $value := printf "object.metadata.?%s[?'%s'].orValue('')" (index . 0) (index . 1) -}}
{{ $value }} != (oldObject == null ? '' : {{ $value | replace "object." "oldObject." }})
{{- end -}}

{{/* Names of what is guarded; each has a policy of that name. */}}
{{- define "scaleguard.guards" -}}
{{- with .Values.guards -}}
{{- list (.ignoreLabel | ternary "ignore" "") (.managedLabel | ternary "managed" "") (.exemptAnnotation | ternary "exempt" "") | compact | toJson -}}
{{- end -}}
{{- end -}}
