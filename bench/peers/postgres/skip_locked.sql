-- A ticket is a row, and a hold takes rows that nobody else has locked: no row is hot, so commits go to disk together.
CREATE TABLE tickets (
  event text NOT NULL,
  number int NOT NULL,
  request text, -- the hold that has it
  PRIMARY KEY (event, number)
) WITH (fillfactor = 50); -- the next version of a row finds room on its own page
CREATE INDEX tickets_free ON tickets (event) WHERE request IS NULL;

CREATE FUNCTION create_event(p_event text, p_tickets int, p_limit int, p_ttl interval) RETURNS void AS $$
  INSERT INTO events VALUES (p_event, p_limit, p_ttl);
  INSERT INTO tickets SELECT p_event, generate_series(1, p_tickets);
$$ LANGUAGE sql;

CREATE FUNCTION pick(p_event text, p_request text, p_quantity int) RETURNS int[] AS $$
DECLARE
  numbers int[];
BEGIN
  WITH picked AS (
    UPDATE tickets SET request = p_request WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM tickets WHERE event = p_event AND request IS NULL LIMIT p_quantity FOR UPDATE SKIP LOCKED))
    RETURNING number)
  SELECT array_agg(number) INTO numbers FROM picked;
  IF coalesce(cardinality(numbers), 0) < p_quantity THEN
    RAISE 'sold_out';
  END IF;
  RETURN numbers;
END
$$ LANGUAGE plpgsql;

CREATE FUNCTION take(p_event text, p_quantity int) RETURNS void AS $$ SELECT $$ LANGUAGE sql;

CREATE FUNCTION give_back(p_event text, p_quantity int, p_numbers int[]) RETURNS void AS $$
BEGIN
  UPDATE tickets SET request = NULL WHERE event = p_event AND number = ANY (p_numbers);
END
$$ LANGUAGE plpgsql;

CREATE FUNCTION sell(p_event text, p_quantity int) RETURNS void AS $$ SELECT $$ LANGUAGE sql;

-- ledger counts the rows themselves: a ticket that no live hold and no order has is free, and that must be what the rows say.
CREATE FUNCTION ledger(p_event text) RETURNS TABLE (free bigint, held bigint, sold bigint) AS $$
  SELECT count(*) FILTER (WHERE t.request IS NULL), count(*) FILTER (WHERE h.state = 'held'), count(*) FILTER (WHERE h.state = 'confirmed')
  FROM tickets t LEFT JOIN holds h ON h.event = t.event AND h.request = t.request AND t.number = ANY (h.tickets)
  WHERE t.event = p_event;
$$ LANGUAGE sql;

CREATE FUNCTION clear() RETURNS void AS $$ TRUNCATE events, holds, tickets; $$ LANGUAGE sql;
