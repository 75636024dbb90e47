-- History, outbox, clocks, progress, parking, idempotency: the same in every service.

-- What happened, append-only; `data` is published, `remark` (what people wrote) never is.
CREATE TABLE own.event (
    aggregate_id   uuid        NOT NULL,
    sequence       integer     NOT NULL CHECK (sequence > 0),
    event_id       uuid        NOT NULL,
    type           text        NOT NULL,
    cycle          smallint    NOT NULL,
    happened_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    data           jsonb       NOT NULL,
    remark         text,
    seen           text        NOT NULL,
    correlation_id text        NOT NULL,
    causation_id   text        NOT NULL,
    street         text        NOT NULL,
    community      text        NOT NULL,
    lead           text,
    cohandlers     text[]      NOT NULL,
    followers      text[]      NOT NULL,
    PRIMARY KEY (aggregate_id, sequence)
);
-- Found by its key alone: what ANALYZE would gather about the rest serves no plan and is much work (jsonb, long texts).
ALTER TABLE own.event
    ALTER COLUMN event_id SET STATISTICS 0,
    ALTER COLUMN cycle SET STATISTICS 0,
    ALTER COLUMN happened_at SET STATISTICS 0,
    ALTER COLUMN recorded_at SET STATISTICS 0,
    ALTER COLUMN data SET STATISTICS 0,
    ALTER COLUMN remark SET STATISTICS 0,
    ALTER COLUMN seen SET STATISTICS 0,
    ALTER COLUMN correlation_id SET STATISTICS 0,
    ALTER COLUMN causation_id SET STATISTICS 0,
    ALTER COLUMN street SET STATISTICS 0,
    ALTER COLUMN community SET STATISTICS 0,
    ALTER COLUMN lead SET STATISTICS 0,
    ALTER COLUMN cohandlers SET STATISTICS 0,
    ALTER COLUMN followers SET STATISTICS 0;

-- What is still to be published. `key` is absent when it is the aggregate's id, `traceparent` when nobody traces it.
CREATE TABLE own.outbox (
    position     bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate_id uuid    NOT NULL,
    sequence     integer NOT NULL,
    topic        text    NOT NULL,
    key          text,
    traceparent  text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE own.clock (
    petition_id    uuid        NOT NULL,
    clock_id       uuid        NOT NULL,
    kind           text        NOT NULL,
    about          uuid,
    cycle          smallint    NOT NULL,
    state          text        NOT NULL,
    policy_version integer     NOT NULL,
    unit           text        NOT NULL,
    started_at     timestamptz NOT NULL,
    span_seconds   double precision NOT NULL,
    due_at         timestamptz NOT NULL,
    guessed        boolean     NOT NULL,
    level          smallint    NOT NULL,
    fires_at       timestamptz,
    paused_at      timestamptz,
    ledger         jsonb       NOT NULL,
    paused_seconds double precision NOT NULL DEFAULT 0,
    calendar       bigint      NOT NULL,
    street         text        NOT NULL,
    PRIMARY KEY (petition_id, clock_id)
);
-- The scheduler's one query. Many clocks share a time (the end of a working day), so the page's second key is in it too.
CREATE INDEX clock_due ON own.clock (fires_at, clock_id) WHERE state = 'RUNNING' AND fires_at IS NOT NULL;
-- Open clocks that were reckoned with an older calendar than the present one; stopped ones have calendar 0. (A predicate
-- on the state would let the scheduler's query be planned with this index too.)
CREATE INDEX clock_calendar ON own.clock (calendar, petition_id) WHERE calendar > 0;
-- How many have run out, for the metrics. (States by name, so that no board is planned with it, which asks for what is
-- not stopped.)
CREATE INDEX clock_run_out ON own.clock (kind, level) WHERE state IN ('RUNNING', 'PAUSED') AND level > 1;
-- One open clock of a kind about one thing: a second start is a defect, not a second clock.
CREATE UNIQUE INDEX clock_open ON own.clock (petition_id, kind, COALESCE(about, petition_id)) WHERE state <> 'STOPPED';

-- Each level of a clock is reached once.
CREATE TABLE own.clock_firing (
    petition_id uuid        NOT NULL,
    clock_id    uuid        NOT NULL,
    level       smallint    NOT NULL,
    fired_at    timestamptz NOT NULL,
    PRIMARY KEY (petition_id, clock_id, level)
);

-- How far each source's events about each aggregate have been received and taken effect here.
CREATE TABLE own.progress (
    aggregate_id uuid    NOT NULL,
    source       text    NOT NULL,
    received     integer NOT NULL DEFAULT 0,
    applied      integer NOT NULL DEFAULT 0,
    parked       integer NOT NULL DEFAULT 0,
    PRIMARY KEY (aggregate_id, source)
) WITH (fillfactor = 80);

-- Events of one aggregate and source that cannot take effect yet (or at all), in order.
CREATE TABLE own.parked (
    aggregate_id uuid        NOT NULL,
    source       text        NOT NULL,
    sequence     integer     NOT NULL,
    reason       text        NOT NULL CHECK (reason IN ('WAITING', 'GAP', 'POISON')),
    detail       text        NOT NULL,
    headers      jsonb       NOT NULL,
    data         bytea       NOT NULL,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (aggregate_id, source, sequence)
);
CREATE INDEX parked_reason ON own.parked (reason, aggregate_id, source, sequence);
-- Since when the first is held up, for the metrics.
CREATE INDEX parked_age ON own.parked (reason, parked_at);

-- Events that an operator passed over: they count as applied and had no effect. `data` is absent for one that never came.
CREATE TABLE own.discarded (
    aggregate_id uuid        NOT NULL,
    source       text        NOT NULL,
    sequence     integer     NOT NULL,
    error        text        NOT NULL,
    headers      jsonb,
    data         bytea,
    discarded_by text        NOT NULL,
    because      text        NOT NULL,
    discarded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (aggregate_id, source, sequence)
);

-- What operators had tried again.
CREATE TABLE own.replayed (
    replayed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    aggregate_id uuid        NOT NULL,
    replayed_by  text        NOT NULL,
    because      text        NOT NULL,
    applied      integer     NOT NULL,
    PRIMARY KEY (aggregate_id, replayed_at)
);

-- Answers to mutations that carried an idempotency key.
CREATE TABLE own.idempotency (
    subject    text        NOT NULL,
    mutation   text        NOT NULL,
    key        text        NOT NULL,
    input_hash bytea       NOT NULL,
    answer     text        NOT NULL,
    stored_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (subject, mutation, key)
);
ALTER TABLE own.idempotency
    ALTER COLUMN input_hash SET STATISTICS 0,
    ALTER COLUMN answer SET STATISTICS 0;
CREATE INDEX idempotency_age ON own.idempotency (stored_at);

-- Reference entries that this service owns (dispatch: departments and routing; intake: all the rest).
CREATE TABLE own.reference (
    kind         text     NOT NULL,
    id           text     NOT NULL,
    reference_id uuid     NOT NULL UNIQUE,
    sequence     integer  NOT NULL,
    entry        jsonb    NOT NULL,
    PRIMARY KEY (kind, id)
);
