"""What is submitted: records, changes of state, seals, catalogs; and the batches they form."""
