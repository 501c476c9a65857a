"""Claims of the papers that no study here tests, which complete the list of claims."""

from __future__ import annotations

from winnow.science.studies.framework.study import Claim
from winnow.science.studies.papers import FENG, ZHU

UNSUPPORTED_CLAIMS = (
    Claim(
        "news summaries chosen by ROUGE beat the generator and 12.5% of them beat all human ones",
        "not run here",
        FENG,
        "needs Llama-2-7B and XL-Sum",
    ),
    Claim(
        "ToEdit raises the averages of pretraining, continual pretraining and fine-tuning",
        "not run here",
        ZHU,
        "needs OLMo-1B and Llama-3-8B",
    ),
    Claim("the numbers behind the plots of n-gram concentration of synthetic text", "not published here", ZHU),
)
