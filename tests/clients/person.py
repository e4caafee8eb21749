"""A person at a browser, for the clients whose scripts lie beside this one; and how those report."""
import html
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

# What the story hands over on standard input: one JSON object.
given = json.load(sys.stdin)


def held(step):
    """Prints that a step held."""
    print(f"held: {step}", flush=True)


class Browser:
    """A browser without pictures: cookies, redirects, and a person who fills in each form that is shown."""

    def __init__(self):
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _Stay)

    def follow(self, url, target):
        """Goes to `url` and answers forms until it is sent to `target`; returns where exactly."""
        page, location = self.get(url)
        for _ in range(10):
            if location and location.startswith(target):
                return location
            if location:
                url = location
                page, location = self.get(url)
            else:
                url, fields = self._answers(url, page)
                page, location = self._ask(url, urllib.parse.urlencode(fields).encode())
        raise AssertionError(f"never sent to {target}")

    def get(self, url):
        """The page at `url`, and where it redirects to."""
        return self._ask(url, None)

    def _ask(self, url, body):
        try:
            answer = self._opener.open(url, body, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        page = answer.read().decode()
        assert answer.status < 400, f"{answer.status} at {url}: {page}"
        location = answer.headers["location"]
        return page, location and urllib.parse.urljoin(url, location)

    @staticmethod
    def _answers(url, page):
        form = re.search(r'<form [^>]*action="([^"]*)"[^>]*>(.*?)</form>', page, re.S)
        assert form, f"expected a form at {url}: {page}"
        action, inside = form.groups()
        fields = {_attribute(tag, "name"): _attribute(tag, "value") for tag in re.findall(r"<input [^>]*>", inside)}
        if "password" in fields:
            fields |= {"username": given["user_name"], "password": given["password"]}
        button = re.search(r'<button [^>]*name="[^>]*>', inside)
        if button:
            fields[_attribute(button[0], "name")] = _attribute(button[0], "value")
        return urllib.parse.urljoin(url, html.unescape(action)), fields


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect by itself."""

    def redirect_request(self, *_):
        return None


def _attribute(tag, name):
    found = re.search(rf' {name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""
