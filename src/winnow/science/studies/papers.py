"""The two papers behind most studies: their names in claims, and their citation."""

from __future__ import annotations

FENG, ZHU = "arXiv 2406.07515", "arXiv 2412.14689"

CITE_FENG = """
@inproceedings{feng2025beyond,
  title = {Beyond Model Collapse: Scaling Up with Synthesized Data Requires Verification},
  author = {Feng, Yunzhen and Dohmatob, Elvis and Yang, Pu and Charton, Francois and Kempe, Julia},
  booktitle = {International Conference on Learning Representations},
  year = {2025},
  eprint = {2406.07515},
  archivePrefix = {arXiv}
}
"""
