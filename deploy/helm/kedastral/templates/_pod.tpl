{{/* Pods and Deployments. */}}

{{- define "kedastral.secretVolumes" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $redis := $root.Values.forecaster.config.redis -}}
{{- if include "kedastral.hasRedisPassword" . }}
- name: redis-password
  secret:
    secretName: {{ include "kedastral.redisSecret" . }}
    defaultMode: 0440
    items: [{key: {{ include "kedastral.redisPasswordKey" . }}, path: password}]
{{- end }}
{{- if and (eq $root.Values.forecaster.config.storage "redis") $redis.tls.enabled $redis.tls.existingSecret }}
- name: redis-tls
  secret: {secretName: {{ $redis.tls.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- with include "kedastral.tlsSecret" . }}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with $root.Values.httpToken }}
{{- if .existingSecret }}
- name: http-token
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: token}]
{{- end }}
{{- end }}
{{- with $root.Values.pushToken }}
{{- if and .existingSecret (ne $component "scaler") }}
- name: push-token
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: token}]
{{- end }}
{{- end }}
{{- with $root.Values.seriesWrite }}
{{- if and .url .existingSecret (ne $component "scaler") }}
- name: series-write-token
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: token}]
{{- end }}
{{- end }}
{{- end }}

{{- define "kedastral.secretMounts" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $redis := $root.Values.forecaster.config.redis -}}
{{- if include "kedastral.hasRedisPassword" . }}
- {name: redis-password, mountPath: /run/secrets/redis, readOnly: true}
{{- end }}
{{- if and (eq $root.Values.forecaster.config.storage "redis") $redis.tls.enabled $redis.tls.existingSecret }}
- {name: redis-tls, mountPath: /run/secrets/redis-tls, readOnly: true}
{{- end }}
{{- if include "kedastral.tlsSecret" . }}
- {name: tls, mountPath: {{ dir (index $root.Values $component).config.tls.certFile }}, readOnly: true}
{{- end }}
{{- if $root.Values.httpToken.existingSecret }}
- {name: http-token, mountPath: /run/secrets/http, readOnly: true}
{{- end }}
{{- if and $root.Values.pushToken.existingSecret (ne $component "scaler") }}
- {name: push-token, mountPath: /run/secrets/push, readOnly: true}
{{- end }}
{{- if and $root.Values.seriesWrite.url $root.Values.seriesWrite.existingSecret (ne $component "scaler") }}
- {name: series-write-token, mountPath: /run/secrets/series-write, readOnly: true}
{{- end }}
{{- end }}

{{/* Variables of forecasts: those of a forecaster and of the all-in-one mode. */}}
{{- define "kedastral.forecasterVariables" -}}
- {name: LISTEN, value: {{ .Values.forecaster.config.listen | quote }}}
- {name: SCALER_ADDRESS, value: {{ include "kedastral.triggerAddress" . | quote }}}
{{- if include "kedastral.isOperator" . }}
- {name: OPERATOR_MODE, value: "true"}
{{- with .Values.forecaster.operator.namespace }}
- {name: WATCH_NAMESPACE, value: {{ . | quote }}}
{{- end }}
{{- with include "kedastral.triggerAuthentication" . }}
- {name: TRIGGER_AUTHENTICATION, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- with include "kedastral.configurationPath" . }}
- {name: CONFIG, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* Variables of answers to KEDA: those of a scaler and of the all-in-one mode. */}}
{{- define "kedastral.scalerVariables" -}}
{{- with .Values.scaler.config -}}
- {name: SCALER_LISTEN, value: {{ .listen | quote }}}
- {name: LEAD_TIME, value: {{ .leadTime | quote }}}
- {name: STALE_AFTER, value: {{ .staleAfter | quote }}}
- {name: SCALER_LOOPS, value: {{ .loops | int | quote }}}
{{- end }}
{{- with .Values.externalMetrics }}
{{- if .enabled }}
- {name: EXTERNAL_METRICS_LISTEN, value: ":{{ .port | int }}"}
{{- end }}
{{- end }}
{{- end }}

