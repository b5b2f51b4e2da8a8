-- How each kind is done.

-- name: read_modes()
-- Read by every process each second; what operators have not switched has no row.
SELECT kind, mode FROM side_effect_modes
