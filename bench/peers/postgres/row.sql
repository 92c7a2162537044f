-- One row counts an event's tickets, and every hold locks it until its commit is on disk.
CREATE TABLE counters (
  event text PRIMARY KEY,
  free int NOT NULL,
  held int NOT NULL DEFAULT 0,
  sold int NOT NULL DEFAULT 0
) WITH (fillfactor = 10); -- room for the next versions of the row on its own page

CREATE FUNCTION create_event(p_event text, p_tickets int, p_limit int, p_ttl interval) RETURNS void AS $$
  INSERT INTO events VALUES (p_event, p_limit, p_ttl);
  INSERT INTO counters VALUES (p_event, p_tickets);
$$ LANGUAGE sql;

CREATE FUNCTION pick(p_event text, p_request text, p_quantity int) RETURNS int[] AS $$ SELECT NULL::int[] $$ LANGUAGE sql;

CREATE FUNCTION take(p_event text, p_quantity int) RETURNS void AS $$
BEGIN
  UPDATE counters SET free = free - p_quantity, held = held + p_quantity WHERE event = p_event AND free >= p_quantity;
  IF NOT FOUND THEN
    RAISE 'sold_out';
  END IF;
END
$$ LANGUAGE plpgsql;

CREATE FUNCTION give_back(p_event text, p_quantity int, p_numbers int[]) RETURNS void AS $$
BEGIN
  UPDATE counters SET free = free + p_quantity, held = held - p_quantity WHERE event = p_event;
END
$$ LANGUAGE plpgsql;

CREATE FUNCTION sell(p_event text, p_quantity int) RETURNS void AS $$
BEGIN
  UPDATE counters SET held = held - p_quantity, sold = sold + p_quantity WHERE event = p_event;
END
$$ LANGUAGE plpgsql;

CREATE FUNCTION ledger(p_event text) RETURNS TABLE (free bigint, held bigint, sold bigint) AS $$
  SELECT free, held, sold FROM counters WHERE event = p_event;
$$ LANGUAGE sql;

CREATE FUNCTION clear() RETURNS void AS $$ TRUNCATE events, holds, counters; $$ LANGUAGE sql;
