"""A service on Railway, over its GraphQL API and its upload endpoint.

Nothing is imported here: whoever only checks the settings does not pay for the network.
"""
