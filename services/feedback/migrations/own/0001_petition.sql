-- The petition at feedback: its row is the lock and the sequence counter for everything about it in this service.
CREATE TABLE own.petition (
    petition_id uuid     PRIMARY KEY,
    sequence    integer  NOT NULL,
    cycle       smallint NOT NULL,
    street      text     NOT NULL,
    community   text     NOT NULL,
    lead        text,
    cohandlers  text[]   NOT NULL,
    followers   text[]   NOT NULL,
    title       text     NOT NULL,
    category    text     NOT NULL,
    withdrawn   boolean  NOT NULL,
    reopened    smallint NOT NULL
) WITH (fillfactor = 80);

-- A case per cycle. The scope is repeated here so that each desk reads one index.
CREATE TABLE own.case (
    petition_id uuid        NOT NULL,
    cycle       smallint    NOT NULL,
    case_id     uuid        NOT NULL,
    state       text        NOT NULL,
    street      text        NOT NULL,
    community   text        NOT NULL,
    department  text,
    cohandlers  text[]      NOT NULL,
    followers   text[]      NOT NULL,
    handler     text        NOT NULL,
    opened_at   timestamptz NOT NULL,
    round       smallint    NOT NULL,
    ledger      jsonb,
    reopening   jsonb,
    ended_at    timestamptz,
    due_at      timestamptz,
    PRIMARY KEY (petition_id, cycle)
) WITH (fillfactor = 80);

-- Desks: a page is read state by state from one of these (queries/cases.py).
CREATE INDEX case_by_state ON own.case (state, case_id);
CREATE INDEX case_by_street ON own.case (street, state, case_id);
CREATE INDEX case_by_department ON own.case (department, state, case_id) WHERE department IS NOT NULL;
CREATE INDEX case_by_community ON own.case (community, state, case_id);
-- Only a b-tree is read in order and only a GIN index knows each of many: one for a follower alone, one for several.
CREATE INDEX case_by_follower ON own.case ((followers[1]), state, case_id) WHERE cardinality(followers) = 1;
CREATE INDEX case_by_followers ON own.case USING gin (followers) WHERE cardinality(followers) > 1;

-- Attempts and visits; `stands` is false once the reply that was asked about is gone.
CREATE TABLE own.visit (
    petition_id     uuid        NOT NULL,
    visit_id        uuid        NOT NULL,
    cycle           smallint    NOT NULL,
    round           smallint    NOT NULL,
    visited_at      timestamptz NOT NULL,
    visited_by      jsonb       NOT NULL,
    means           text        NOT NULL,
    outcome         text        NOT NULL,
    representative  text,
    responded       boolean,
    solved          boolean,
    satisfied       boolean,
    ledger_proposed boolean     NOT NULL,
    comment         text        NOT NULL,
    stands          boolean     NOT NULL,
    PRIMARY KEY (petition_id, visit_id)
);

-- The three rates as counters, added to with the visit itself, so that reading a period never grows with what is stored.
CREATE TABLE own.rate (
    day         date     NOT NULL,
    street      text     NOT NULL,
    department  text     NOT NULL,
    shard       smallint NOT NULL,
    reached     integer  NOT NULL,
    not_reached integer  NOT NULL,
    responded   integer  NOT NULL,
    solved      integer  NOT NULL,
    satisfied   integer  NOT NULL,
    PRIMARY KEY (day, street, department, shard)
) WITH (fillfactor = 70);
CREATE INDEX rate_by_street ON own.rate (street, day);
CREATE INDEX rate_by_department ON own.rate (department, day);

-- The board (queries/late.py): feedback's own clocks that have reached level 1 (own.clock counts the reminder as one).
CREATE INDEX clock_late ON own.clock (level, due_at, clock_id) WHERE level > 1 AND state <> 'STOPPED';
CREATE INDEX clock_late_by_street ON own.clock (street, level, due_at, clock_id) WHERE level > 1 AND state <> 'STOPPED';
