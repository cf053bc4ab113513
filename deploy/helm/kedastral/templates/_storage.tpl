{{/* Where plans are kept. */}}

{{/* The Secret of the Redis password: list of root and component; the chart's own one if the password is a value. */}}
{{- define "kedastral.redisSecret" -}}
{{- $root := index . 0 -}}
{{- $redis := $root.Values.forecaster.config.redis -}}
{{- $scaler := $root.Values.scaler.config.redis -}}
{{- if and (eq (index . 1) "scaler") $scaler.existingSecret -}}
{{- $scaler.existingSecret }}
{{- else if $redis.existingSecret -}}
{{- $redis.existingSecret }}
{{- else if $redis.password -}}
{{- include "kedastral.fullname" $root }}-redis
{{- end -}}
{{- end }}

{{- define "kedastral.redisPasswordKey" -}}
{{- $root := index . 0 -}}
{{- $redis := $root.Values.forecaster.config.redis -}}
{{- $scaler := $root.Values.scaler.config.redis -}}
{{- if and (eq (index . 1) "scaler") $scaler.existingSecret -}}
{{- $scaler.existingSecretPasswordKey }}
{{- else if $redis.existingSecret -}}
{{- $redis.existingSecretPasswordKey }}
{{- else -}}
password
{{- end -}}
{{- end }}

{{/* Variables of the store: list of root and component. */}}
{{- define "kedastral.storageVariables" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $config := $root.Values.forecaster.config -}}
- {name: STORAGE, value: {{ $config.storage }}}
{{- if eq $config.storage "redis" }}
{{- $redis := $config.redis }}
{{- if $redis.existingSecretUrlKey }}
- name: REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret }}, key: {{ $redis.existingSecretUrlKey }}}}
{{- else if $redis.sentinels }}
- {name: REDIS_SENTINELS, value: {{ join "," $redis.sentinels | quote }}}
- {name: REDIS_SENTINEL_MASTER, value: {{ $redis.sentinelMaster | quote }}}
{{- with $redis.existingSecretSentinelPasswordKey }}
- name: REDIS_SENTINEL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret }}, key: {{ . }}}}
{{- end }}
{{- else }}
- {name: REDIS_ADDR, value: {{ $redis.addr | quote }}}
{{- end }}
{{- $username := $redis.username }}
{{- if eq $component "scaler" }}{{ $username = default $username $root.Values.scaler.config.redis.username }}{{ end }}
{{- with $username }}
- {name: REDIS_USERNAME, value: {{ . | quote }}}
{{- end }}
{{- if include "kedastral.hasRedisPassword" . }}
- {name: REDIS_PASSWORD_FILE, value: /run/secrets/redis/password}
{{- end }}
{{- if or $redis.db (not $redis.existingSecretUrlKey) }}
- {name: REDIS_DB, value: {{ $redis.db | int | quote }}}
{{- end }}
- {name: REDIS_TTL, value: {{ $redis.ttl | quote }}}
{{- with $redis.prefix }}
- {name: REDIS_PREFIX, value: {{ . | quote }}}
{{- end }}
{{- with $redis.readPrefixes }}
- {name: REDIS_READ_PREFIXES, value: {{ join "," . | quote }}}
{{- end }}
{{- if $redis.cluster }}
- {name: REDIS_CLUSTER, value: "true"}
{{- end }}
{{- if $redis.tls.enabled }}
- {name: REDIS_TLS, value: "true"}
{{- if $redis.tls.existingSecret }}
- {name: REDIS_TLS_CA_FILE, value: /run/secrets/redis-tls/ca.crt}
{{- if $redis.tls.clientCertificate }}
- {name: REDIS_TLS_CERT_FILE, value: /run/secrets/redis-tls/tls.crt}
- {name: REDIS_TLS_KEY_FILE, value: /run/secrets/redis-tls/tls.key}
{{- end }}
{{- end }}
{{- with $redis.tls.serverName }}
- {name: REDIS_TLS_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- if ne $component "scaler" }}
{{- with default (ternary "15s" "" (gt (int $root.Values.forecaster.replicaCount) 1)) $redis.shardLease }}
- {name: SHARD_LEASE, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a file has the password: not when the URL has it. */}}
{{- define "kedastral.hasRedisPassword" -}}
{{- $root := index . 0 -}}
{{- $config := $root.Values.forecaster.config -}}
{{- $own := and (eq (index . 1) "scaler") $root.Values.scaler.config.redis.existingSecret -}}
{{- if and (eq $config.storage "redis") (include "kedastral.redisSecret" .) (or $own (not $config.redis.existingSecretUrlKey)) }}true{{ end }}
{{- end }}
