"""The four standard cases of one round, with the exact limit and the simulation of each.

Cases a and b are isotropic, c and d the mixture; a and c have flipped labels kept by phi and psi, b and d labels of a
linear generator kept where a linear verifier agrees.
"""

from __future__ import annotations

from dataclasses import dataclass

from winnow.science.theory.selection.angles import Angles
from winnow.science.theory.selection.breakdown import SelectionRates
from winnow.science.theory.selection.proportional_limit import accuracy_mixture, error_isotropic
from winnow.science.theory.selection.rule_moments import (
    isotropic_agreement,
    isotropic_flips,
    mixture_agreement,
    mixture_flips,
)
from winnow.science.theory.simulation.losses import ridge
from winnow.science.theory.simulation.noise import FlipNoise, LinearNoise
from winnow.science.theory.simulation.policies import AgreementPolicy, RatePolicy
from winnow.science.theory.simulation.training import SimulatedRound
from winnow.science.theory.simulation.world import World

CASES = ("a", "b", "c", "d")


@dataclass(frozen=True)
class SelectionCase:
    """One of the cases a to d; a and c use the rates, b and d the angles, c and d the strength."""

    case: str
    rates: SelectionRates
    angles: Angles
    strength: float = 1.0

    def limit_accuracy(self, kappa: float, lam: float) -> float:
        """Return the accuracy in the limit d / n -> kappa."""
        if self.case == "a":
            return 1 - error_isotropic(isotropic_flips(self.rates), kappa, lam)
        if self.case == "b":
            return 1 - error_isotropic(isotropic_agreement(self.angles), kappa, lam)
        if self.case == "c":
            return accuracy_mixture(mixture_flips(self.rates, self.strength), kappa, lam)
        return accuracy_mixture(mixture_agreement(self.angles, self.strength), kappa, lam)

    def simulated_round(self, d: int, n: int, lam: float) -> SimulatedRound:
        """Return a round of d dimensions and n raw rows to simulate."""
        world = World(d, self.strength if self.case in "cd" else None)
        if self.case in "ac":
            policy = RatePolicy(self.rates.phi, self.rates.psi)
            return SimulatedRound(world, FlipNoise(self.rates.p), policy, n, ridge, lam)
        return SimulatedRound(world, LinearNoise(self.angles), AgreementPolicy(self.angles), n, ridge, lam)
