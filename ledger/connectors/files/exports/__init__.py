"""The exports of venues and of tax programs, one module each."""
