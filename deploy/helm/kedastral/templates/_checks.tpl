{{/* What a schema cannot say: values that exclude or need each other. */}}
{{- define "kedastral.checks" -}}
{{- $forecaster := .Values.forecaster -}}
{{- $redis := $forecaster.config.redis -}}
{{- $component := include "kedastral.scalerTLSComponent" . -}}
{{- if include "kedastral.hasForecaster" . -}}
{{- $inVariables := $forecaster.envFrom -}}
{{- range $forecaster.env }}{{ if has .name (list "WORKLOAD" "CONFIG" "CONFIG_FILE") }}{{ $inVariables = true }}{{ end }}{{ end -}}
{{- if not (or (include "kedastral.writesFile" .) $forecaster.config.configFile $inVariables (include "kedastral.isOperator" .)) -}}
{{- fail "no workload is configured: set workloads (see README.md for an example), forecaster.operator.enabled=true to read them from ForecastPolicies, or forecaster.enabled=false for a scaler alone" -}}
{{- end -}}
{{- range $index, $workload := (include "kedastral.workloads" . | fromYaml).workloads -}}
{{- if not $workload.name }}{{ fail (printf "workloads[%d] has no name" $index) }}{{ end -}}
{{- $source := merge (deepCopy (default dict $workload.source)) (default dict (default dict $.Values.defaults).source) -}}
{{- if and (has (default "prometheus" $source.type) (list "prometheus" "victoriametrics")) (not $source.url) -}}
{{- fail (printf "workload %s has no source.url: set it there or in defaults.source.url, such as http://prometheus.monitoring:9090" $workload.name) -}}
{{- end -}}
{{- end -}}
{{- range $index, $discovery := .Values.discovery -}}
{{- if not (merge (deepCopy (default dict $discovery.source)) (default dict (default dict $.Values.defaults).source)).url -}}
{{- fail (printf "discovery[%d] has no source.url: set it there or in defaults.source.url, such as http://prometheus.monitoring:9090" $index) -}}
{{- end -}}
{{- end -}}
{{- if and (gt (int $forecaster.replicaCount) 1) (ne $forecaster.config.storage "redis") (not (include "kedastral.isOperator" .)) -}}
{{- fail "forecaster.replicaCount is above 1: several forecasters share their workloads through Redis; set forecaster.config.storage=redis, or replicaCount=1" -}}
{{- end -}}
{{- end -}}
{{- if and (eq $forecaster.config.storage "memory") .Values.scaler.enabled (not $forecaster.enabled) (not .Values.scaler.config.forecasterURL) (eq .Values.mode "separate") -}}
{{- fail "the scaler has no forecaster: set scaler.config.forecasterURL, or forecaster.config.storage=redis" -}}
{{- end -}}
{{- if and (eq $forecaster.config.storage "memory") (eq .Values.mode "separate") $forecaster.enabled .Values.scaler.enabled (include "kedastral.tlsSecret" (list . "forecaster")) (not (include "kedastral.tlsSecret" (list . "scaler"))) -}}
{{- fail "the forecaster has TLS, but the scaler that requests its plans has no certificate: set scaler.tls as well" -}}
{{- end -}}
{{- if eq $forecaster.config.storage "redis" -}}
{{- if and $redis.password $redis.existingSecret }}{{ fail "forecaster.config.redis has both a password and an existingSecret; set one of them" }}{{ end -}}
{{- if and $redis.existingSecretUrlKey $redis.sentinels }}{{ fail "forecaster.config.redis has both existingSecretUrlKey and sentinels; set one of them" }}{{ end -}}
{{- if and (or $redis.existingSecretUrlKey $redis.existingSecretSentinelPasswordKey) (not $redis.existingSecret) -}}
{{- fail "forecaster.config.redis names a key of existingSecret, but no existingSecret" -}}
{{- end -}}
{{- if and $redis.sentinels (not $redis.sentinelMaster) }}{{ fail "forecaster.config.redis.sentinels needs sentinelMaster, the name that the sentinels use" }}{{ end -}}
{{- if and $redis.tls.clientCertificate (not $redis.tls.existingSecret) }}{{ fail "forecaster.config.redis.tls.clientCertificate needs tls.existingSecret" }}{{ end -}}
{{- end -}}
{{- range $name := list "forecaster" "scaler" -}}
{{- $values := index $.Values $name -}}
{{- if and $values.config.tls.enabled (not $values.tls.existingSecret) (not $values.tls.certManager.enabled) -}}
{{- fail (printf "%s.config.tls.enabled needs a certificate: set %s.tls.existingSecret or %s.tls.certManager.enabled" $name $name $name) -}}
{{- end -}}
{{- range compact (list $values.config.tls.keyFile $values.config.tls.caFile) -}}
{{- if ne (dir .) (dir $values.config.tls.certFile) }}{{ fail (printf "%s.config.tls: the Secret is one folder, but %s is not beside %s" $name . $values.config.tls.certFile) }}{{ end -}}
{{- end -}}
{{- if and $values.config.tls.clientNames (not $values.config.tls.caFile) -}}
{{- fail (printf "%s.config.tls.clientNames needs config.tls.caFile: names are checked only in certificates of known authorities" $name) -}}
{{- end -}}
{{- end -}}
{{- if .Values.triggerAuthentication.create -}}
{{- if not (include "kedastral.tlsSecret" (list . "scaler")) -}}
{{- fail (printf "triggerAuthentication.create needs TLS of the scaler: set %s.tls.existingSecret or %s.tls.certManager.enabled" $component $component) -}}
{{- end -}}
{{- if not .Values.triggerAuthentication.existingSecret -}}
{{- $tls := (index .Values $component).tls -}}
{{- if not $tls.certManager.enabled }}{{ fail "triggerAuthentication.create without cert-manager needs triggerAuthentication.existingSecret" }}{{ end -}}
{{- if and (eq .Values.triggerAuthentication.kind "ClusterTriggerAuthentication") (ne $tls.certManager.issuerKind "ClusterIssuer") -}}
{{- fail (printf "a ClusterTriggerAuthentication reads its Secret in the namespace %s, which only a ClusterIssuer reaches: set %s.tls.certManager.issuerKind=ClusterIssuer, or triggerAuthentication.existingSecret" .Values.keda.namespace $component) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.headroom.enabled (not .Values.headroom.workloads) -}}
{{- fail "headroom.enabled needs headroom.workloads, the requests of a pod of each workload, such as {api-app: 500m/512Mi}" -}}
{{- end -}}
{{- if dig "enabled" false (default dict .Values.mcpServer) -}}
{{- fail "mcpServer is not a part of this chart: run `kedastral mcp --server URL` beside the assistant (docs/commands.md)" -}}
{{- end -}}
{{- end }}
