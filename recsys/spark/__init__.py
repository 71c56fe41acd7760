"""Apache Spark as an engine, where one machine is outgrown: it reads, trains and ranks everybody.

The only importer of pyspark. What it trains are `Factors` like any others: the model file,
questions, fold-in, evaluation, maps and the service need no Spark.
"""
