-- The engine delivers every organization to every sink, so a row could only repeat that or be refused.

ALTER TABLE pipelines DROP COLUMN sinks;
