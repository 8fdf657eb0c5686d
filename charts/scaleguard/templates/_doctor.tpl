{{- define "scaleguard.doctorSelectorLabels" -}}
app.kubernetes.io/name: scaleguard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: doctor
{{- end -}}

{{- define "scaleguard.doctorLabels" -}}
{{ include "scaleguard.doctorSelectorLabels" . }}
{{ include "scaleguard.commonLabels" . }}
{{- end -}}

{{/*
The spec of a pod that looks whether the webhook serves what the API server trusts, of (root, checks, seconds
that it waits for that). It runs as the webhook's account, which may get the two webhook configurations.
*/}}
{{- define "scaleguard.doctorPod" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "scaleguard.fullname" $root }}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with pick $root.Values "nodeSelector" "tolerations" }}
{{- range $name, $value := . }}
{{- with $value }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
securityContext:
  {{- include "scaleguard.podSecurityContext" (list $root 0) | nindent 2 }}
containers:
  - name: doctor
    image: {{ include "scaleguard.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [scaleguard, doctor]
    args:
      - --namespace={{ $root.Release.Namespace }}
      - --release={{ include "scaleguard.fullname" $root }}
      - --only={{ index . 1 }}
      - --webhook-ca=/etc/scaleguard-authority/ca.crt
      - --wait={{ index . 2 }}
    resources:
      requests: {cpu: 50m, memory: 128Mi}
      limits: {memory: 256Mi}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: authority
        mountPath: /etc/scaleguard-authority
        readOnly: true
volumes:
  # Filled by then, or the pod waits as those of the webhook do.
  - name: authority
    secret:
      secretName: {{ include "scaleguard.certificate" $root }}
      items:
        - {key: ca.crt, path: ca.crt}
{{- end -}}
