"""One file a format, reading and writing labels. Other tools' ids, class numbers and encodings stay in here."""
