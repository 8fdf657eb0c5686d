{{/* Labels of pods, of (root, what selects them, their labels); what selects them cannot be changed by podLabels. */}}
{{- define "scaleguard.podLabels" -}}
{{- $root := index . 0 -}}
{{- $selected := include (index . 1) $root | fromYaml -}}
{{- toYaml (merge $selected $root.Values.podLabels (include (index . 2) $root | fromYaml)) -}}
{{- end -}}

{{/* Where pods may run and what may push them away, of (root, what selects them, PriorityClass). */}}
{{- define "scaleguard.placement" -}}
{{- $root := index . 0 -}}
{{- $selected := dict "matchLabels" (include (index . 1) $root | fromYaml) -}}
{{- $constraints := list -}}
{{- range $root.Values.topologySpreadConstraints -}}
{{- $constraints = append $constraints (merge (dict "labelSelector" $selected) .) -}}
{{- end -}}
{{- $wanted := pick $root.Values "affinity" "nodeSelector" "tolerations" -}}
{{- $wanted = merge $wanted (dict "priorityClassName" (index . 2) "topologySpreadConstraints" $constraints) -}}
{{- $placement := dict -}}
{{- range $name, $value := $wanted -}}
{{- if $value -}}
{{- $_ := set $placement $name $value -}}
{{- end -}}
{{- end -}}
{{- with $placement -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* Of (root, the group that a volume is given to, or 0): what the values say of users and groups, then ours. */}}
{{- define "scaleguard.podSecurityContext" -}}
{{- $own := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- with index . 1 -}}
{{- $_ := set $own "fsGroup" (int .) -}}
{{- end -}}
{{- toYaml (merge (deepCopy (index . 0).Values.podSecurityContext) $own) -}}
{{- end -}}
