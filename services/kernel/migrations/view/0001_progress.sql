-- What a service keeps from others' events, the same in every service; can be dropped and rebuilt from the topics.

CREATE TABLE progress (
    aggregate_id uuid    NOT NULL,
    source       text    NOT NULL,
    applied      integer NOT NULL,
    PRIMARY KEY (aggregate_id, source)
) WITH (fillfactor = 80);

-- Reference entries of other services: the newest of each.
CREATE TABLE reference (
    kind     text    NOT NULL,
    id       text    NOT NULL,
    sequence integer NOT NULL,
    entry    jsonb   NOT NULL,
    PRIMARY KEY (kind, id)
);
