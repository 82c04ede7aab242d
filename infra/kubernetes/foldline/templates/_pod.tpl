{{/* The pod of a workload. Takes {root, workload}. */}}
{{- define "foldline.pod" -}}
{{- $root := .root -}}
{{- $workload := .workload -}}
metadata:
  labels:
    {{- include "foldline.commonLabels" $root | nindent 4 }}
    {{- omit (include "foldline.selectorLabels" . | fromYaml) "app.kubernetes.io/name" "app.kubernetes.io/instance" | toYaml | nindent 4 }}
  {{- with $workload.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "foldline.fullname" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $workload.terminationGracePeriodSeconds }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  {{- if $root.Values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "foldline.selectorLabels" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- range $field := list "nodeSelector" "tolerations" "affinity" }}
  {{- with index $workload $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: {{ $workload.service }}
      image: {{ include "foldline.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: [/app/{{ $workload.service }}.js]
      env:
        {{- include "foldline.env" . | trim | nindent 8 }}
      ports:
        {{- if eq $workload.service "api-gateway" }}
        - { name: http, containerPort: 8080 }
        {{- end }}
        - { name: operations, containerPort: 9464 }
      startupProbe:
        httpGet: { path: /healthz, port: operations }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /healthz, port: operations }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: operations }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 3
      {{- if gt (int $workload.preStopSeconds) 0 }}
      lifecycle:
        preStop: { exec: { command: [sleep, {{ toString (int $workload.preStopSeconds) | quote }}] } }
      {{- end }}
      resources:
        {{- toYaml $workload.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /var/lib/foldline }
        - { name: tmp, mountPath: /tmp }
        - { name: secrets, mountPath: /run/secrets/foldline, readOnly: true }
  volumes:
    {{- if not $workload.persistent }}
    - name: data
      emptyDir: { sizeLimit: {{ $workload.dataSize }} }
    {{- end }}
    - name: tmp
      emptyDir: { sizeLimit: {{ $workload.tmpSize }} }
    - name: secrets
      secret:
        secretName: {{ $root.Values.existingSecret }}
        defaultMode: 288 # 0440: the pod's group may read
        items:
          {{- range $name, $key := include "foldline.secretFiles" . | fromYaml }}
          - { key: {{ $key }}, path: {{ $key }} }
          {{- end }}
{{- end -}}
