-- What both ways of holding tickets in PostgreSQL share: events, holds with their request ids, and the sweep of due holds.
-- A hold's id is the request id that took it.
CREATE TABLE events (
  event text PRIMARY KEY,
  ticket_limit int NOT NULL, -- a buyer's tickets, held and sold
  ttl interval NOT NULL
);

CREATE TABLE holds (
  event text NOT NULL,
  request text NOT NULL,
  buyer text NOT NULL,
  quantity int NOT NULL,
  state text NOT NULL, -- held, replaced, confirmed, expired
  deadline timestamptz NOT NULL,
  tickets int[], -- their numbers, where tickets are rows
  PRIMARY KEY (event, request)
);
CREATE INDEX holds_of_buyer ON holds (event, buyer);
CREATE INDEX holds_by_deadline ON holds (event, deadline) WHERE state = 'held';

-- hold takes tickets for a buyer in one round trip: code is held, repeated, or says why not. It raises sold_out, so that whatever the transaction
-- did is undone. Of two requests with one id that come at once by different buyers, the primary key lets the first in.
--
-- Commands of one buyer wait for each other by an advisory lock, which costs no write; what all buyers share comes last, so that it is locked for as
-- short as can be: until the commit is on disk.
CREATE FUNCTION hold(p_event text, p_request text, p_buyer text, p_quantity int, OUT code text, OUT expires_at timestamptz) AS $$
DECLARE
  had holds;
  terms events;
  sold int;
  own int;
  numbers int[];
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(p_buyer, hashtext(p_event)));
  SELECT * INTO had FROM holds WHERE event = p_event AND request = p_request;
  IF FOUND THEN
    IF had.buyer <> p_buyer OR had.quantity <> p_quantity THEN
      code := 'request_mismatch';
    ELSE
      code := 'repeated';
      expires_at := had.deadline;
    END IF;
    RETURN;
  END IF;
  SELECT * INTO terms FROM events WHERE event = p_event;
  IF NOT FOUND THEN
    code := 'event_unknown';
    RETURN;
  END IF;
  SELECT coalesce(sum(quantity) FILTER (WHERE state = 'confirmed'), 0), coalesce(sum(quantity) FILTER (WHERE state = 'held'), 0)
    INTO sold, own FROM holds WHERE event = p_event AND buyer = p_buyer AND state IN ('held', 'confirmed');
  IF sold + p_quantity > terms.ticket_limit THEN
    code := 'limit_reached';
    RETURN;
  END IF;

  -- A buyer's new hold replaces the one before, whose tickets count as free. It may have expired since it was counted: what is updated is what counts.
  IF own > 0 THEN
    UPDATE holds SET state = 'replaced' WHERE event = p_event AND buyer = p_buyer AND state = 'held' RETURNING quantity, tickets INTO own, numbers;
    IF FOUND THEN
      PERFORM give_back(p_event, own, numbers);
    END IF;
  END IF;
  expires_at := clock_timestamp() + terms.ttl;
  INSERT INTO holds VALUES (p_event, p_request, p_buyer, p_quantity, 'held', expires_at, pick(p_event, p_request, p_quantity));
  PERFORM take(p_event, p_quantity);
  code := 'held';
END
$$ LANGUAGE plpgsql;

-- hold_many does so for one ticket each and many buyers in one transaction: one commit for all, or none. The answer has a code a request.
CREATE FUNCTION hold_many(p_event text, p_requests text[], p_buyers text[]) RETURNS text[] AS $$
DECLARE
  codes text[];
BEGIN
  FOR i IN 1 .. cardinality(p_requests) LOOP
    codes[i] := (hold(p_event, p_requests[i], p_buyers[i], 1)).code;
  END LOOP;
  RETURN codes;
END
$$ LANGUAGE plpgsql;

-- confirm sells what a buyer holds.
CREATE FUNCTION confirm(p_event text, p_buyer text, p_hold text) RETURNS text AS $$
DECLARE
  had holds;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(p_buyer, hashtext(p_event)));
  SELECT * INTO had FROM holds WHERE event = p_event AND request = p_hold AND buyer = p_buyer AND state IN ('held', 'expired') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'hold_unknown';
  ELSIF had.state = 'expired' OR had.deadline <= clock_timestamp() THEN
    RETURN 'hold_expired';
  END IF;
  UPDATE holds SET state = 'confirmed' WHERE event = p_event AND request = p_hold;
  PERFORM sell(p_event, had.quantity);
  RETURN 'confirmed';
END
$$ LANGUAGE plpgsql;

-- expire puts the tickets of due holds back on sale, at most so many holds a call, and returns how many it ended.
CREATE FUNCTION expire(p_event text, p_most int) RETURNS int AS $$
DECLARE
  ended int := 0;
  tickets_back int;
  numbers int[];
BEGIN
  FOR tickets_back, numbers IN
    UPDATE holds SET state = 'expired' WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM holds WHERE event = p_event AND state = 'held' AND deadline <= clock_timestamp()
      ORDER BY deadline LIMIT p_most FOR UPDATE SKIP LOCKED))
    RETURNING quantity, tickets
  LOOP
    PERFORM give_back(p_event, tickets_back, numbers);
    ended := ended + 1;
  END LOOP;
  RETURN ended;
END
$$ LANGUAGE plpgsql;
