"""Files: one format each, reader and writer together. Other people's ids and encodings stay in here."""
