-- name: AddUsage :exec
INSERT INTO usage (organization_id, day, application_id, key_id, subject, outcome, count)
VALUES (sqlc.arg(organization_id), sqlc.arg(day), sqlc.arg(application_id), sqlc.arg(key_id), sqlc.arg(subject), sqlc.arg(outcome), sqlc.arg(count))
ON CONFLICT (organization_id, day, application_id, key_id, subject, outcome) DO UPDATE SET count = usage.count + excluded.count;

-- name: Usage :many
-- Lines of the days from from_day to to_day, added up to one bucket each where
-- bucket is not 0, behind the line that is given.
SELECT CAST(CASE WHEN CAST(sqlc.arg(bucket) AS BIGINT) = 0 THEN u.day ELSE CAST(sqlc.arg(bucket) AS BIGINT) END AS BIGINT) AS bucket,
       u.application_id, u.key_id, u.subject, u.outcome, CAST(SUM(u.count) AS BIGINT) AS count
FROM usage u
WHERE u.organization_id = sqlc.arg(organization_id) AND u.day >= sqlc.arg(from_day) AND u.day <= sqlc.arg(to_day)
  AND (CAST(sqlc.arg(application_id) AS TEXT) = '' OR u.application_id = CAST(sqlc.arg(application_id) AS TEXT))
  AND (CAST(sqlc.arg(key_id) AS TEXT) = '' OR u.key_id = CAST(sqlc.arg(key_id) AS TEXT))
  AND (CAST(sqlc.arg(subject) AS TEXT) = '' OR u.subject = CAST(sqlc.arg(subject) AS TEXT))
  AND (CAST(sqlc.arg(outcome) AS TEXT) = '' OR u.outcome = CAST(sqlc.arg(outcome) AS TEXT))
  AND (CAST(sqlc.arg(user_id) AS TEXT) = '' OR u.subject = CAST(sqlc.arg(user_id) AS TEXT)
       OR u.key_id IN (SELECT k.id FROM keys k WHERE k.organization_id = sqlc.arg(organization_id) AND k.user_id = CAST(sqlc.arg(user_id) AS TEXT)))
GROUP BY 1, u.application_id, u.key_id, u.subject, u.outcome
HAVING (CAST(CASE WHEN CAST(sqlc.arg(bucket) AS BIGINT) = 0 THEN MIN(u.day) ELSE CAST(sqlc.arg(bucket) AS BIGINT) END AS BIGINT), u.application_id, u.key_id, u.subject, u.outcome)
     > (CAST(sqlc.arg(after_bucket) AS BIGINT), CAST(sqlc.arg(after_application) AS TEXT), CAST(sqlc.arg(after_key) AS TEXT), CAST(sqlc.arg(after_subject) AS TEXT), CAST(sqlc.arg(after_outcome) AS TEXT))
ORDER BY 1, u.application_id, u.key_id, u.subject, u.outcome LIMIT sqlc.arg(most);
