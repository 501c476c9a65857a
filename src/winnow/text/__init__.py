"""Kernels over text: what stages compute about words, without knowing rows or files."""
