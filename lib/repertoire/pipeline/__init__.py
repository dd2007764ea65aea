"""Stages, the runner, the ledger and the lease: composition only, the work is done by the layers below."""
