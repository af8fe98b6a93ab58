"""All the SQL: nouns in, nouns out."""
