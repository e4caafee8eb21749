"""A relying party on `idpyoidc`: it finds the provider, registers itself, logs a person in, asks who it is, renews and logs out.

Takes one JSON object on standard input: issuer, redirect_uri, post_logout_redirect_uri, user_name, password, initial_access_token.
Prints a line for each step that held, `done` at the end; fails at the first that does not.
"""
import urllib.parse

import requests
from idpyoidc.client.oidc import registration
from idpyoidc.client.rp_handler import RPHandler

from person import Browser, given, held

session = requests.Session()
session.trust_env = False


def ask(method, url, **options):
    """What idpyoidc sends, with the token that opens registration where that is asked for."""
    options.pop("verify", None)
    if method == "POST" and urllib.parse.urlsplit(url).path == "/oauth2/register":
        options["headers"] = {**(options.get("headers") or {}), "Authorization": f"Bearer {given['initial_access_token']}"}
    return session.request(method, url, timeout=30, **options)


SCOPE = ["openid", "profile", "offline_access"]


class Registration(registration.Registration):
    """Asks for what is needed to renew tokens, and does not hold the scope that comes back for one name."""

    def oidc_post_construct(self, request_args=None, **kwargs):
        request_args = super().oidc_post_construct(request_args, **kwargs)
        request_args["grant_types"] = ["authorization_code", "refresh_token"]
        request_args["scope"] = " ".join(SCOPE)
        request_args["post_logout_redirect_uris"] = [given["post_logout_redirect_uri"]]
        return request_args

    def update_service_context(self, resp, key="", **kwargs):
        assert resp["scope"].split(" ") == SCOPE, resp["scope"]
        del resp["scope"]
        super().update_service_context(resp, key, **kwargs)


CONFIGURATION = {
    "issuer": given["issuer"],
    "client_type": "oidc",
    "redirect_uris": [given["redirect_uri"]],
    "client_authn_methods": ["client_secret_basic", "bearer_header"],
    "preference": {
        "application_type": "web",
        "client_name": "idpyoidc",
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "id_token_signing_alg_values_supported": ["ES256"],
    },
    "services": {
        "discovery": {"class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"},
        "registration": {"class": Registration},
        "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
        "access_token": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
        "refresh_access_token": {"class": "idpyoidc.client.oidc.refresh_access_token.RefreshAccessToken"},
        "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
        "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"},
    },
    "add_ons": {
        "pkce": {
            "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
            "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
        },
    },
}


def main():
    party = RPHandler(
        base_url=given["redirect_uri"].removesuffix("/callback"), client_configs={"ours": CONFIGURATION}, httpc=ask)
    asked = {"scope": SCOPE, "prompt": "consent"}
    url = party.begin("ours", req_args=asked)
    client = party.issuer2rp[given["issuer"]]
    registered = client.get_context().registration_response
    assert registered["client_id"].startswith("app_") and registered["id_token_signed_response_alg"] == "ES256", registered
    held("discovery, and registration by the relying party itself")

    browser = Browser()
    callback = browser.follow(url, given["redirect_uri"])
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(callback).query))
    assert answer["iss"] == given["issuer"], answer
    done = party.finalize(given["issuer"], answer)
    assert "error" not in done, done
    assert done["id_token"]["iss"] == given["issuer"] and done["userinfo"]["sub"] == done["id_token"]["sub"], done
    assert done["userinfo"]["name"], done
    held("login: the ID token verified, and userinfo about the same person")

    state = done["state"]
    before = done["token"]
    renewed = party.refresh_access_token(state)
    assert "error" not in renewed and renewed["access_token"] != before, renewed
    again = party.get_user_info(state, access_token=renewed["access_token"])
    assert again["sub"] == done["userinfo"]["sub"], again
    held("refresh")

    request = party.logout(state, post_logout_redirect_uri=given["post_logout_redirect_uri"])
    left = browser.follow(request["url"], given["post_logout_redirect_uri"])
    assert left.startswith(given["post_logout_redirect_uri"] + "?state="), left
    held("logout")

    page, _ = browser.get(url)
    assert 'type="password"' in page
    held("after the logout a login is asked for")
    print("done")


main()
