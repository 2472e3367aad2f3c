-- name: UseOnce :execrows
INSERT INTO used_once (id, until) VALUES (sqlc.arg(id), sqlc.arg(until)) ON CONFLICT (id) DO NOTHING;

-- name: PruneOnce :execrows
DELETE FROM used_once WHERE until <= sqlc.arg(now);
