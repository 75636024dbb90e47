"""What crosses between services: vocabulary, events, reference entries. Nothing here knows a database or a broker."""
