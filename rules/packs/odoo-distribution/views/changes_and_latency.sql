-- Did a deployment raise response times? Each change of the last seven days, and requests of people in the hour before and after it.
-- `slower` needs 50 requests on both sides: less proves nothing.
WITH told AS (
    SELECT change_id, kind, entity, version, author, summary, started FROM changes
    WHERE started > now() - INTERVAL '7 days' AND started <= now() AND kind <> 'freeze'
), requests AS (
    SELECT time, service_name, duration_ms, status = 'error' AS failed FROM spans
    WHERE kind = 'server' AND http_route IS NOT NULL AND time > now() - INTERVAL '170 hours' AND time <= now()
      AND http_route NOT LIKE '/web/assets%' AND http_route NOT LIKE '/websocket%' AND http_route NOT LIKE '/longpolling%'
), around AS (
    SELECT told.change_id, requests.service_name,
           count(*) FILTER (WHERE requests.time < told.started) AS requests_before,
           count(*) FILTER (WHERE requests.time >= told.started) AS requests_after,
           approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY requests.duration_ms)
               FILTER (WHERE requests.time < told.started) AS p95_ms_before,
           approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY requests.duration_ms)
               FILTER (WHERE requests.time >= told.started) AS p95_ms_after,
           count(*) FILTER (WHERE requests.failed AND requests.time < told.started) AS failed_before,
           count(*) FILTER (WHERE requests.failed AND requests.time >= told.started) AS failed_after
    FROM told JOIN requests
      ON requests.time BETWEEN told.started - INTERVAL '1 hour' AND told.started + INTERVAL '1 hour'
    GROUP BY told.change_id, requests.service_name
)
SELECT told.started, told.kind, told.entity, told.version, told.author, told.summary, around.service_name, around.requests_before,
       around.requests_after, around.p95_ms_before, around.p95_ms_after, around.failed_before, around.failed_after,
       coalesce(around.requests_before >= 50 AND around.requests_after >= 50
                AND around.p95_ms_after > 1.5 * around.p95_ms_before + 50, false) AS slower
FROM told LEFT JOIN around ON around.change_id = told.change_id
