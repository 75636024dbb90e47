#!/bin/bash
# Of the official image's contract: KAFKA_… as settings of the broker, CLUSTER_ID, KAFKA_HEAP_OPTS, KAFKA_OPTS,
# KAFKA_JVM_PERFORMANCE_OPTS. A new folder is formatted; one that is not new is left as it is.
set -euo pipefail
export CLUSTER_ID=${CLUSTER_ID:-AAAAAAAAAAAAAAAAAAAAAQ}

# Options are words by their blanks, as everywhere in Kafka.
# shellcheck disable=SC2206
java=(java ${KAFKA_HEAP_OPTS:--Xmx1g} ${KAFKA_JVM_PERFORMANCE_OPTS:-} ${KAFKA_OPTS:-}
    --sun-misc-unsafe-memory-access=allow
    -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
    -cp "/opt/kafka/libs/*")

folders=(--default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config)
if ! said=$("${java[@]}" kafka.docker.KafkaDockerWrapper setup "${folders[@]}" 2>&1) && [[ $said != *"already formatted"* ]]; then
    echo "$said" >&2
    exit 1
fi
exec "${java[@]}" kafka.Kafka /opt/kafka/config/server.properties
