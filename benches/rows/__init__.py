"""The work that loops are compared by, a file for each family.  See benches/compare/row.py."""
