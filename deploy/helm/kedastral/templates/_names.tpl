{{/* Names, labels and images. */}}

{{- define "kedastral.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The prefix of all names: at most 40 characters, so that the longest suffix fits into a name of 63. */}}
{{- define "kedastral.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "kedastral.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "kedastral.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Metadata of an object: list of root, name and, if it has one, component. */}}
{{- define "kedastral.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "kedastral.labels" $root | nindent 2 }}
  {{- if gt (len .) 2 }}
  app.kubernetes.io/component: {{ index . 2 }}
  {{- end }}
{{- with $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* List of root and component. */}}
{{- define "kedastral.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "kedastral.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* List of root and an image's values. */}}
{{- define "kedastral.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $name := printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) -}}
{{- with $root.Values.global.imageRegistry }}{{ trimSuffix "/" . }}/{{ end }}{{ $name }}
{{- end }}

{{- define "kedastral.serviceAccountName" -}}
{{- $made := ternary (include "kedastral.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $made .Values.serviceAccount.name }}
{{- end }}

{{/* The port of an address such as ":8081". */}}
{{- define "kedastral.port" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

{{- define "kedastral.allInOne" -}}
{{- if eq .Values.mode "all-in-one" }}true{{ end }}
{{- end }}

{{- define "kedastral.hasForecaster" -}}
{{- if or .Values.forecaster.enabled (include "kedastral.allInOne" .) }}true{{ end }}
{{- end }}

{{- define "kedastral.isOperator" -}}
{{- if and (include "kedastral.hasForecaster" .) .Values.forecaster.operator.enabled }}true{{ end }}
{{- end }}

{{- define "kedastral.hasScaler" -}}
{{- if or .Values.scaler.enabled (include "kedastral.allInOne" .) }}true{{ end }}
{{- end }}

{{/* The component of the pods that serve the forecaster, and those that serve the scaler. */}}
{{- define "kedastral.forecasterComponent" -}}
{{- ternary "all-in-one" "forecaster" (eq .Values.mode "all-in-one") }}
{{- end }}

{{- define "kedastral.scalerComponent" -}}
{{- ternary "all-in-one" "scaler" (eq .Values.mode "all-in-one") }}
{{- end }}

{{/* Where KEDA reaches the scaler. */}}
{{- define "kedastral.triggerAddress" -}}
{{- default (include "kedastral.scalerAddress" .) .Values.forecaster.operator.scalerAddress }}
{{- end }}

{{/* With what the operator's triggers authenticate at the scaler: that of the values, or that which the chart makes. */}}
{{- define "kedastral.triggerAuthentication" -}}
{{- with .Values.forecaster.operator.triggerAuthentication -}}
{{- . }}
{{- else -}}
{{- with .Values.triggerAuthentication }}
{{- if .create }}{{ .kind }}/{{ default (include "kedastral.fullname" $) .name }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kedastral.scalerAddress" -}}
{{- printf "%s-scaler.%s.svc:%v" (include "kedastral.fullname" .) .Release.Namespace .Values.scaler.service.grpcPort }}
{{- end }}

{{- define "kedastral.forecasterURL" -}}
{{- $scheme := ternary "https" "http" (ne (include "kedastral.tlsSecret" (list . "forecaster")) "") -}}
{{- printf "%s://%s-forecaster.%s.svc:%v" $scheme (include "kedastral.fullname" .) .Release.Namespace .Values.forecaster.service.port }}
{{- end }}
