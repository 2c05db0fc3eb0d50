-- Is database maintenance affecting users? For each quarter of an hour of the last day: whether vacuum, an index build, a backup or a told
-- maintenance ran, and how requests and orders fared.
WITH working AS (
    SELECT date_bin(INTERVAL '15 minutes', time) AS quarter,
           string_agg(DISTINCT coalesce(attributes['db.query.summary'], attributes['postgresql.application_name'], '-'), ', ') AS statements
    FROM logs
    WHERE event_name = 'db.server.query_sample' AND time > now() - INTERVAL '1 day' AND time <= now()
      AND (upper(attributes['db.query.summary']) LIKE 'VACUUM%' OR upper(attributes['db.query.summary']) LIKE 'ANALYZE%'
           OR upper(attributes['db.query.summary']) LIKE 'REINDEX%' OR upper(attributes['db.query.summary']) LIKE 'CREATE INDEX%'
           OR upper(attributes['db.query.summary']) LIKE 'CLUSTER%' OR upper(attributes['db.query.summary']) LIKE 'COPY%'
           OR attributes['postgresql.application_name'] IN ('pg_dump', 'pg_basebackup', 'pgbackrest'))
    GROUP BY 1
), requests AS (
    SELECT date_bin(INTERVAL '15 minutes', time) AS quarter, count(*) AS requests,
           approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms
    FROM spans
    WHERE kind = 'server' AND http_route LIKE '/web/%' AND time > now() - INTERVAL '1 day' AND time <= now()
    GROUP BY 1
), orders AS (
    SELECT date_bin(INTERVAL '15 minutes', time) AS quarter, count(*) AS orders,
           count(*) FILTER (WHERE outcome <> 'ok' OR duration_ms > 2000) AS orders_late_or_failed
    FROM business_events
    WHERE event_name = 'odoo.sale.order.confirmed' AND time > now() - INTERVAL '1 day' AND time <= now()
    GROUP BY 1
), told AS (
    SELECT requests.quarter, max(changes.summary) AS maintenance FROM requests
    JOIN changes ON changes.kind IN ('maintenance', 'backup', 'migration')
     AND changes.started < requests.quarter + INTERVAL '15 minutes' AND coalesce(changes.ended, now()) >= requests.quarter
    GROUP BY requests.quarter
)
SELECT requests.quarter, coalesce(told.maintenance, working.statements) AS maintenance, requests.requests, requests.p95_ms,
       coalesce(orders.orders, 0) AS orders, coalesce(orders.orders_late_or_failed, 0) AS orders_late_or_failed,
       told.maintenance IS NOT NULL OR working.statements IS NOT NULL AS under_maintenance
FROM requests
LEFT JOIN working ON working.quarter = requests.quarter
LEFT JOIN told ON told.quarter = requests.quarter
LEFT JOIN orders ON orders.quarter = requests.quarter
