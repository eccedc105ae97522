-- Cuts the table of waiting messages into 16 pieces by device, so that each can be cleaned up by itself, or
-- moved to a disk of its own. Run it with the relay stopped: psql DATABASE -1 -f partition-segments.sql
ALTER TABLE segments RENAME TO segments_before;
ALTER INDEX segments_pkey RENAME TO segments_before_pkey;
ALTER INDEX segments_by_age RENAME TO segments_before_by_age;
CREATE TABLE segments (
    device BIGINT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    received BIGINT NOT NULL,
    deliver BYTEA NOT NULL,
    PRIMARY KEY (device, last)
) PARTITION BY HASH (device);
CREATE INDEX segments_by_age ON segments (received);
ALTER TABLE segments ALTER COLUMN deliver SET STORAGE EXTERNAL;
DO $$ BEGIN
    FOR piece IN 0..15 LOOP
        EXECUTE format(
            'CREATE TABLE segments_%s PARTITION OF segments '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s) WITH (toast_tuple_target = 8160)',
            piece, piece);
    END LOOP;
END $$;
INSERT INTO segments SELECT * FROM segments_before;
DROP TABLE segments_before;
