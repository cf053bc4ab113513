{{/* The configuration file: the workloads of `workloads`, and those in the formats of the Go implementation. */}}

{{/* A workload in the flat format of the Go implementation as one of the configuration file. */}}
{{- define "kedastral.converted" -}}
{{- $model := dict -}}
{{- with .model }}{{ $_ := set $model "name" . }}{{ end -}}
{{- with .byomURL }}{{ $_ := set $model "byomUrl" (trimSuffix "/predict" .) }}{{ end -}}
{{- range $from, $to := dict "arimaP" "p" "arimaD" "d" "arimaQ" "q" "sarimaP" "p" "sarimaD" "d" "sarimaQ" "q" "sarimaSP" "P" "sarimaSD" "D" "sarimaSQ" "Q" "sarimaS" "s" -}}
{{- if and (hasPrefix (default "-" $.model) $from) (get $ $from) }}{{ $_ := set $model $to (get $ $from) }}{{ end -}}
{{- end -}}
{{- $policy := dict -}}
{{- range $from, $to := dict "targetPerPod" "targetPerPod" "headroom" "headroom" "quantileLevel" "quantileLevel" "minReplicas" "min" "maxReplicas" "max" "upMaxFactorPerStep" "upMaxFactor" "downMaxPercentPerStep" "downMaxPercent" -}}
{{- if and (hasKey $ $from) (ne (toString (get $ $from)) "") }}{{ $_ := set $policy $to (get $ $from) }}{{ end -}}
{{- end -}}
{{- $workload := pick . "name" "metric" -}}
{{- range $key := list "horizon" "step" "interval" "window" -}}
{{- with get $ $key }}{{ $_ := set $workload $key . }}{{ end -}}
{{- end -}}
{{- $source := dict "type" (default "prometheus" .adapter) -}}
{{- range $key, $value := default dict .adapterConfig -}}
{{- if ne (toString $value) "" }}{{ $_ := set $source $key $value }}{{ end -}}
{{- end -}}
{{- $_ := set $workload "source" $source -}}
{{- with $model }}{{ $_ := set $workload "model" . }}{{ end -}}
{{- with $policy }}{{ $_ := set $workload "policy" . }}{{ end -}}
{{- toYaml $workload }}
{{- end }}

{{/* The single workload of `forecaster.config`, in the flat format. */}}
{{- define "kedastral.single" -}}
{{- $config := .Values.forecaster.config -}}
{{- $flat := pick $config "metric" "adapter" "adapterConfig" "horizon" "step" "interval" "window" "targetPerPod" "headroom" "quantileLevel" "minReplicas" "maxReplicas" "model" "byomURL" -}}
{{- $_ := set $flat "name" $config.workload -}}
{{- $_ := set $flat "upMaxFactorPerStep" $config.upMaxFactor -}}
{{- $_ := set $flat "downMaxPercentPerStep" $config.downMaxPercent -}}
{{- range $order, $value := $config.arima }}{{ $_ := set $flat (printf "arima%s" (upper $order)) $value }}{{ end -}}
{{- include "kedastral.converted" $flat }}
{{- end }}

{{/* All workloads, as `{workloads: […]}`. */}}
{{- define "kedastral.workloads" -}}
{{- $all := default list .Values.workloads -}}
{{- if include "kedastral.isOperator" . -}}
{{/* As in the Go implementation, its own formats are not read beside objects of the cluster. */}}
{{- else if .Values.forecaster.workloadsConfig.enabled -}}
{{- range .Values.forecaster.workloadsConfig.workloads -}}
{{- $all = append $all (include "kedastral.converted" . | fromYaml) -}}
{{- end -}}
{{- else if and .Values.forecaster.config.workload (not $all) -}}
{{- $all = append $all (include "kedastral.single" . | fromYaml) -}}
{{- end -}}
{{- toYaml (dict "workloads" $all) }}
{{- end }}

{{/* Whether the chart writes the file. */}}
{{- define "kedastral.writesFile" -}}
{{- if and (include "kedastral.hasForecaster" .) (or .Values.discovery (include "kedastral.workloads" . | fromYaml).workloads) }}true{{ end }}
{{- end }}

{{- define "kedastral.configurationPath" -}}
{{- ternary "/etc/kedastral/kedastral.yaml" .Values.forecaster.config.configFile (ne (include "kedastral.writesFile" .) "") }}
{{- end }}
