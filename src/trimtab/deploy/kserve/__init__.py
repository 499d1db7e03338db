"""Deploying to KServe: a version is tried out in the cluster before it becomes the champion."""
