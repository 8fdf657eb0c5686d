{{/* The program's configuration: that of the values, and with the sidecar who evaluates the rules. */}}
{{- define "scaleguard.config" -}}
{{- if .Values.opa.sidecar.enabled -}}
{{- $url := "http://127.0.0.1:8181" -}}
{{- $given := dig "policies" (dict) .Values.config -}}
{{- if ne (dig "engine" "opa" $given) "opa" -}}
{{- fail "opa.sidecar.enabled: config.policies.engine names another engine; leave it out" -}}
{{- end -}}
{{- if ne (dig "opa" "url" $url $given) $url -}}
{{- fail (printf "opa.sidecar.enabled: config.policies.opa.url names another server; it has to be %s" $url) -}}
{{- end -}}
{{- if not (dig "opa" "push" true $given) -}}
{{- fail "opa.sidecar.enabled: config.policies.opa.push is false, and nobody else brings rules to the sidecar; leave it out" -}}
{{- end -}}
{{- if .Values.hostNetwork.enabled -}}
{{- fail "opa.sidecar.enabled, hostNetwork.enabled: on the loopback of a node everybody there could put rules; name a server elsewhere (config.policies.opa.url)" -}}
{{- end -}}
{{- $policies := dict "engine" "opa" "opa" (dict "url" $url) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) (dict "policies" $policies)) -}}
{{- else -}}
{{- toYaml .Values.config -}}
{{- end -}}
{{- end -}}

{{/* OPA beside who judges; among the init containers, so that it is there before its asker and goes after it. */}}
{{- define "scaleguard.opa" -}}
{{- with .Values.opa.sidecar -}}
- name: opa
  image: {{ include "scaleguard.reference" (dict "image" .image "tag" .image.tag) }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  restartPolicy: Always
  args:
    - run
    - --server
    # Who may ask may put rules as well: nobody outside of the pod.
    - --addr=127.0.0.1:8181
    # Health and metrics, and nothing else.
    - --diagnostic-addr={{ $.Values.listenAddress }}:8282
    - --log-level=error
    - --log-format={{ $.Values.log.format }}
    # It asks nobody for newer versions.
    - --skip-version-check
  ports:
    - name: opa
      containerPort: 8282
  startupProbe:
    httpGet: {path: /health, port: opa}
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /health, port: opa}
    periodSeconds: 10
    timeoutSeconds: 3
    failureThreshold: 6
  readinessProbe:
    httpGet: {path: /health, port: opa}
    periodSeconds: 2
    timeoutSeconds: 3
    failureThreshold: 2
  resources:
    {{- toYaml .resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
{{- end -}}
{{- end -}}
