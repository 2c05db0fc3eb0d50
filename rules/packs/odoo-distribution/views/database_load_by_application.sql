-- Is a neighbour (reports, analytics, another tenant) taking the database? Sampled connections at work in the last hour by application
-- and database, and what they were waiting for. A sample is a connection seen at one look; the share is of all that were seen.
WITH seen AS (
    SELECT service_name AS database_server, coalesce(attributes['db.namespace'], '-') AS database,
           coalesce(attributes['postgresql.application_name'], '-') AS application,
           attributes['postgresql.wait_event_type'] AS wait, attributes['db.query.summary'] AS statement,
           CAST(attributes['postgresql.blocking.pid'] AS BIGINT) AS blocked_by
    FROM logs
    WHERE event_name = 'db.server.query_sample' AND time > now() - INTERVAL '1 hour' AND time <= now()
), totals AS (
    SELECT database_server, count(*) AS samples FROM seen GROUP BY database_server
)
SELECT seen.database_server, seen.database, seen.application, count(*) AS samples,
       CAST(count(*) AS DOUBLE) / max(totals.samples) AS share,
       count(*) FILTER (WHERE seen.wait = 'Lock') AS waiting_for_locks,
       count(*) FILTER (WHERE seen.wait = 'IO') AS waiting_for_disk,
       count(*) FILTER (WHERE seen.wait IS NULL) AS computing,
       min(seen.statement) AS a_statement
FROM seen JOIN totals ON totals.database_server = seen.database_server
GROUP BY seen.database_server, seen.database, seen.application
