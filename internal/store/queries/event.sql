-- name: InsertEvent :exec
INSERT INTO events (revision, id, time, organization_id, user_id, key_id, token_id, address, action, object_id, detail, request_id, chain)
VALUES (sqlc.arg(revision), sqlc.arg(id), sqlc.arg(time), sqlc.arg(organization_id), sqlc.arg(user_id), sqlc.arg(key_id), sqlc.arg(token_id),
        sqlc.arg(address), sqlc.arg(action), sqlc.arg(object_id), sqlc.arg(detail), sqlc.arg(request_id), sqlc.arg(chain));

-- name: EventsSince :many
SELECT * FROM events WHERE revision > sqlc.arg(after) ORDER BY revision LIMIT sqlc.arg(most);

-- name: EventsOfPlatform :many
SELECT * FROM events
WHERE revision < sqlc.arg(before_revision)
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT)
    OR substr(action, 1, length(CAST(sqlc.arg(action) AS TEXT)) + 1) = CAST(sqlc.arg(action) AS TEXT) || '.')
  AND (CAST(sqlc.arg(user_id) AS TEXT) = '' OR user_id = CAST(sqlc.arg(user_id) AS TEXT))
  AND time >= sqlc.arg(since) AND time < sqlc.arg(until)
ORDER BY revision DESC LIMIT sqlc.arg(most);

-- name: EventsOfOrganization :many
SELECT * FROM events
WHERE organization_id = sqlc.arg(organization_id) AND revision < sqlc.arg(before_revision)
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT)
    OR substr(action, 1, length(CAST(sqlc.arg(action) AS TEXT)) + 1) = CAST(sqlc.arg(action) AS TEXT) || '.')
  AND (CAST(sqlc.arg(user_id) AS TEXT) = '' OR user_id = CAST(sqlc.arg(user_id) AS TEXT))
  AND time >= sqlc.arg(since) AND time < sqlc.arg(until)
ORDER BY revision DESC LIMIT sqlc.arg(most);

-- name: EventsOfObject :many
SELECT * FROM events
WHERE object_id = sqlc.arg(object_id) AND revision < sqlc.arg(before_revision)
  AND (CAST(sqlc.arg(organization_id) AS TEXT) = '' OR organization_id = CAST(sqlc.arg(organization_id) AS TEXT))
  AND (CAST(sqlc.arg(action) AS TEXT) = '' OR action = CAST(sqlc.arg(action) AS TEXT)
    OR substr(action, 1, length(CAST(sqlc.arg(action) AS TEXT)) + 1) = CAST(sqlc.arg(action) AS TEXT) || '.')
  AND (CAST(sqlc.arg(user_id) AS TEXT) = '' OR user_id = CAST(sqlc.arg(user_id) AS TEXT))
  AND time >= sqlc.arg(since) AND time < sqlc.arg(until)
ORDER BY revision DESC LIMIT sqlc.arg(most);
