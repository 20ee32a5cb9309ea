-- Which leader appended the record before the next offset of a lane (docs/decisions/2026-11-30-leader-epochs.md).
-- A row counts for its next_offset alone.
CREATE TABLE leader_epochs (lane TEXT PRIMARY KEY, next_offset INTEGER NOT NULL, epoch INTEGER NOT NULL) STRICT;
