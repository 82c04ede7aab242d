{{/* Names and labels. A release called foldline is not called foldline-foldline. */}}
{{- define "foldline.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 28 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 28 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "foldline.instanceLabels" -}}
app.kubernetes.io/name: foldline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "foldline.commonLabels" -}}
{{ include "foldline.instanceLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Labels by which one workload's pods are selected. Takes {root, workload}. */}}
{{- define "foldline.selectorLabels" -}}
{{ include "foldline.instanceLabels" .root }}
app.kubernetes.io/component: {{ .workload.service }}
{{- with .workload.pool }}
foldline.dev/pool: {{ . }}
{{- end }}
{{- end -}}

{{- define "foldline.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else if eq $tag "latest" -}}
{{ fail "image.tag: latest says not what runs; name a release" }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository $tag }}
{{- end -}}
{{- end -}}

{{/*
The workloads as one YAML list: six services and each pool of runners, every one with the defaults filled in. What
stops a service in order would kill the jobs of a runner, so pools have an hour for them unless they say otherwise.
*/}}
{{- define "foldline.workloads" -}}
{{- $root := . -}}
{{- $all := list -}}
{{- range $name, $own := .Values.services -}}
{{- $named := dict "name" $name "service" $name "kind" "Deployment" -}}
{{- $all = append $all (mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy ($own | default dict)) $named) -}}
{{- end -}}
{{- range $pool, $own := .Values.runnerPools -}}
{{- $named := dict "name" (printf "runner-%s" $pool) "service" "runner" "pool" $pool "kind" "StatefulSet" -}}
{{- $hour := dict "terminationGracePeriodSeconds" 3645 -}}
{{- $all = append $all (mergeOverwrite (deepCopy $root.Values.defaults) $hour (deepCopy $own) $named) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{/* Whether KEDA asks the scheduler how many runners are needed; empty where it does not. */}}
{{- define "foldline.scalesRunners" -}}
{{- range $workload := include "foldline.workloads" . | fromYamlArray -}}
{{- if and (eq $workload.service "runner") (eq $workload.autoscaling.kind "keda") }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Where people reach the gateway; empty where that is not known. */}}
{{- define "foldline.url" -}}
{{- if .Values.url -}}
{{ .Values.url }}
{{- else if .Values.ingress.enabled -}}
{{ printf "%s://%s" (ternary "https" "http" (not (empty .Values.ingress.tlsSecret))) .Values.ingress.host }}
{{- end -}}
{{- end -}}

{{/* The pools for the scheduler's measure: names of their pods without the number, and what each pod offers. */}}
{{- define "foldline.runnerPools" -}}
{{- $pools := list -}}
{{- range $pool, $own := .Values.runnerPools -}}
{{- $name := printf "%s-runner-%s" (include "foldline.fullname" $) $pool -}}
{{- $offer := printf "%v:%v:%v" $own.offer.cpu $own.offer.memoryGb $own.offer.diskGb -}}
{{- $tags := $own.tags | default list | join "+" -}}
{{- $pools = append $pools (printf "%s:%s:%d:%s%s" $name $own.power (int $own.slots) $offer (ternary "" (print ":" $tags) (empty $tags))) -}}
{{- end -}}
{{- join "," $pools -}}
{{- end -}}

{{/* Secrets that a service gets, as a YAML map from the setting's name to the Secret's key. Takes {root, workload}. */}}
{{- define "foldline.secretFiles" -}}
{{- $keys := .root.Values.secretKeys -}}
FOLDLINE_SECRET_KEY: {{ $keys.secretKey }}
FOLDLINE_EVENTSTORE_URL: {{ $keys.eventStoreUrl }}
FOLDLINE_REDIS_URL: {{ $keys.redisUrl }}
FOLDLINE_S3_ACCESS_KEY: {{ $keys.s3AccessKey }}
FOLDLINE_S3_SECRET_KEY: {{ $keys.s3SecretKey }}
{{- if eq .workload.service "api-gateway" }}
FOLDLINE_ADMIN_TOKEN: {{ $keys.adminToken }}
FOLDLINE_WEBHOOK_SECRET: {{ $keys.webhookSecret }}
{{- end }}
{{- if .root.Values.kafka.sasl }}
FOLDLINE_KAFKA_USERNAME: {{ $keys.kafkaUsername }}
FOLDLINE_KAFKA_PASSWORD: {{ $keys.kafkaPassword }}
{{- end }}
{{- with $keys.eventStoreCa }}
FOLDLINE_EVENTSTORE_CA: {{ . }}
{{- end }}
{{- with $keys.kafkaCa }}
FOLDLINE_KAFKA_CA: {{ . }}
{{- end }}
{{- with $keys.kafkaCertificate }}
FOLDLINE_KAFKA_CERTIFICATE: {{ . }}
FOLDLINE_KAFKA_CERTIFICATE_KEY: {{ required "secretKeys.kafkaCertificate needs secretKeys.kafkaCertificateKey" $keys.kafkaCertificateKey }}
{{- end }}
{{- with $keys.redisCa }}
FOLDLINE_REDIS_CA: {{ . }}
{{- end }}
{{- with $keys.redisCertificate }}
FOLDLINE_REDIS_CERTIFICATE: {{ . }}
FOLDLINE_REDIS_CERTIFICATE_KEY: {{ required "secretKeys.redisCertificate needs secretKeys.redisCertificateKey" $keys.redisCertificateKey }}
{{- end }}
{{- with $keys.s3Ca }}
FOLDLINE_S3_CA: {{ . }}
{{- end }}
{{- end -}}

{{/* Settings of one workload. Takes {root, workload}. */}}
{{- define "foldline.env" -}}
{{- $values := .root.Values -}}
{{- $workload := .workload -}}
{{- $env := dict "FOLDLINE_MODE" "distributed" "FOLDLINE_OPS_PORT" "9464" "FOLDLINE_LOG_LEVEL" $values.logLevel -}}
{{- $_ := set $env "FOLDLINE_KAFKA_BROKERS" $values.kafka.brokers -}}
{{- $_ := set $env "FOLDLINE_KAFKA_TLS" (toString $values.kafka.tls) -}}
{{- with $values.kafka.sasl }}{{ $_ := set $env "FOLDLINE_KAFKA_SASL" . }}{{ end -}}
{{- $_ := set $env "FOLDLINE_KAFKA_PARTITIONS" (toString (int $values.kafka.partitions)) -}}
{{- $_ := set $env "FOLDLINE_KAFKA_RETENTION_DAYS" (toString (int $values.kafka.retentionDays)) -}}
{{- $_ := set $env "FOLDLINE_KAFKA_REPLICATION" (toString (int $values.kafka.replication)) -}}
{{- $_ := set $env "FOLDLINE_S3_URL" $values.s3.url -}}
{{- $_ := set $env "FOLDLINE_S3_REGION" $values.s3.region -}}
{{- $_ := set $env "FOLDLINE_NAMESPACE" $values.namespace -}}
{{- with $values.otlpUrl }}{{ $_ := set $env "FOLDLINE_OTLP_URL" . }}{{ end -}}
{{- if eq $workload.service "api-gateway" -}}
{{- $_ := set $env "FOLDLINE_HOST" "0.0.0.0" -}}
{{- $_ := set $env "FOLDLINE_PORT" "8080" -}}
{{- with include "foldline.url" .root }}{{ $_ := set $env "FOLDLINE_URL" . }}{{ end -}}
{{- end -}}
{{- if has $workload.service (list "api-gateway" "pipeline-planner") -}}
{{- with $values.includeHosts }}{{ $_ := set $env "FOLDLINE_INCLUDE_HOSTS" (join "," .) }}{{ end -}}
{{- end -}}
{{- if eq $workload.service "scheduler" -}}
{{- $_ := set $env "FOLDLINE_RUNNER_POOLS" (include "foldline.runnerPools" .root) -}}
{{- end -}}
{{- if eq $workload.service "runner" -}}
{{- $_ := set $env "FOLDLINE_RUNNERS" (printf "$(POD_NAME):%s:%d" $workload.power (int $workload.slots)) -}}
{{- $_ := set $env "FOLDLINE_RUNNER_CPU" (toString $workload.offer.cpu) -}}
{{- $_ := set $env "FOLDLINE_RUNNER_MEMORY_GB" (toString $workload.offer.memoryGb) -}}
{{- $_ := set $env "FOLDLINE_RUNNER_DISK_GB" (toString $workload.offer.diskGb) -}}
{{- with $workload.tags }}{{ $_ := set $env "FOLDLINE_RUNNER_TAGS" (join "," .) }}{{ end -}}
{{- /* What is left of the pod's time after its jobs have had theirs is for ending in order. */ -}}
{{- $_ := set $env "FOLDLINE_DRAIN_SECONDS" (toString (max 0 (sub (int $workload.terminationGracePeriodSeconds) 45))) -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{ end -}}
{{- range $name, $key := include "foldline.secretFiles" . | fromYaml -}}
{{- $_ := set $env (printf "%s_FILE" $name) (printf "/run/secrets/foldline/%s" $key) -}}
{{- end -}}
{{- range $name, $value := mergeOverwrite $env (deepCopy $values.env) (deepCopy $workload.env) -}}
- name: {{ $name }}
  value: {{ toString $value | quote }}
{{ end -}}
{{- end -}}
