-- What is remembered about money, and whether it holds sending: one row, replaced whole.
CREATE TABLE budget (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
