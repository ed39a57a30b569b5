"""Does a server keep the published contract? A client of the API that acts, watches and judges.

Scenes act: each is a short visit to the server, most of them one call, and everything that passes is kept in a
transcript. Checks judge: each is a function of what the scenes saw, and names its clause of the contract. Nothing here
knows which server it is: no control API, no magic numbers, no virtual time.
"""
