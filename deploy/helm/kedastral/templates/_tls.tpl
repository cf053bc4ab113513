{{/* Certificates of the listeners. */}}

{{/* The Secret with a component's certificate, or nothing without TLS: list of root and "forecaster" or "scaler". In the
     all-in-one mode both listeners share the forecaster's. */}}
{{- define "kedastral.tlsSecret" -}}
{{- $root := index . 0 -}}
{{- $component := ternary "forecaster" (index . 1) (eq $root.Values.mode "all-in-one") -}}
{{- $tls := (index $root.Values $component).tls -}}
{{- if $tls.existingSecret -}}
{{- $tls.existingSecret }}
{{- else if $tls.certManager.enabled -}}
{{- include "kedastral.fullname" $root }}-{{ $component }}-tls
{{- end -}}
{{- end }}

{{- define "kedastral.ownIssuer" -}}
{{- include "kedastral.fullname" . }}-ca-issuer
{{- end }}

{{/* The name of a component's issuer: list of root and its certManager values. */}}
{{- define "kedastral.issuer" -}}
{{- default (include "kedastral.ownIssuer" (index . 0)) (index . 1).issuerName }}
{{- end }}

{{/* Whether a component's certificate comes from the chart's own authority. */}}
{{- define "kedastral.usesOwnIssuer" -}}
{{- $root := index . 0 -}}
{{- $tls := index . 1 -}}
{{- if and $tls.certManager.enabled (not $tls.existingSecret) (eq (include "kedastral.issuer" (list $root $tls.certManager)) (include "kedastral.ownIssuer" $root)) }}true{{ end }}
{{- end }}

{{/* The TLS values of the component that serves gRPC. */}}
{{- define "kedastral.scalerTLSComponent" -}}
{{- ternary "forecaster" "scaler" (eq .Values.mode "all-in-one") }}
{{- end }}

{{/* The Secret that KEDA shows to the scaler. */}}
{{- define "kedastral.kedaSecret" -}}
{{- default (printf "%s-keda-tls" (include "kedastral.fullname" .)) .Values.triggerAuthentication.existingSecret }}
{{- end }}

{{/* Variables of a listener's TLS: list of root and component. */}}
{{- define "kedastral.tlsVariables" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- if include "kedastral.tlsSecret" (list $root $component) }}
{{- $tls := (index $root.Values $component).config.tls }}
- {name: TLS_ENABLED, value: "true"}
- {name: TLS_CERT_FILE, value: {{ $tls.certFile | quote }}}
- {name: TLS_KEY_FILE, value: {{ $tls.keyFile | quote }}}
{{- with $tls.caFile }}
- {name: TLS_CA_FILE, value: {{ . | quote }}}
{{- end }}
{{- with $tls.clientNames }}
- {name: TLS_CLIENT_NAMES, value: {{ join "," . | quote }}}
{{- end }}
{{- end }}
{{- end }}
