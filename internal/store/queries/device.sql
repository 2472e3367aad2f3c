-- name: InsertDevice :exec
INSERT INTO devices (id, device_hash, user_hash, client, scopes, address, agent, created, expires, polled, state, sealed)
VALUES (sqlc.arg(id), sqlc.arg(device_hash), sqlc.arg(user_hash), sqlc.arg(client), sqlc.arg(scopes), sqlc.arg(address), sqlc.arg(agent),
        sqlc.arg(created), sqlc.arg(expires), 0, 'pending', sqlc.arg(sealed));

-- name: DeviceByUserCode :one
SELECT * FROM devices WHERE user_hash = sqlc.arg(user_hash) AND state = 'pending' AND expires > sqlc.arg(now);

-- name: DeviceByCode :one
SELECT * FROM devices WHERE device_hash = sqlc.arg(device_hash);

-- name: PollDevice :execrows
UPDATE devices SET polled = sqlc.arg(now) WHERE id = sqlc.arg(id) AND polled <= sqlc.arg(before);

-- name: DecideDevice :execrows
UPDATE devices SET state = sqlc.arg(state), sealed = sqlc.arg(sealed) WHERE id = sqlc.arg(id) AND state = 'pending' AND expires > sqlc.arg(now);

-- name: TakeDevice :execrows
DELETE FROM devices WHERE id = sqlc.arg(id) AND state = sqlc.arg(state);

-- name: PruneDevices :execrows
DELETE FROM devices WHERE expires <= sqlc.arg(before);
