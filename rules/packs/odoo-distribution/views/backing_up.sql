-- Are warehouse transactions backing up? What waits now and an hour ago, what was done in each of the last two hours, and what stood in
-- the way.
WITH levels AS (
    SELECT coalesce(attributes['business.warehouse'], '-') AS warehouse, attributes['odoo.picking.step'] AS step, name,
           last_value(value ORDER BY time) FILTER (WHERE time > now() - INTERVAL '10 minutes') AS now_,
           first_value(value ORDER BY time) AS before
    FROM metrics
    WHERE name IN ('odoo.stock.picking.waiting', 'odoo.stock.picking.late', 'odoo.stock.picking.stalled')
      AND time > now() - INTERVAL '1 hour' AND time <= now()
    GROUP BY 1, 2, 3
), waiting AS (
    SELECT warehouse,
           sum(now_) FILTER (WHERE name = 'odoo.stock.picking.waiting') AS waiting,
           sum(before) FILTER (WHERE name = 'odoo.stock.picking.waiting') AS waiting_an_hour_ago,
           sum(now_) FILTER (WHERE name = 'odoo.stock.picking.late') AS late,
           sum(now_) FILTER (WHERE name = 'odoo.stock.picking.stalled') AS stalled
    FROM levels GROUP BY warehouse
), done AS (
    SELECT coalesce(warehouse, '-') AS warehouse,
           count(*) FILTER (WHERE outcome = 'ok' AND time > now() - INTERVAL '1 hour') AS done_last_hour,
           count(*) FILTER (WHERE outcome = 'ok' AND time <= now() - INTERVAL '1 hour') AS done_hour_before,
           count(*) FILTER (WHERE outcome <> 'ok' AND time > now() - INTERVAL '1 hour') AS failed_last_hour,
           sum(coalesce(CAST(attributes['odoo.retries'] AS BIGINT), 0)) FILTER (WHERE time > now() - INTERVAL '1 hour') AS retries_last_hour,
           approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE time > now() - INTERVAL '1 hour') AS p95_ms
    FROM business_events
    WHERE event_name IN ('odoo.stock.picking.done', 'odoo.stock.move.done') AND time > now() - INTERVAL '2 hours' AND time <= now()
    GROUP BY 1
)
SELECT coalesce(waiting.warehouse, done.warehouse) AS warehouse, waiting.waiting, waiting.waiting_an_hour_ago, waiting.late,
       waiting.stalled, coalesce(done.done_last_hour, 0) AS done_last_hour, coalesce(done.done_hour_before, 0) AS done_hour_before,
       coalesce(done.failed_last_hour, 0) AS failed_last_hour, coalesce(done.retries_last_hour, 0) AS retries_last_hour, done.p95_ms,
       coalesce(waiting.waiting > 1.5 * waiting.waiting_an_hour_ago + 10, false)
         OR coalesce(done.done_hour_before >= 20 AND done.done_last_hour * 2 < done.done_hour_before, false) AS backing_up
FROM waiting FULL OUTER JOIN done ON done.warehouse = waiting.warehouse
