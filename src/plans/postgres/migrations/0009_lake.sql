-- What happened to the rows of organizations in the lake is noted beside who changed what.

ALTER TABLE audit_logs DROP CONSTRAINT audit_logs_action_check;
ALTER TABLE audit_logs ADD CONSTRAINT audit_logs_action_check
  CHECK (action IN ('insert', 'update', 'delete', 'retention', 'moved', 'expired', 'erased'));

-- `receipt`: counts and hashes alone.
CREATE FUNCTION note_lake(org name_id, what text, of_table text, row_key text, receipt jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = paceline, pg_temp AS $$
BEGIN
  IF what NOT IN ('moved', 'expired', 'erased') THEN
    RAISE EXCEPTION 'nothing is called % of the lake', what;
  END IF;
  BEGIN
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, after)
    VALUES (org, current_actor(), what, of_table, row_key, receipt);
  EXCEPTION WHEN check_violation THEN
    PERFORM make_audit_partitions(1);
    INSERT INTO audit_logs (org_id, actor, action, table_name, row_key, after)
    VALUES (org, current_actor(), what, of_table, row_key, receipt);
  END;
END
$$;

REVOKE ALL ON FUNCTION note_lake(name_id, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION note_lake(name_id, text, text, text, jsonb) TO paceline_service;
