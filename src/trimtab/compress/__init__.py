"""Compression methods, one a file, behind two small interfaces and a registry."""
