"""The report: one HTML file that shows a run to someone who did not watch it."""

from crosstide.report.page import write_report

__all__ = ["write_report"]
