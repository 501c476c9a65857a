"""The command forecast: what each selection rule would give."""

from __future__ import annotations

from winnow.cli.console import print_lines
from winnow.cli.options import Document, OutputOptions, TableArgument, command
from winnow.stages.forecast.config import ForecastConfig
from winnow.stages.table_config import TableConfig


@command
def forecast(table: TableArgument, config: ForecastConfig, reading: TableConfig, output: OutputOptions) -> Document:
    """Forecast which selection rule to use: curves of best-of-N, thresholds and top shares, and the select command.

    winnow forecast candidates.jsonl --score judge --labels labels.csv
    """
    from winnow.stages.forecast.stage import forecast
    from winnow.stages.table_config import open_input

    opened = open_input(table, reading)
    print_lines(opened.columns.summary())
    result = forecast(opened, config)
    print_lines(result.describe())
    return result.to_dict()
