-- What dispatch keeps of a petition from the other services; also what it is known by before it is handed over.
CREATE TABLE petition (
    petition_id       uuid PRIMARY KEY,
    intake_sequence   integer NOT NULL DEFAULT 0,
    intake_state      text,
    tracking_code     text,
    street            text,
    community         text,
    followers         text[]  NOT NULL DEFAULT '{}',
    title             text,
    category          text,
    feedback_sequence integer NOT NULL DEFAULT 0,
    feedback_state    text
) WITH (fillfactor = 85);
