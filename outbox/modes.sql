-- The mode of each kind.

-- name: read_modes()
-- Every process reads it each second. A kind that operators have not switched has no row.
SELECT kind, mode FROM side_effect_modes
