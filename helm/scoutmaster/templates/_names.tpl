{{/* The one name that all names begin with: the release's, unless that already says what it is. */}}
{{- define "scoutmaster.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects pods: must never change between versions. Called with (list . "scoutmaster"). */}}
{{- define "scoutmaster.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- end -}}

{{/*
All labels, as one map: a key that comes from several places is there once. Called with
(list . "scoutmaster"), or "scout" for what belongs to the agents; a third item is a map of more labels,
which win over commonLabels. The chart's own win over both; _contradictions.tpl refuses them there.
*/}}
{{- define "scoutmaster.labels" -}}
{{- $root := first . -}}
{{- $labels := dict "app.kubernetes.io/part-of" "scout" -}}
{{- range $more := list $root.Values.commonLabels (index (append . dict) 2) (include "scoutmaster.selector" . | fromYaml) -}}
{{- range $key, $value := $more }}{{ $_ := set $labels $key $value }}{{ end -}}
{{- end -}}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{ toYaml $labels }}
{{- end -}}

{{/* A pod's labels, likewise. Called with (list . "scoutmaster" .Values.master.podLabels). */}}
{{- define "scoutmaster.podLabels" -}}
{{- $labels := dict -}}
{{- range $more := list (first .).Values.commonLabels (last .) (include "scoutmaster.selector" . | fromYaml) -}}
{{- range $key, $value := $more }}{{ $_ := set $labels $key $value }}{{ end -}}
{{- end -}}
{{ toYaml $labels }}
{{- end -}}

{{- define "scoutmaster.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "scoutmaster.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "scoutmaster.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* Where agents find the master. */}}
{{- define "scoutmaster.address" -}}
{{- if .Values.agent.master -}}
{{ .Values.agent.master }}
{{- else -}}
{{ include "scoutmaster.fullname" . }}-grpc.{{ .Release.Namespace }}.svc:{{ .Values.master.service.grpc.port }}
{{- end -}}
{{- end -}}

{{/*
An options map as a list of flags: {healthInterval: 2s, pollOnly: true} is --health-interval=2s and
--poll-only. A flag that is false is left out. Helm reads numbers as floats and would print 5000000 as
5e+06, hence int64.
*/}}
{{- define "scoutmaster.flags" -}}
{{- range $name, $value := . }}
{{- if kindIs "bool" $value }}
{{- if $value }}
- --{{ kebabcase $name }}
{{- end }}
{{- else if kindIs "string" $value }}
- {{ printf "--%s=%s" (kebabcase $name) $value | quote }}
{{- else }}
- --{{ kebabcase $name }}={{ int64 $value }}
{{- end }}
{{- end }}
{{- end -}}
