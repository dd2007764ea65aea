"""The morning's page: what ran, what is live, how good it is and what people see, as one HTML file that works offline.

Takes plain values and gives text; what gathers the values from a warehouse is in `pipeline`.
"""
