-- Output chunks carry shapes from here on, which version 0.1 cannot read: it refuses this format by its number.
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
