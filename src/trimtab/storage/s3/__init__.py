"""Amazon S3, and what speaks its protocol: SeaweedFS, MinIO, Ceph. By requests, as no client fits: ADR 29."""