{{/* List of root and component ("forecaster", "scaler" or "all-in-one"). */}}
{{- define "kedastral.variables" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $part := ternary "scaler" "forecaster" (eq $component "scaler") -}}
{{- $values := index $root.Values $part -}}
{{- if ne $component "scaler" }}
{{- include "kedastral.forecasterVariables" $root }}
{{- end }}
{{- if eq $component "all-in-one" }}{{ "\n" }}{{ end }}
{{- if ne $component "forecaster" }}
{{- include "kedastral.scalerVariables" $root }}
{{- end }}
{{- if eq $component "scaler" }}
- {name: SCALER_HTTP_LISTEN, value: {{ $values.config.httpListen | quote }}}
{{- if eq $root.Values.forecaster.config.storage "memory" }}
- {name: FORECASTER_URL, value: {{ default (include "kedastral.forecasterURL" $root) $values.config.forecasterURL | quote }}}
{{- if $root.Values.httpToken.existingSecret }}
- {name: FORECASTER_TOKEN_FILE, value: /run/secrets/http/token}
{{- end }}
{{- end }}
{{- end }}
- {name: LOG_LEVEL, value: {{ $values.config.logLevel }}}
- {name: LOG_FORMAT, value: {{ $values.config.logFormat }}}
{{ include "kedastral.storageVariables" (list $root $part) }}
{{- include "kedastral.tlsVariables" (list $root $part) }}
{{- if $root.Values.httpToken.existingSecret }}
- {name: HTTP_TOKEN_FILE, value: /run/secrets/http/token}
{{- end }}
{{- if and $root.Values.pushToken.existingSecret (ne $component "scaler") }}
- {name: PUSH_TOKEN_FILE, value: /run/secrets/push/token}
{{- end }}
{{- if and $root.Values.seriesWrite.url (ne $component "scaler") }}
- {name: SERIES_WRITE_URL, value: {{ $root.Values.seriesWrite.url | quote }}}
{{- if $root.Values.seriesWrite.existingSecret }}
- {name: SERIES_WRITE_TOKEN_FILE, value: /run/secrets/series-write/token}
{{- end }}
{{- end }}
{{- with $values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A probe: list of root, part, path, and further lines. */}}
{{- define "kedastral.probe" -}}
httpGet:
  path: {{ index . 2 }}
  port: http
  {{- if include "kedastral.tlsSecret" (list (index . 0) (index . 1)) }}
  scheme: HTTPS
  {{- end }}
{{- range slice . 3 }}
{{ . }}
{{- end }}
{{- end }}

