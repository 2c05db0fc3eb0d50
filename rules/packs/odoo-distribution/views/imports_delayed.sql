-- Are order imports delayed? One row for each way in: EDI partners, queue channels, imports by hand. `oldest_s` is null where nobody
-- measures it; `delayed` is the answer.
WITH levels AS (
    SELECT name, attributes['integration.name'] AS partner, attributes['integration.direction'] AS direction,
           attributes['odoo.queue.channel'] AS channel, attributes['odoo.queue.job.state'] AS state,
           last_value(value ORDER BY time) AS value
    FROM metrics
    WHERE name IN ('odoo.edi.exchange.record.pending', 'odoo.edi.exchange.record.age', 'odoo.queue.job.age', 'odoo.queue.job.count')
      AND time > now() - INTERVAL '10 minutes' AND time <= now()
    GROUP BY name, attributes['integration.name'], attributes['integration.direction'], attributes['odoo.queue.channel'],
             attributes['odoo.queue.job.state']
), ways AS (
    SELECT 'edi' AS kind, coalesce(counts.partner, '-') AS way, counts.value AS waiting, ages.value AS oldest_s
    FROM levels AS counts
    LEFT JOIN levels AS ages
      ON ages.name = 'odoo.edi.exchange.record.age' AND coalesce(ages.partner, '-') = coalesce(counts.partner, '-')
        AND coalesce(ages.direction, 'in') = coalesce(counts.direction, 'in')
    WHERE counts.name = 'odoo.edi.exchange.record.pending' AND coalesce(counts.direction, 'in') = 'in'
    UNION ALL
    SELECT 'queue', coalesce(ages.channel, 'root'), coalesce(counts.waiting, 0), ages.value
    FROM levels AS ages
    LEFT JOIN (SELECT coalesce(channel, 'root') AS channel, sum(value) AS waiting FROM levels
               WHERE name = 'odoo.queue.job.count' AND state IN ('pending', 'enqueued') GROUP BY 1) AS counts
      ON counts.channel = coalesce(ages.channel, 'root')
    WHERE ages.name = 'odoo.queue.job.age'
    UNION ALL
    SELECT 'import', coalesce(attributes['odoo.import.model'], '-'), 0, CAST(NULL AS DOUBLE)
    FROM business_events
    WHERE event_name = 'odoo.base.import.done' AND time > now() - INTERVAL '1 day' AND time <= now()
    GROUP BY 2
), ended AS (
    SELECT CASE event_name WHEN 'odoo.queue.job.done' THEN 'queue' WHEN 'odoo.base.import.done' THEN 'import' ELSE 'edi' END AS kind,
           coalesce(attributes['integration.name'], attributes['odoo.queue.channel'], attributes['odoo.import.model'], 'root') AS way,
           max(time) FILTER (WHERE outcome = 'ok') AS last_success,
           count(*) FILTER (WHERE outcome <> 'ok' AND time > now() - INTERVAL '1 hour') AS failed_in_last_hour
    FROM business_events
    WHERE event_name IN ('odoo.queue.job.done', 'odoo.base.import.done', 'odoo.edi.exchange.record.processed')
      AND time > now() - INTERVAL '1 day' AND time <= now()
    GROUP BY 1, 2
)
SELECT ways.kind, ways.way, ways.waiting, ways.oldest_s, ended.last_success, coalesce(ended.failed_in_last_hour, 0) AS failed_in_last_hour,
       coalesce(ways.oldest_s > 900, false) OR coalesce(ended.failed_in_last_hour, 0) >= 3
         OR (ways.waiting > 0 AND coalesce(ended.last_success < now() - INTERVAL '1 hour', false)) AS delayed
FROM ways LEFT JOIN ended ON ended.kind = ways.kind AND ended.way = ways.way
