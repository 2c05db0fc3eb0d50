-- Are users many, or is the application or the database slow? The last six hours in steps of five minutes, each beside what is usual: the
-- best tenth of them, so that trouble of hours is no custom. `verdict` is a word, the numbers beside it are its reason.
WITH steps AS (
    SELECT date_bin(INTERVAL '5 minutes', time) AS step, count(*) AS requests,
           approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS p95_ms,
           avg(duration_ms) AS mean_ms, avg(CAST(attributes['odoo.http.sql_duration'] AS DOUBLE) * 1000) AS mean_sql_ms,
           avg(CAST(attributes['odoo.http.queries'] AS DOUBLE)) AS mean_queries
    FROM spans
    WHERE kind = 'server' AND http_route LIKE '/web/%' AND time > now() - INTERVAL '6 hours' AND time <= now()
    GROUP BY 1
), waits AS (
    SELECT date_bin(INTERVAL '5 minutes', time) AS step, max(value) AS blocked FROM metrics
    WHERE name = 'postgresql.blocked' AND time > now() - INTERVAL '6 hours' AND time <= now() GROUP BY 1
), usual AS (
    SELECT median(requests) AS requests, approx_percentile_cont(0.1) WITHIN GROUP (ORDER BY p95_ms) AS p95_ms,
           approx_percentile_cont(0.1) WITHIN GROUP (ORDER BY mean_sql_ms) AS mean_sql_ms
    FROM steps
)
SELECT steps.step, steps.requests, steps.p95_ms, steps.mean_ms, steps.mean_sql_ms, steps.mean_queries, waits.blocked,
       usual.requests AS usual_requests, usual.p95_ms AS usual_p95_ms,
       CASE WHEN steps.p95_ms <= 1.5 * usual.p95_ms + 50 THEN 'as usual'
            WHEN coalesce(waits.blocked, 0) >= 3 THEN 'locks'
            WHEN coalesce(steps.mean_sql_ms > 1.5 * usual.mean_sql_ms + 20, false) THEN 'database'
            WHEN steps.requests > 2 * usual.requests THEN 'many users'
            ELSE 'application' END AS verdict
FROM steps CROSS JOIN usual LEFT JOIN waits ON waits.step = steps.step
