{{/*
CEL: on which pods the API server asks. True for every pod that would be fitted or judged (tests/e2e/test_match_conditions.py),
false for nearly all others. An error would count as false, so nothing in here can fail, and what could be
long is bounded: about a pod that has more, it asks. No key of the configuration names resources or taints here:
any resource that is not a node's own may be an accelerator, or nearly one.
*/}}

{{/* Conditions of the webhook that fits pods; nothing where it is asked about all. */}}
{{- define "scaleguard.fittedPods" -}}
{{- if .Values.webhooks.pods.matchConditions -}}
- name: may-be-an-ai-pod
  expression: |-
    {{- include "scaleguard.mayBeAiPod" . | nindent 4 }}
{{- end -}}
{{- end -}}

{{/* Conditions of webhooks that judge pods, and maybe other kinds. */}}
{{- define "scaleguard.judgedPods" -}}
- name: no-pod-or-new-or-other-tolerations
  expression: |-
    request.kind.kind != "Pod" || request.kind.group != "" || request.operation != "UPDATE" ||
    object.spec.?tolerations.orValue([]).size() > 64 ||
    object.spec.?tolerations.orValue([]) != oldObject.spec.?tolerations.orValue([])
{{ if .Values.webhooks.pods.matchConditions -}}
- name: no-pod-or-may-be-judged
  expression: |-
    request.kind.kind != "Pod" || request.kind.group != "" ||
    object.spec.?tolerations.orValue([]).size() > 64 ||
    object.spec.?tolerations.orValue([]).exists(toleration,
      !(toleration.?effect.orValue("") in ["NoExecute", "PreferNoSchedule"])) ||
    "scaleguard.io/exempt" in object.metadata.?annotations.orValue({}) ||
    {{- include "scaleguard.mayBeAiPod" . | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "scaleguard.mayBeAiPod" -}}
{{- $known := .Files.Get "files/pods.yaml" | fromYaml -}}
{{- $owners := $known.owners -}}
{{- range dig "workloads" (list) .Values.config -}}
{{- if .class -}}
{{- $owners = append $owners (printf "%s/%s" .group .kind) -}}
{{- end -}}
{{- end -}}
has(object.spec.resourceClaims) ||
[object.spec.?containers.orValue(null), object.spec.?initContainers.orValue(null)].exists(listed,
  listed != null && (listed.size() > 64 || listed.exists(container,
    {{- if dig "detection" "byImage" false .Values.config }}
    container.?image.orValue("").size() > 512 ||
    container.?image.orValue("").matches({{ printf "(?i)[^ -~]|(^|[^a-z0-9])(%s)([^a-z0-9]|$)" (join "|" $known.words) | toJson }}) ||
    {{- end }}
    [container.?resources.?limits.orValue({}), container.?resources.?requests.orValue({})].exists(asked,
      asked.exists(name, !(name in ["cpu", "memory", "ephemeral-storage"])))))) ||
"scaleguard.io/class" in object.metadata.?annotations.orValue({}) ||
["scaleguard.io/class", {{ range $index, $key := $known.labels }}{{ if $index }}, {{ end }}{{ $key | quote }}{{ end }}].exists(key,
  key in object.metadata.?labels.orValue({})) ||
{{- range $key, $values := $known.values }}
object.metadata.?labels[?{{ $key | quote }}].orValue("") in {{ $values | toJson }} ||
{{- end }}
object.metadata.?ownerReferences.orValue([]).size() > 64 ||
object.metadata.?ownerReferences.orValue([]).exists(owner,
  owner.?controller.orValue(false) &&
  (owner.apiVersion.contains("/") ? owner.apiVersion.split("/")[0] : "") + "/" + owner.kind in [
    {{- range $index, $kind := $owners | sortAlpha }}
    {{- if $index }},{{ end }}
    {{ $kind | quote }}
    {{- end }}
  ])
{{- end -}}
