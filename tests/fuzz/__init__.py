"""Whatever clients and models send: the product goes on, and answers in its own words."""
