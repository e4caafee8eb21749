"""An application on `authlib` over `requests`: with a secret, then with a key of its own.

Takes one JSON object on standard input: issuer, client_id, client_secret, redirect_uri, post_logout_redirect_uri, user_name,
password, initial_access_token. Prints a line for each step that held, `done` at the end; fails at the first that does not.
"""
import secrets
import urllib.parse

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwk, jwt

from person import Browser, given, held

SCOPE = "openid profile offline_access"

plain = requests.Session()
plain.trust_env = False


def ask(method, url, by=plain, **options):
    """The JSON of an answer of success."""
    answer = by.request(method, url, timeout=30, **options)
    answer.raise_for_status()
    return answer.json()


metadata = OpenIDProviderMetadata(ask("GET", get_well_known_url(given["issuer"], external=True)))
provider_keys = jwk.KeySet.import_key_set(ask("GET", metadata["jwks_uri"]))


def main():
    metadata.validate()
    assert metadata["issuer"] == given["issuer"]
    held("discovery")
    with_a_secret()
    with_a_key()
    print("done")


def with_a_secret():
    client = application(given["client_id"], client_secret=given["client_secret"], token_endpoint_auth_method="client_secret_basic")
    browser = Browser()
    token = log_in(client, browser)
    held("login with `client_secret_basic` and PKCE")
    use(client, token)

    introspected = client.introspect_token(metadata["introspection_endpoint"], token=client.token["access_token"]).json()
    assert introspected["active"] is True and introspected["client_id"] == given["client_id"], introspected
    held("introspection")

    refresh_token = client.token["refresh_token"]
    client.revoke_token(metadata["revocation_endpoint"], token=refresh_token, token_type_hint="refresh_token").raise_for_status()
    introspected = client.introspect_token(metadata["introspection_endpoint"], token=client.token["access_token"]).json()
    assert introspected == {"active": False}, introspected
    try:
        client.refresh_token(metadata["token_endpoint"], refresh_token=refresh_token)
        raise AssertionError("expected a refusal")
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    held("revocation: with the refresh token goes all that came of it")

    query = {"id_token_hint": token["id_token"], "post_logout_redirect_uri": given["post_logout_redirect_uri"], "state": "as-it-was"}
    left = browser.follow(f"{metadata['end_session_endpoint']}?{urllib.parse.urlencode(query)}", given["post_logout_redirect_uri"])
    assert left.endswith("?state=as-it-was"), left
    held("logout")


def with_a_key():
    key = jwk.ECKey.generate_key("P-256", {"kid": "of-the-application", "use": "sig", "alg": "ES256"}, private=True)
    registration = {
        "client_name": "The one with a key",
        "redirect_uris": [given["redirect_uri"]],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": SCOPE,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    bearer = {"authorization": f"Bearer {given['initial_access_token']}"}
    registered = ask("POST", metadata["registration_endpoint"], json=registration, headers=bearer)
    assert registered["token_endpoint_auth_method"] == "private_key_jwt", registered
    held("registration by the application itself")

    client = application(registered["client_id"], client_secret=key, token_endpoint_auth_method="private_key_jwt")
    # What authlib calls the token endpoint becomes the assertion's audience: the issuer, and it alone (FAPI 2.0, 5.3.2.1).
    signs = PrivateKeyJWT(metadata["issuer"], alg="ES256", headers={"kid": "of-the-application"})
    client.register_client_auth_method(signs)
    token = log_in(client, Browser(), registered["id_token_signed_response_alg"])
    held("login with `private_key_jwt`, its audience the issuer")
    use(client, token)

    other = application(registered["client_id"], client_secret=key, token_endpoint_auth_method="private_key_jwt", scope=None)
    other.register_client_auth_method(signs)
    machine = other.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    assert machine["token_type"] == "Bearer" and "refresh_token" not in machine, machine
    held("client_credentials")


def application(client_id, scope=SCOPE, **options):
    session = OAuth2Session(
        client_id, scope=scope, redirect_uri=given["redirect_uri"], code_challenge_method="S256", **options)
    session.trust_env = False
    return session


def log_in(client, browser, algorithm="ES256"):
    """The tokens of a login, the ID token verified."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent")
    callback = browser.follow(url, given["redirect_uri"])
    token = client.fetch_token(metadata["token_endpoint"], authorization_response=callback, code_verifier=verifier, state=state)
    claims = jwt.decode(token["id_token"], provider_keys, algorithms=[algorithm]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": given["issuer"]},
        aud={"essential": True, "value": client.client_id},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
    ).validate(claims)
    return token


def use(client, token):
    claims = ask("GET", metadata["userinfo_endpoint"], by=client)
    assert claims["name"], claims
    held("userinfo")

    before = token["access_token"]
    refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert refreshed["access_token"] != before
    assert ask("GET", metadata["userinfo_endpoint"], by=client)["sub"] == claims["sub"]
    held("refresh")


main()
