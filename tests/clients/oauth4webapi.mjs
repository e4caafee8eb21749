// An application on `oauth4webapi` 3, which does nothing by itself and checks everything it is given: a code by a pushed request with a
// proof of a key, signed answers of the authorization endpoint and about tokens, a machine's own tokens, and an API that reads them.
//
// Takes one JSON object on standard input: issuer, redirect_uri, post_logout_redirect_uri, user_name, password, administrators_token.
// Prints a line for each step that held, `done` at the end; fails at the first that does not.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { exportJWK } from 'jose'
import { Browser, given, held } from './person.mjs'

const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(given.issuer)
const provider = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...http, algorithm: 'oidc' }))
const same = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...http, algorithm: 'oauth2' }))
assert.deepEqual(same, provider)
held('discovery, at both addresses')

const keys = await oauth.generateKeyPair('ES256', { extractable: true })
const key = { key: keys.privateKey, kid: 'of-the-application' }
const client = await register()
const authentication = oauth.PrivateKeyJwt(key)
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
held('registration, by an administrator')

const browser = new Browser()
await bySignedAnswer()
const tokens = await byPlainAnswer()
await asMachine()
await logOut()
console.log('done')

async function register() {
  const members = {
    'client_name#zh-CN': '严格的应用',
    'client_name#en': 'The one that checks',
    redirect_uris: [given.redirect_uri],
    post_logout_redirect_uris: [given.post_logout_redirect_uri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid profile email offline_access decision:evaluate',
    audiences: ['https://api.example.gov.cn/'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [{ ...await exportJWK(keys.publicKey), kid: key.kid, alg: 'ES256', use: 'sig' }] },
    authorization_signed_response_alg: 'PS256',
    introspection_signed_response_alg: 'EdDSA',
    userinfo_signed_response_alg: 'PS256',
    require_pushed_authorization_requests: true,
  }
  const response = await fetch(new URL('/v1/clients', issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${given.administrators_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(members),
  })
  assert.equal(response.status, 201, await response.clone().text())
  const { client_id } = await response.json()
  return { client_id, ...members, id_token_signed_response_alg: 'ES256' }
}

/** A login whose answer is signed (JARM). */
async function bySignedAnswer() {
  const { url, verifier, state, nonce } = await pushed({ response_mode: 'jwt' })
  const callback = await browser.follow(url, given.redirect_uri)
  const parameters = await oauth.validateJwtAuthResponse(provider, client, callback, state, http)
  const answered = await redeem(parameters, verifier, nonce)
  assert.equal(answered.token_type, 'dpop')
  held('a code by a pushed request and a signed answer')
}

/** A login whose answer says who it is from (RFC 9207); the tokens are used, renewed and asked about. */
async function byPlainAnswer() {
  const { url, verifier, state, nonce } = await pushed({ resource: 'https://api.example.gov.cn/' })
  const callback = await browser.follow(url, given.redirect_uri)
  assert.throws(() => oauth.validateAuthResponse(provider, client, callback, 'another'))
  const parameters = oauth.validateAuthResponse(provider, client, callback, state)
  const first = await redeem(parameters, verifier, nonce)
  const subject = oauth.getValidatedIdTokenClaims(first).sub
  held('a code by a plain answer')

  const refreshed = await again(() => oauth.refreshTokenGrantRequest(
    provider, client, authentication, first.refresh_token, { DPoP, ...http }),
    (response) => oauth.processRefreshTokenResponse(provider, client, response))
  assert.equal(refreshed.token_type, 'dpop')
  held('refresh')

  const request = new Request('https://api.example.gov.cn/things', { headers: await proven(refreshed.access_token) })
  const claims = await oauth.validateJwtAccessToken(provider, request, 'https://api.example.gov.cn/', { requireDPoP: true, ...http })
  assert.ok(claims.sub === subject && claims.cnf.jkt && claims.client_id === client.client_id)
  held('an API verifies the access token and its binding by itself (RFC 9068, RFC 9449)')

  const question = { requestJwtResponse: true, ...http }
  const response = await oauth.introspectionRequest(provider, client, authentication, refreshed.access_token, question)
  const said = await oauth.processIntrospectionResponse(provider, client, response)
  await oauth.validateApplicationLevelSignature(provider, response, http)
  assert.ok(said.active && said.sub === subject && said.token_type === 'DPoP')
  held('introspection with a signed answer (RFC 9701)')

  const gone = await oauth.revocationRequest(provider, client, authentication, refreshed.access_token, http)
  await oauth.processRevocationResponse(gone)
  const after = await oauth.introspectionRequest(provider, client, authentication, refreshed.access_token, question)
  assert.deepEqual(await oauth.processIntrospectionResponse(provider, client, after), { active: false })
  held('revocation')
  return first
}

/** A machine's own tokens. */
async function asMachine() {
  const machine = await again(() => oauth.clientCredentialsGrantRequest(
    provider, client, authentication, { scope: 'decision:evaluate' }, { DPoP, ...http }),
    (response) => oauth.processClientCredentialsResponse(provider, client, response))
  assert.ok(machine.token_type === 'dpop' && machine.scope === 'decision:evaluate' && !machine.refresh_token)
  held('client_credentials')

  const question = { subject: { type: 'official', id: 'nobody' }, action: { name: 'read' }, resource: { type: 'dataset', id: 'none' } }
  await again(() => oauth.protectedResourceRequest(
    machine.access_token, 'POST', new URL('/access/v1/evaluation', issuer), new Headers({ 'content-type': 'application/json' }),
    JSON.stringify(question), { DPoP, ...http }),
    async (response) => assert.equal(response.status, 200, await response.text()))
  held('the machine asks for a decision with it')
}

async function logOut() {
  const url = new URL(provider.end_session_endpoint)
  const { post_logout_redirect_uri } = given
  url.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri, state: 'as-it-was' })
  const loggedOut = await browser.follow(url, post_logout_redirect_uri)
  assert.equal(loggedOut.searchParams.get('state'), 'as-it-was')
  held('logout')
}

