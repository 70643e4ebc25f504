"""Tests in a real browser; a package, so that its conftest and the one above keep different names."""