{{/* Keeps pods apart: list of root, component and the component's values. */}}
{{- define "kedastral.placement" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
{{- $selector := include "kedastral.selectorLabels" . | fromYaml -}}
{{- $spread := $values.topologySpreadConstraints | default (list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")) -}}
topologySpreadConstraints:
  {{- range $spread }}
  - {{ toYaml (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" $selector))) | nindent 4 | trim }}
  {{- end }}
{{- if $values.affinity }}
affinity:
  {{- toYaml $values.affinity | nindent 2 }}
{{- else if ne $values.antiAffinity "none" }}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $selector) }}
affinity:
  podAntiAffinity:
    {{- if eq $values.antiAffinity "required" }}
    requiredDuringSchedulingIgnoredDuringExecution:
      - {{ toYaml $term | nindent 8 | trim }}
    {{- else }}
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          {{- toYaml $term | nindent 10 }}
    {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* A Deployment: list of root, component ("forecaster", "scaler" or "all-in-one") and the image's values. */}}
{{- define "kedastral.deployment" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $image := index . 2 -}}
{{- $part := ternary "scaler" "forecaster" (eq $component "scaler") -}}
{{- $values := index $root.Values $part -}}
{{- $context := list $root $part -}}
{{- $http := ternary $root.Values.scaler.config.httpListen $root.Values.forecaster.config.listen (eq $component "scaler") -}}
{{- $secured := include "kedastral.tlsSecret" $context -}}
{{- $hasFile := and (ne $component "scaler") (include "kedastral.writesFile" $root) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "kedastral.metadata" (list $root (printf "%s-%s" (include "kedastral.fullname" $root) $component) $component) | nindent 2 }}
spec:
  replicas: {{ $values.replicaCount | int }}
  strategy:
    {{- toYaml (ternary (omit $values.strategy "rollingUpdate") $values.strategy (eq (default "" $values.strategy.type) "Recreate")) | nindent 4 }}
  selector:
    matchLabels:
      {{- include "kedastral.selectorLabels" (list $root $component) | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "kedastral.selectorLabels" (list $root $component) | nindent 8 }}
        {{- with merge (deepCopy $values.podLabels) $root.Values.commonLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $annotations := deepCopy $values.podAnnotations }}
      {{- if $root.Values.metrics.scrapeAnnotations }}
      {{- $annotations = merge $annotations (dict "prometheus.io/scrape" "true" "prometheus.io/port" (include "kedastral.port" $http)) }}
      {{- if $secured }}{{ $annotations = merge $annotations (dict "prometheus.io/scheme" "https") }}{{ end }}
      {{- end }}
      {{- with $annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      serviceAccountName: {{ include "kedastral.serviceAccountName" $root }}
      automountServiceAccountToken: {{ or (and (ne $component "scaler") (ne (include "kedastral.isOperator" $root) "")) (and (ne $component "forecaster") $root.Values.externalMetrics.enabled) }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds | int }}
      securityContext:
        {{- toYaml $values.podSecurityContext | nindent 8 }}
      {{- include "kedastral.placement" (list $root $component $values) | nindent 6 }}
      containers:
        - name: {{ $component }}
          image: {{ include "kedastral.image" (list $root $image) | quote }}
          imagePullPolicy: {{ $image.pullPolicy }}
          {{- if eq $component "all-in-one" }}
          args: [run]
          {{- end }}
          securityContext:
            {{- toYaml $values.securityContext | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ include "kedastral.port" $http }}}
            {{- if ne $component "forecaster" }}
            - {name: grpc, containerPort: {{ include "kedastral.port" $root.Values.scaler.config.listen }}}
            {{- if $root.Values.externalMetrics.enabled }}
            - {name: metrics-api, containerPort: {{ $root.Values.externalMetrics.port | int }}}
            {{- end }}
            {{- end }}
          env:
            {{- include "kedastral.variables" (list $root $component) | nindent 12 }}
          {{- with $values.envFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- if eq $component "forecaster" }}
          readinessProbe:
            {{- include "kedastral.probe" (list $root $part "/readyz" "periodSeconds: 5") | nindent 12 }}
          {{- else }}
          # A pod that is not ready receives no calls of KEDA. The last plans are served until they are stale, so that only the
          # start waits for plans.
          startupProbe:
            {{- include "kedastral.probe" (list $root $part "/readyz" "periodSeconds: 2" "failureThreshold: 60") | nindent 12 }}
          readinessProbe:
            {{- include "kedastral.probe" (list $root $part "/healthz" "periodSeconds: 5") | nindent 12 }}
          {{- end }}
          livenessProbe:
            {{- include "kedastral.probe" (list $root $part "/healthz" "periodSeconds: 10") | nindent 12 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          {{- $mounts := include "kedastral.secretMounts" $context }}
          {{- if or $mounts $hasFile $values.volumeMounts }}
          volumeMounts:
            {{- if $hasFile }}
            - {name: configuration, mountPath: /etc/kedastral, readOnly: true}
            {{- end }}
            {{- with $mounts }}
            {{- . | trim | nindent 12 }}
            {{- end }}
            {{- with $values.volumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- end }}
      {{- $volumes := include "kedastral.secretVolumes" $context }}
      {{- if or $volumes $hasFile $values.volumes }}
      volumes:
        {{- if $hasFile }}
        - name: configuration
          configMap: {name: {{ include "kedastral.fullname" $root }}-workloads}
        {{- end }}
        {{- with $volumes }}
        {{- . | trim | nindent 8 }}
        {{- end }}
        {{- with $values.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
{{- end }}
