-- name: PutNetworks :exec
-- Both databases make rows of the members of a JSON object with json_each. WHERE
-- TRUE tells SQLite that the ON of ON CONFLICT is not that of a join.
INSERT INTO networks (id, organization_id, application_id, network, action, reason, expires, created, created_by, deleted, revision)
SELECT e.value ->> 'id', CAST(sqlc.arg(organization_id) AS TEXT), CAST(sqlc.arg(application_id) AS TEXT), e.key, e.value ->> 'action', e.value ->> 'reason',
       CAST(e.value ->> 'expires' AS BIGINT), CAST(e.value ->> 'created' AS BIGINT), e.value ->> 'created_by', 0, CAST(sqlc.arg(revision) AS BIGINT)
FROM json_each(sqlc.arg(entries)) AS e WHERE TRUE
ON CONFLICT (application_id, network) DO UPDATE SET id = excluded.id, action = excluded.action, reason = excluded.reason,
    expires = excluded.expires, created = excluded.created, created_by = excluded.created_by, deleted = 0, revision = excluded.revision;

-- name: DeleteNetworks :execrows
UPDATE networks SET deleted = sqlc.arg(deleted), reason = '', revision = sqlc.arg(revision)
WHERE application_id = sqlc.arg(application_id) AND organization_id = sqlc.arg(organization_id) AND deleted = 0
  AND network IN (SELECT e.key FROM json_each(sqlc.arg(entries)) AS e);

-- name: DropNetworks :exec
DELETE FROM networks WHERE application_id = sqlc.arg(application_id);

-- name: Network :one
SELECT * FROM networks
WHERE application_id = sqlc.arg(application_id) AND organization_id = sqlc.arg(organization_id)
  AND (network = sqlc.arg(network_or_id) OR id = sqlc.arg(network_or_id)) AND deleted = 0;

-- name: NetworksAmong :many
SELECT * FROM networks
WHERE application_id = sqlc.arg(application_id) AND organization_id = sqlc.arg(organization_id) AND deleted = 0
  AND network IN (SELECT e.key FROM json_each(sqlc.arg(entries)) AS e);

-- name: Networks :many
SELECT * FROM networks
WHERE application_id = sqlc.arg(application_id) AND organization_id = sqlc.arg(organization_id) AND id > sqlc.arg(after) AND deleted = 0
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT))
ORDER BY id LIMIT sqlc.arg(most);

-- name: CountNetworks :one
SELECT COUNT(*) FROM networks
WHERE application_id = sqlc.arg(application_id) AND organization_id = sqlc.arg(organization_id) AND deleted = 0
  AND (expires = 0 OR expires > sqlc.arg(now));

-- name: NetworksSince :many
SELECT * FROM networks WHERE revision > sqlc.arg(after) ORDER BY revision, id;

-- name: PruneNetworks :execrows
-- The condition stands twice: PostgreSQL looks again at a row that was changed
-- while the DELETE waited for it, but does not ask the subselect again, and a ban
-- that was renewed meanwhile must stay.
DELETE FROM networks WHERE networks.id IN (
    SELECT n.id FROM networks n WHERE (n.deleted > 0 AND n.deleted <= sqlc.arg(before)) OR (n.expires > 0 AND n.expires <= sqlc.arg(before))
    LIMIT sqlc.arg(most))
  AND ((networks.deleted > 0 AND networks.deleted <= sqlc.arg(before)) OR (networks.expires > 0 AND networks.expires <= sqlc.arg(before)));
