"""A client in Python: requests for its registration, Authlib for OAuth. It says what came of each step as a line of JSON."""

import json
import sys
import time

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER, INITIAL_ACCESS_TOKEN, REDIRECT_URI = sys.argv[1:]


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def registration(reply):
    body = reply.json() if reply.content else {}
    return {"status": reply.status_code, "body": body}


def new_key(kid):
    return ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})


class ShortLived(PrivateKeyJWT):
    """Authlib's own assertions live for an hour, which is more than is accepted here."""

    def sign(self, auth, token_endpoint):
        # Anew each time: Authlib writes the jti into the claims that it is given.
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


def session_with(key, client_id):
    method = ShortLived(server["token_endpoint"], headers={"kid": key.kid}, alg="ES256")
    session = OAuth2Session(
        client_id,
        key,
        token_endpoint_auth_method=method.name,
        redirect_uri=REDIRECT_URI,
        scope="openid profile offline_access",
        code_challenge_method="S256",
    )
    session.register_client_auth_method(method)
    return session


server = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
keys = [new_key("python-1"), new_key("python-2")]
public = [key.as_dict(private=False) for key in keys]

made = requests.post(
    server["registration_endpoint"],
    headers={"authorization": f"Bearer {INITIAL_ACCESS_TOKEN}"},
    json={
        "client_name": "Python",
        "client_profile": "code-flow-pkjwt",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": public[:1]},
    },
)
say("registered", **registration(made))
client = made.json()
uri = client["registration_client_uri"]
bearer = {"authorization": f"Bearer {client['registration_access_token']}"}

read = requests.get(uri, headers=bearer)
say("read", **registration(read))

session = session_with(keys[0], client["client_id"])
token = session.fetch_token(server["token_endpoint"], grant_type="client_credentials", scope="")
say("token", type=token["token_type"])

verifier = generate_token(64)
address, state = session.create_authorization_url(
    server["authorization_endpoint"], code_verifier=verifier, nonce="once", prompt="consent"
)
say("authorize", url=address)
callback = sys.stdin.readline().strip()
token = session.fetch_token(server["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier)
published = KeySet.import_key_set(requests.get(server["jwks_uri"]).json())
claims = jwt.decode(token["id_token"], published, algorithms=["ES256", "RS256"]).claims
user = session.get(server["userinfo_endpoint"]).json()
say("logged in", issuer=claims["iss"], audience=claims["aud"], nonce=claims["nonce"], same=user["sub"] == claims["sub"])

changed = requests.patch(uri, headers={**bearer, "if-match": read.headers["etag"]}, json={"jwks": {"keys": public}})
say("patched", **registration(changed))
session = session_with(keys[1], client["client_id"])
refreshed = session.refresh_token(server["token_endpoint"], refresh_token=token["refresh_token"])
say("refreshed", rotated=refreshed["refresh_token"] != token["refresh_token"])

late = requests.patch(uri, headers={**bearer, "if-match": read.headers["etag"]}, json={"client_name": "Late"})
say("late", **registration(late))

issued = ["registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at"]
whole = {name: value for name, value in changed.json().items() if name not in issued}
say("put", **registration(requests.put(uri, headers=bearer, json={**whole, "client_name": "Renamed", "jwks": {"keys": public[1:]}})))

try:
    session_with(keys[0], client["client_id"]).fetch_token(server["token_endpoint"], grant_type="client_credentials", scope="")
    say("old key", error=None)
except Exception as refused:
    say("old key", error=getattr(refused, "error", repr(refused)))

say("deleted", **registration(requests.delete(uri, headers=bearer)))
say("gone", **registration(requests.get(uri, headers=bearer)))
