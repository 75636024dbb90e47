-- The petition at dispatch: its row is the lock and the sequence counter for all its work orders and their clocks.
CREATE TABLE own.petition (
    petition_id   uuid     PRIMARY KEY,
    tracking_code text     NOT NULL,
    sequence      integer  NOT NULL,
    cycle         smallint NOT NULL,
    street        text     NOT NULL,
    community     text     NOT NULL,
    lead          text,
    cohandlers    text[]   NOT NULL,
    followers     text[]   NOT NULL,
    title         text     NOT NULL,
    category      text     NOT NULL,
    urgency       text     NOT NULL,
    withdrawn     boolean  NOT NULL,
    visit_known   boolean  NOT NULL
) WITH (fillfactor = 85);

-- A work order per department and cycle. Street, category and due date stand here for the desks. What departments and
-- committee wrote (question, reply, reasons) is nowhere else.
CREATE TABLE own.work_order (
    petition_id     uuid        NOT NULL,
    work_order_id   uuid        NOT NULL,
    cycle           smallint    NOT NULL,
    state           text        NOT NULL,
    street          text        NOT NULL,
    category        text        NOT NULL,
    request         text        NOT NULL,
    deadline_class  text        NOT NULL,
    suggestion      jsonb       NOT NULL,
    opened_at       timestamptz NOT NULL,
    department      text,
    assigned_at     timestamptz,
    acknowledged_at timestamptz,
    started_at      timestamptz,
    ruled           boolean     NOT NULL,
    question        text,
    asked           boolean     NOT NULL,
    asked_at        timestamptz,
    asked_sequence  integer,
    reply           jsonb,
    declines        jsonb       NOT NULL,
    returns         jsonb       NOT NULL,
    due_at          timestamptz,
    PRIMARY KEY (petition_id, work_order_id)
) WITH (fillfactor = 80);

-- An act names the order; the petition is found by it. Not unique, so that the table can be partitioned by petition_id;
-- hashed, so that no desk is ever read in this order past everything else that is stored.
CREATE INDEX work_order_by_id ON own.work_order USING hash (work_order_id);
-- Desks: a page is read state by state from one of these (queries/work_orders.py).
CREATE INDEX work_order_by_state ON own.work_order (state, work_order_id);
CREATE INDEX work_order_by_street ON own.work_order (street, state, work_order_id);
CREATE INDEX work_order_by_department ON own.work_order (department, state, work_order_id);
CREATE INDEX work_order_by_category ON own.work_order (category, state, work_order_id);
-- A department's due-soon list: what its clocks still measure, the longest overdue first (queries/work_orders.py). While
-- the resident is asked, the clock that runs is theirs.
CREATE INDEX work_order_due ON own.work_order (department, due_at, work_order_id)
    WHERE due_at IS NOT NULL AND state IN ('ASSIGNED', 'ACKNOWLEDGED', 'IN_PROGRESS') AND NOT asked;

-- The supervisor's instructions: what was demanded, and the answer. `department` led then; `lead` does now, and has to
-- answer (without one the street committee).
CREATE TABLE own.instruction (
    petition_id    uuid        NOT NULL,
    instruction_id uuid        NOT NULL,
    words          text        NOT NULL,
    pressed_by     jsonb       NOT NULL,
    pressed_at     timestamptz NOT NULL,
    department     text,
    answer         jsonb,
    lapsed_at      timestamptz,
    street         text        NOT NULL,
    lead           text,
    PRIMARY KEY (petition_id, instruction_id)
);
CREATE INDEX instruction_by_id ON own.instruction USING hash (instruction_id);
-- The desks of those who must answer (queries/instructions.py): open ones only, so that what is done costs nothing.
CREATE INDEX instruction_open ON own.instruction (instruction_id) WHERE answer IS NULL AND lapsed_at IS NULL;
CREATE INDEX instruction_open_by_street ON own.instruction (street, instruction_id)
    WHERE answer IS NULL AND lapsed_at IS NULL;
CREATE INDEX instruction_open_by_lead ON own.instruction (lead, instruction_id)
    WHERE answer IS NULL AND lapsed_at IS NULL;

-- What concerns each department, numbered without a gap in the order of publication (store/department_feed.py).
CREATE TABLE own.department_feed (
    department   text    NOT NULL,
    number       bigint  NOT NULL,
    aggregate_id uuid    NOT NULL,
    sequence     integer NOT NULL,
    PRIMARY KEY (department, number)
);

-- What of it is still to be published on the department's own topic.
CREATE TABLE own.department_outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    department text   NOT NULL,
    number     bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
