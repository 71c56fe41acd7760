"""Use cases: a request in, an answer or result out, without printing.

The command line derives its options from the requests, and its help should not wait for NumPy. So
the modules of this package import the rooms below inside the functions that use them.
"""