/** Pushes a request with `more`; where the browser is then sent, and what only the application knows of it. */
async function pushed(more) {
  const verifier = oauth.generateRandomCodeVerifier()
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
  const parameters = new URLSearchParams({
    response_type: 'code',
    redirect_uri: given.redirect_uri,
    scope: 'openid profile offline_access',
    prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  })
  const { request_uri } = await again(
    () => oauth.pushedAuthorizationRequest(provider, client, authentication, parameters, { DPoP, ...http }),
    (response) => oauth.processPushedAuthorizationResponse(provider, client, response))
  const url = new URL(provider.authorization_endpoint)
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri })
  return { url, verifier, state, nonce }
}

async function redeem(parameters, verifier, expectedNonce) {
  let answered
  const tokens = await again(() => oauth.authorizationCodeGrantRequest(
    provider, client, authentication, parameters, given.redirect_uri, verifier, { DPoP, ...http }),
    (response) => oauth.processAuthorizationCodeResponse(
      provider, client, answered = response, { expectedNonce, requireIdToken: true }))
  await oauth.validateApplicationLevelSignature(provider, answered, http)
  return tokens
}

/** Headers with the token and a fresh proof for an API of somebody else, who gives out no nonces. */
async function proven(token) {
  let headers
  const caught = async (_, options) => (headers = new Headers(options.headers), new Response('{}'))
  await oauth.protectedResourceRequest(token, 'GET', new URL('https://api.example.gov.cn/things'), undefined, null,
    { DPoP, [oauth.customFetch]: caught })
  return headers
}

/** Asks, and asks again when the provider wants its own nonce in the proof. */
async function again(ask, process) {
  try {
    return await process(await ask())
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return process(await ask())
  }
}
