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
app.kubernetes.io/name: {{ last . }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end -}}

{{/* All labels. Called with (list . "scoutmaster"), or "scout" for what belongs to the agents. */}}
{{- define "scoutmaster.labels" -}}
{{- $root := first . -}}
{{ include "scoutmaster.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: scout
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
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
