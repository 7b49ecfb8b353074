-- A call. Its row and its first event are written in one transaction.
CREATE TABLE call (
    -- The seq of its call_placed event: calls are numbered by it everywhere below.
    placed INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- Unix milliseconds.
    placed_at INTEGER NOT NULL,
    -- The order it was placed with.
    request TEXT NOT NULL,
    -- What the request was answered with: participant and SIP call.
    details TEXT,
    -- The seq of its call_ended event.
    ended INTEGER,
    -- The fold of its events and what can be searched in it, once it has ended.
    view TEXT,
    search TEXT
) STRICT;

CREATE INDEX call_open ON call (placed) WHERE ended IS NULL;

-- The log: numbered without gaps over all calls.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    call INTEGER NOT NULL REFERENCES call (placed),
    kind TEXT NOT NULL,
    -- The whole event as it goes over the wire.
    body TEXT NOT NULL
) STRICT;

CREATE INDEX event_of_call ON event (call, seq);
CREATE INDEX turn_of_call ON event (call, seq) WHERE kind = 'turn_metrics';

-- Idempotency keys, and the first answer to each once it is known.
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    body_hash TEXT NOT NULL,
    call TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    answer TEXT
) STRICT, WITHOUT ROWID;
