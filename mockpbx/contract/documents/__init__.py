"""The contract as documents that machines and people read: OpenAPI, AsyncAPI and a reference page.

Nothing of the server imports this before somebody asks for a document.
"""
