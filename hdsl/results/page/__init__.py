"""A fit as one page of HTML that needs nothing else: equations, estimates, warnings, pictures, data, source."""

from hdsl.results.page.compose import page_html, write_page
from hdsl.results.page.request import DataFile, Request

__all__ = ["DataFile", "Request", "page_html", "write_page"]
