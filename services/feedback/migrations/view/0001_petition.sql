-- What feedback keeps of every petition from the other services; each source writes its own columns alone.
CREATE TABLE petition (
    petition_id       uuid PRIMARY KEY,
    intake_sequence   integer NOT NULL DEFAULT 0,
    intake_stage      text,
    intake_at         timestamptz,
    withdrawn         boolean NOT NULL DEFAULT false,
    tracking_code     text,
    title             text,
    street            text,
    community         text,
    followers         text[]  NOT NULL DEFAULT '{}',
    dispatch_sequence integer NOT NULL DEFAULT 0,
    dispatch_stage    text,
    dispatch_at       timestamptz,
    lead              text,
    cohandlers        text[]  NOT NULL DEFAULT '{}',
    -- domain/stage.py, overall
    stage             text GENERATED ALWAYS AS (
        CASE WHEN withdrawn THEN 'RAISE' ELSE COALESCE(dispatch_stage, intake_stage, 'RAISE') END) STORED
) WITH (fillfactor = 80);

-- Petitions by stage (queries/stages.py): of the district, a street, a lead department, a community, a follower.
CREATE INDEX petition_by_stage ON petition (stage, petition_id);
CREATE INDEX petition_by_street ON petition (street, stage, petition_id);
CREATE INDEX petition_by_lead ON petition (lead, stage, petition_id) WHERE lead IS NOT NULL;
CREATE INDEX petition_by_community ON petition (community, stage, petition_id);
CREATE INDEX petition_by_follower ON petition ((followers[1]), stage, petition_id) WHERE cardinality(followers) = 1;
CREATE INDEX petition_by_followers ON petition USING gin (followers) WHERE cardinality(followers) > 1;

-- Every event of intake and dispatch, for the timeline.
CREATE TABLE event (
    petition_id uuid        NOT NULL,
    source      text        NOT NULL,
    sequence    integer     NOT NULL,
    event_id    uuid        NOT NULL,
    type        text        NOT NULL,
    cycle       smallint    NOT NULL,
    happened_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    seen        text        NOT NULL,
    data        jsonb       NOT NULL,
    PRIMARY KEY (petition_id, source, sequence)
);
-- Found by its key alone, as own.event is.
ALTER TABLE event
    ALTER COLUMN event_id SET STATISTICS 0,
    ALTER COLUMN cycle SET STATISTICS 0,
    ALTER COLUMN happened_at SET STATISTICS 0,
    ALTER COLUMN recorded_at SET STATISTICS 0,
    ALTER COLUMN seen SET STATISTICS 0,
    ALTER COLUMN data SET STATISTICS 0;

-- Clocks of intake and dispatch that have reached a level; those that never do are never here. `department` is whom a
-- clock measures that measures one. A stopped one stays: a reply that is sent back lets its clock run on.
CREATE TABLE clock (
    petition_id uuid        NOT NULL,
    clock_id    uuid        NOT NULL,
    source      text        NOT NULL,
    sequence    integer     NOT NULL,
    kind        text        NOT NULL,
    cycle       smallint    NOT NULL,
    state       text        NOT NULL,
    paused_at   timestamptz,
    due_at      timestamptz NOT NULL,
    level       smallint    NOT NULL,
    tells       text[]      NOT NULL,
    street      text        NOT NULL,
    department  text,
    PRIMARY KEY (petition_id, clock_id)
);
-- The board: a page is read level by level from one of these (queries/late.py).
CREATE INDEX late_by_level ON clock (level, due_at, clock_id) WHERE state <> 'STOPPED';
CREATE INDEX late_by_street ON clock (street, level, due_at, clock_id) WHERE state <> 'STOPPED';
CREATE INDEX late_by_department ON clock (department, level, due_at, clock_id) WHERE state <> 'STOPPED';
