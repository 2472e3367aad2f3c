-- name: PutFactAuthority :exec
INSERT INTO fact_authorities (id, scopes, roles, seen) VALUES (sqlc.arg(id), sqlc.arg(scopes), sqlc.arg(roles), sqlc.arg(seen))
ON CONFLICT (id) DO UPDATE SET seen = CASE WHEN fact_authorities.seen < excluded.seen THEN excluded.seen ELSE fact_authorities.seen END;

-- name: InsertFact :exec
INSERT INTO facts (id, organization_id, application_id, revision, first, last, count, method, host, path, fields, address, key_id, subject,
                   membership_id, authority_id, standing, reason, rule, missing, shadow_reason, shadow_rule, shadow_missing)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(application_id), sqlc.arg(revision), sqlc.arg(first), sqlc.arg(last), sqlc.arg(count),
        sqlc.arg(method), sqlc.arg(host), sqlc.arg(path), sqlc.arg(fields), sqlc.arg(address), sqlc.arg(key_id), sqlc.arg(subject),
        sqlc.arg(membership_id), sqlc.arg(authority_id), sqlc.arg(standing), sqlc.arg(reason), sqlc.arg(rule), sqlc.arg(missing),
        sqlc.arg(shadow_reason), sqlc.arg(shadow_rule), sqlc.arg(shadow_missing));

-- name: Facts :many
SELECT sqlc.embed(f), a.scopes, a.roles FROM facts f JOIN fact_authorities a ON a.id = f.authority_id
WHERE f.organization_id = sqlc.arg(organization_id) AND f.application_id = sqlc.arg(application_id)
  AND f.last >= sqlc.arg(since) AND f.id < sqlc.arg(before)
ORDER BY f.id DESC LIMIT sqlc.arg(most);

-- name: PruneFacts :execrows
DELETE FROM facts WHERE last < sqlc.arg(before);

-- name: CountFacts :many
SELECT application_id, COUNT(*) AS facts FROM facts GROUP BY application_id;

-- name: FactBeyond :one
SELECT id FROM facts WHERE application_id = sqlc.arg(application_id) ORDER BY id DESC LIMIT 1 OFFSET sqlc.arg(most);

-- name: DropFactsTo :execrows
DELETE FROM facts WHERE application_id = sqlc.arg(application_id) AND id <= sqlc.arg(id);

-- name: OldestFact :one
SELECT first FROM facts WHERE organization_id = sqlc.arg(organization_id) AND application_id = sqlc.arg(application_id) ORDER BY id LIMIT 1;

-- name: PruneFactAuthorities :execrows
DELETE FROM fact_authorities WHERE seen < sqlc.arg(before)
  AND NOT EXISTS (SELECT 1 FROM facts f WHERE f.authority_id = fact_authorities.id);

-- name: AddKeyScope :exec
INSERT INTO key_scopes (key_id, scope, day, organization_id, count)
VALUES (sqlc.arg(key_id), sqlc.arg(scope), sqlc.arg(day), sqlc.arg(organization_id), sqlc.arg(count))
ON CONFLICT (key_id, scope, day) DO UPDATE SET count = key_scopes.count + excluded.count;

-- name: KeyScopes :many
SELECT scope, CAST(SUM(count) AS BIGINT) AS count, CAST(MAX(day) AS BIGINT) AS day FROM key_scopes
WHERE key_id = sqlc.arg(key_id) AND organization_id = sqlc.arg(organization_id) AND day >= sqlc.arg(from_day)
GROUP BY scope ORDER BY scope;

-- name: PruneKeyScopes :execrows
DELETE FROM key_scopes WHERE day < sqlc.arg(before);
