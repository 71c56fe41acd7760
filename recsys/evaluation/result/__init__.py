"""What an evaluation found: tables, statistics, checks, JSON."""
