"""One folder per venue, always client.py, parse.py and connector.py; files/ reads exports."""
