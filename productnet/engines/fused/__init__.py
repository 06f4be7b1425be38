"""All steps of all epochs in one compiled loop: no framework between two of them."""
