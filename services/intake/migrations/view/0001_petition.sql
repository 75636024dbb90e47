-- What intake keeps of a petition from the other services.
CREATE TABLE petition (
    petition_id       uuid PRIMARY KEY,
    dispatch_sequence integer NOT NULL DEFAULT 0,
    dispatch_state    text,
    lead              text,
    cohandlers        text[]  NOT NULL DEFAULT '{}',
    feedback_sequence integer NOT NULL DEFAULT 0,
    feedback_state    text
) WITH (fillfactor = 85);
