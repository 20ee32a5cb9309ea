# Send: the key stands before the bar.
kcat -P -b localhost:9092 -t ads.events.v1 -K '|' -X partitioner=murmur2_random <<END
acme|{"type":"click","event_id":"$(openssl rand -hex 16)","org_id":"acme","campaign_id":"spring-sale","event_time":"$(date -u +%FT%TZ)","source":"adserver","currency":"EUR","cost_micros":350000}
END
# Read all dead letters so far: organization, then the record.
kcat -C -b localhost:9092 -t ads.dead-letters.v1 -o beginning -e -q -f '%k %s\n'
