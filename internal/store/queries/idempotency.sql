-- name: ClaimIdempotency :execrows
INSERT INTO idempotency (id, request, claimed, status, body)
VALUES (sqlc.arg(id), sqlc.arg(request), sqlc.arg(claimed), 0, NULL)
ON CONFLICT (id) DO UPDATE SET request = excluded.request, claimed = excluded.claimed, status = 0, body = NULL
WHERE idempotency.claimed <= sqlc.arg(answered_before) OR (idempotency.status = 0 AND idempotency.claimed <= sqlc.arg(pending_before));

-- name: Idempotency :one
SELECT * FROM idempotency WHERE id = sqlc.arg(id);

-- name: FinishIdempotency :execrows
-- Status 1 is a request carried out whose answer is still to come; any other stays.
UPDATE idempotency SET status = sqlc.arg(status), body = sqlc.arg(body)
WHERE id = sqlc.arg(id) AND claimed = sqlc.arg(claimed) AND status <= 1;

-- name: AbandonIdempotency :exec
DELETE FROM idempotency WHERE id = sqlc.arg(id) AND claimed = sqlc.arg(claimed) AND status = 0;

-- name: PruneIdempotency :execrows
DELETE FROM idempotency WHERE claimed <= sqlc.arg(answered_before);
