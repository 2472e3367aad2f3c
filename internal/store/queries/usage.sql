-- name: AddUsage :exec
INSERT INTO usage (organization_id, day, application_id, key_id, outcome, count)
VALUES (sqlc.arg(organization_id), sqlc.arg(day), sqlc.arg(application_id), sqlc.arg(key_id), sqlc.arg(outcome), sqlc.arg(count))
ON CONFLICT (organization_id, day, application_id, key_id, outcome) DO UPDATE SET count = usage.count + excluded.count;

-- name: Usage :many
SELECT * FROM usage
WHERE organization_id = sqlc.arg(organization_id) AND day >= sqlc.arg(from_day) AND day <= sqlc.arg(to_day)
  AND (CAST(sqlc.arg(application_id) AS TEXT) = '' OR application_id = CAST(sqlc.arg(application_id) AS TEXT))
  AND (CAST(sqlc.arg(key_id) AS TEXT) = '' OR key_id = CAST(sqlc.arg(key_id) AS TEXT))
ORDER BY day, application_id, key_id, outcome LIMIT sqlc.arg(most);
