{{/*
What the schema cannot say: values that are each fine and do not go together. Each stops with one
sentence that names the value and says what to write instead.
*/}}
{{- define "scoutmaster.contradictions" -}}
{{- if eq (toString .Values.enabled) "false" }}
{{- fail "enabled is false, but only the condition of a parent chart's dependency reads it: name it there (condition: scoutmaster.enabled), or set master.enabled and agent.enabled." }}
{{- end }}
{{- range $name, $labels := dict "commonLabels" .Values.commonLabels "master.podLabels" .Values.master.podLabels "agent.podLabels" .Values.agent.podLabels }}
{{- include "scoutmaster.ownLabels" (list $name $labels) }}
{{- end }}
{{- range $name, $kind := .Values.monitoring }}
{{- include "scoutmaster.ownLabels" (list (printf "monitoring.%s.labels" $name) $kind.labels) }}
{{- end }}
{{- include "scoutmaster.environment" (list "master.extraEnv" .Values.master.extraEnv) }}
{{- include "scoutmaster.environment" (list "agent.extraEnv" .Values.agent.extraEnv) }}
{{- range .Values.agent.extraEnv }}
{{- if eq .name "SCOUT_HOST" }}
{{- fail "agent.extraEnv has SCOUT_HOST, which the chart sets to the node's name: leave it out." }}
{{- end }}
{{- end }}
{{- if not (or .Values.master.enabled .Values.agent.enabled) }}
{{- fail "master.enabled and agent.enabled are both false: nothing would be installed; set one of them to true." }}
{{- end }}
{{- if .Values.master.enabled }}
{{- include "scoutmaster.masterContradictions" . }}
{{- end }}
{{- if .Values.agent.enabled }}
{{- include "scoutmaster.agentContradictions" . }}
{{- end }}
{{- with .Values.monitoring }}
{{- if and .serviceMonitor.enabled (not $.Values.master.enabled) }}
{{- fail "monitoring.serviceMonitor is for the master, which master.enabled: false leaves out; set monitoring.serviceMonitor.enabled to false." }}
{{- end }}
{{- if and .podMonitor.enabled (not $.Values.agent.enabled) }}
{{- fail "monitoring.podMonitor is for the agents, which agent.enabled: false leaves out; set monitoring.podMonitor.enabled to false." }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "scoutmaster.masterContradictions" -}}
{{- with .Values.master }}
{{- if ne (int .replicas) 1 }}
{{- fail (printf "master.replicas is %d, but there is one list and one process that holds it: leave it at 1." (int .replicas)) }}
{{- end }}
{{- range $name := list "healthInterval" "healthTimeout" "settle" }}
{{- include "scoutmaster.duration" (list (printf "master.options.%s" $name) (get $.Values.master.options $name)) }}
{{- end }}
{{- $interval := include "scoutmaster.milliseconds" .options.healthInterval | float64 }}
{{- $timeout := include "scoutmaster.milliseconds" .options.healthTimeout | float64 }}
{{- if ge $timeout $interval }}
{{- fail (printf "master.options.healthTimeout (%s) must be shorter than master.options.healthInterval (%s): a word may be late by less than the time to the next one." .options.healthTimeout .options.healthInterval) }}
{{- end }}
{{- if eq (int .options.grpc) (int .options.http) }}
{{- fail (printf "master.options.grpc and master.options.http are both %d: give each a port of its own." (int .options.grpc)) }}
{{- end }}
{{- if gt (int .options.expectClients) (int .options.maxClients) }}
{{- fail (printf "master.options.expectClients (%d) is more than master.options.maxClients (%d): the list could never be complete; raise maxClients." (int .options.expectClients) (int .options.maxClients)) }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.hosts) }}
{{- fail "master.ingress is enabled without hosts: name at least one in master.ingress.hosts, such as [scout.example.org]." }}
{{- end }}
{{- range $name, $service := .service }}
{{- if and $service.nodePort (eq $service.type "ClusterIP") }}
{{- fail (printf "master.service.%s.nodePort is set, but a Service of type ClusterIP has no such port: set master.service.%s.type to NodePort or LoadBalancer." $name $name) }}
{{- end }}
{{- if and $service.externalTrafficPolicy (eq $service.type "ClusterIP") }}
{{- fail (printf "master.service.%s.externalTrafficPolicy is set, but nothing from outside comes through a Service of type ClusterIP: set master.service.%s.type to NodePort or LoadBalancer." $name $name) }}
{{- end }}
{{- if and $service.loadBalancerSourceRanges (ne $service.type "LoadBalancer") }}
{{- fail (printf "master.service.%s.loadBalancerSourceRanges is set, but a Service of type %s has no load balancer that could keep others out: set master.service.%s.type to LoadBalancer, or name who may come in master.networkPolicy." $name $service.type $name) }}
{{- end }}
{{- end }}
{{- if and .service.grpc.nodePort (eq (toString .service.grpc.nodePort) (toString .service.http.nodePort)) }}
{{- fail (printf "master.service.grpc.nodePort and master.service.http.nodePort are both %d: give each a port of its own." (int .service.grpc.nodePort)) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "scoutmaster.agentContradictions" -}}
{{- with .Values.agent }}
{{- if not .directories }}
{{- fail "agent.enabled is true without directories: name what to watch in agent.directories, such as [{path: /srv/data/in}]." }}
{{- end }}
{{- if not (or .master $.Values.master.enabled) }}
{{- fail "master.enabled is false and agent.master is empty: set agent.master to the master's address, such as scoutmaster-grpc.scout.svc:3000." }}
{{- end }}
{{- $last := sub (len .directories) 1 | int }}
{{- if and (le (int .ports.metrics) (add (int .ports.health) $last | int)) (le (int .ports.health) (add (int .ports.metrics) $last | int)) }}
{{- fail (printf "agent.ports.metrics (%d) and agent.ports.health (%d) are less than %d apart, but each of the %d directories takes one port from either: move them apart." (int .ports.metrics) (int .ports.health) (len .directories) (len .directories)) }}
{{- end }}
{{- $seen := dict }}
{{- range $index, $directory := .directories }}
{{- $where := printf "agent.directories[%d]" $index }}
{{- $path := $directory.path }}
{{- if not (isAbs $path) }}
{{- fail (printf "%s.path is %q: write an absolute path, such as /srv/data/in." $where $path) }}
{{- end }}
{{- if ne $path (clean $path) }}
{{- fail (printf "%s.path is %q: write it as %q." $where $path (clean $path)) }}
{{- end }}
{{- if hasKey $seen $path }}
{{- fail (printf "%s.path is %q, which is already in the list: only one agent on a host may watch a directory." $where $path) }}
{{- end }}
{{- $_ := set $seen $path true }}
{{- $mounted := include "scoutmaster.mounted" $directory }}
{{- if eq $mounted "/" }}
{{- fail (printf "%s.path is %q, whose parent is the node's whole /: set %s.mount to directory (the agent then does not see when the directory is deleted and made again), or watch a directory further down." $where $path $where) }}
{{- end }}
{{- if regexMatch "^/(bin|dev|lib|lib64|opt/scout|proc|sbin|sys|usr)(/|$)|^/(etc|opt|run)$" $mounted }}
{{- fail (printf "%s.path is %q, for which %s of the node would be mounted over the container's own: mount that directory elsewhere on the node (mount --bind) and watch it there." $where $path $mounted) }}
{{- end }}
{{- $options := mergeOverwrite (deepCopy $.Values.agent.options) (default dict $directory.options) }}
{{- if and $options.requireMount (eq (default "parent" $directory.mount) "directory") }}
{{- fail (printf "%s.path is %q with requireMount and mount: directory, but to the agent the mount into its container looks like the disk itself: leave one of them out." $where $path) }}
{{- end }}
{{- range $name := list "pollInterval" "scanTimeout" "startTimeout" }}
{{- include "scoutmaster.duration" (list (printf "agent.options.%s" $name) (get $options $name)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Called with (list "the.value's.name" map). These keys are in what selects pods and Services, or tell who
made what: a second value for one of them would be a doubled key, or a selector that finds nothing.
*/}}
{{- define "scoutmaster.ownLabels" -}}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" }}
{{- if hasKey (default dict (last $)) $key }}
{{- fail (printf "%s has %s, which the chart sets itself: leave it out (nameOverride and fullnameOverride change names)." (first $) $key) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Called with (list "the.value's.name" list): of two variables with one name only one would count. */}}
{{- define "scoutmaster.environment" -}}
{{- $seen := dict }}
{{- range (last .) }}
{{- if hasKey $seen .name }}
{{- fail (printf "%s has %s twice: leave one of them out." (first $) .name) }}
{{- end }}
{{- $_ := set $seen .name true }}
{{- end }}
{{- end -}}

{{/* Called with (list "the.value's.name" "2s"). The bounds are the programs' own. */}}
{{- define "scoutmaster.duration" -}}
{{- if not (regexMatch "^([0-9]{1,9}(\\.[0-9]{1,9})?)(ms|s|m|h)$" (last .)) }}
{{- fail (printf "%s is %q: write a duration such as 500ms, 5s or 2m." (first .) (last .)) }}
{{- end }}
{{- $milliseconds := include "scoutmaster.milliseconds" (last .) | float64 }}
{{- if and (ne (first .) "master.options.settle") (or (lt $milliseconds 10.0) (gt $milliseconds 86400000.0)) }}
{{- fail (printf "%s is %q: write a duration from 10ms to 24h." (first .) (last .)) }}
{{- end }}
{{- end -}}

{{- define "scoutmaster.milliseconds" -}}
{{- $number := regexFind "^[0-9.]+" . | float64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- mulf $number (get (dict "ms" 1.0 "s" 1000.0 "m" 60000.0 "h" 3600000.0) $unit) -}}
{{- end -}}

{{/* What of the node is mounted for one entry of agent.directories. */}}
{{- define "scoutmaster.mounted" -}}
{{- if eq (default "parent" .mount) "directory" -}}
{{ .path }}
{{- else -}}
{{ dir .path }}
{{- end -}}
{{- end -}}
