"""Words that only the law of a country fills with meaning: its options, what a broker told, what a rule would defer."""
