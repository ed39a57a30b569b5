"""Cassettes: what passed between clients and a server, recorded, played again and compared.

`lines` are the values, `tape` the file, `redaction` what never gets into it, `recorder` the proxy that makes one.
"""
