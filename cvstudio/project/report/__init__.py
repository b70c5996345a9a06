"""A run on paper, for somebody who does not have CVStudio.

blocks.py: what a report is made of; content.py, deeper.py and limits.py: what this run has to say;
charts.py: drawings; html.py: the one file.
"""

from cvstudio.project.report.content import compose
from cvstudio.project.report.html import to_html

__all__ = ["compose", "to_html"]
