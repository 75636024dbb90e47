-- The petition at intake: its row is the lock and the sequence counter for everything about it in this service.
CREATE TABLE own.petition (
    petition_id    uuid        PRIMARY KEY,
    tracking_code  text        NOT NULL,
    sequence       integer     NOT NULL,
    cycle          smallint    NOT NULL,
    state          text        NOT NULL,
    kind           text        NOT NULL,
    channel        text        NOT NULL,
    street         text        NOT NULL,
    community      text        NOT NULL,
    estate         text,
    lead           text,
    cohandlers     text[]      NOT NULL,
    followers      text[]      NOT NULL,
    representative text,
    submitted_at   timestamptz NOT NULL,
    submitted_by   jsonb       NOT NULL,
    working_text   text        NOT NULL,
    title          text,
    category       text,
    urgency        text,
    extent         text,
    steps          text[]      NOT NULL,
    department     text,
    request        text,
    deadline_class text,
    ground         text,
    reason         text,
    referral       text,
    measures       text,
    reply_known    boolean     NOT NULL,
    closed         boolean     NOT NULL,
    due_at         timestamptz,
    CONSTRAINT petition_tracking_code UNIQUE (tracking_code)
) WITH (fillfactor = 85);

-- Desks: a page is read state by state from one of these (queries/petitions.py).
CREATE INDEX petition_by_state ON own.petition (state, petition_id);
CREATE INDEX petition_by_street ON own.petition (street, state, petition_id);
CREATE INDEX petition_by_community ON own.petition (community, state, petition_id);
CREATE INDEX petition_by_lead ON own.petition (lead, state, petition_id) WHERE lead IS NOT NULL;
CREATE INDEX petition_by_category ON own.petition (category, state, petition_id) WHERE category IS NOT NULL;
-- Only a b-tree is read in order and only a GIN index knows each of many: hence one for a follower alone, one for several.
CREATE INDEX petition_by_follower ON own.petition ((followers[1]), state, petition_id) WHERE cardinality(followers) = 1;
CREATE INDEX petition_by_followers ON own.petition USING gin (followers) WHERE cardinality(followers) > 1;

-- The resident's own words and contact data: encrypted with a key of the record, which is wrapped by a master key.
-- Erasing wrapped_key erases them; the masked working text stays.
CREATE TABLE own.original (
    petition_id uuid  PRIMARY KEY,
    master_key  text  NOT NULL,
    wrapped_key bytea NOT NULL,
    words       bytea NOT NULL
);
-- Which master keys are in use, and what is still to be wrapped anew.
CREATE INDEX original_by_master ON own.original (master_key, petition_id);
CREATE TABLE own.contact (
    petition_id uuid PRIMARY KEY,
    sealed      bytea NOT NULL,
    phone_hash  bytea
);
CREATE INDEX contact_phone ON own.contact (phone_hash) WHERE phone_hash IS NOT NULL;

-- Later additions by the resident, sealed with the record's key; after erasure `words` is empty.
CREATE TABLE own.addition (
    petition_id uuid        NOT NULL,
    addition_id uuid        NOT NULL,
    added_at    timestamptz NOT NULL,
    words       bytea       NOT NULL,
    masked      text        NOT NULL,
    PRIMARY KEY (petition_id, addition_id)
);

-- Each look at contact data; the latest are read first, of all or of one petition, street or person.
CREATE TABLE own.contact_look (
    petition_id uuid        NOT NULL,
    look_id     uuid        NOT NULL,
    looked_at   timestamptz NOT NULL,
    street      text        NOT NULL,
    role        text        NOT NULL,
    subject     text        NOT NULL,
    purpose     text        NOT NULL,
    PRIMARY KEY (petition_id, looked_at, look_id)
);
CREATE INDEX contact_look_by_time ON own.contact_look (looked_at, look_id);
CREATE INDEX contact_look_by_street ON own.contact_look (street, looked_at, look_id);
CREATE INDEX contact_look_by_subject ON own.contact_look (subject, looked_at, look_id);
CREATE INDEX contact_look_by_subject_and_street ON own.contact_look (subject, street, looked_at, look_id);

-- Erasures of personal data, one a petition: what was there, which wrapped key was destroyed, which event told of it.
CREATE TABLE own.erasure (
    petition_id        uuid        PRIMARY KEY,
    receipt_id         uuid        NOT NULL,
    sequence           integer     NOT NULL,
    erased_at          timestamptz NOT NULL,
    role               text        NOT NULL,
    subject            text        NOT NULL,
    because            text        NOT NULL,
    originals          integer     NOT NULL,
    additions          integer     NOT NULL,
    contacts           integer     NOT NULL,
    phone_hashes       integer     NOT NULL,
    wrapped_key_sha256 bytea       NOT NULL
);

-- Runs that wrapped record keys anew under another master key.
CREATE TABLE own.key_rotation (
    rotation_id uuid        PRIMARY KEY,
    began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    began_by    text        NOT NULL,
    master_key  text        NOT NULL,
    records     integer     NOT NULL DEFAULT 0
);
-- Master keys that no record is wrapped with any more, nor ever will be.
CREATE TABLE own.retired_key (
    master_key text        PRIMARY KEY,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_by text        NOT NULL
);

-- Failed openings, for backing off; `latch` is a keyed hash of a tracking code and of where it was tried from.
CREATE TABLE own.opening (
    latch         bytea       PRIMARY KEY,
    failures     integer     NOT NULL,
    failed_at    timestamptz NOT NULL,
    locked_until timestamptz NOT NULL
);
CREATE INDEX opening_age ON own.opening (failed_at);
