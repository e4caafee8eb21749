// An application built on the certified client `openid-client` 6: the whole life of a login, over real HTTP, three times. First as most
// applications are: a secret, a code, PKCE. Then as strict as the client can be: it registers itself, signs its requests and pushes them,
// takes signed answers, authenticates with a key, and proves another to which its tokens are bound. Then on a device without a browser,
// which shows a code and waits until its owner has answered elsewhere.
//
// Takes one JSON object on standard input: issuer, client_id, client_secret, redirect_uri, post_logout_redirect_uri, user_name,
// password, initial_access_token. Prints a line for each step that held, `done` at the end; fails at the first that does not.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { exportJWK, generateKeyPair } from 'jose'
import { Browser, given, held, refused } from './person.mjs'

const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks]

await withASecret()
await asStrictAsCanBe()
await onADevice()
console.log('done')

async function withASecret() {
  const config = await client.discovery(
    new URL(given.issuer), given.client_id, undefined, client.ClientSecretBasic(given.client_secret), { execute })
  assert.equal(config.serverMetadata().issuer, given.issuer)
  held('discovery')

  const browser = new Browser()
  const { parameters, checks } = await request()
  const url = client.buildAuthorizationUrl(config, parameters)
  const tokens = await client.authorizationCodeGrant(config, await browser.follow(url, given.redirect_uri), checks)
  assert.equal(tokens.claims().iss, given.issuer)
  assert.equal(tokens.claims().aud, given.client_id)
  held('login: the ID token is signed by a published key and carries the nonce')

  const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  assert.ok(info.name)
  held('userinfo')

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(refreshed.access_token, tokens.access_token)
  await client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub)
  held('refresh')

  const said = await client.tokenIntrospection(config, refreshed.access_token)
  assert.ok(said.active && said.sub === tokens.claims().sub && said.token_type === 'Bearer')
  held('introspection')

  await client.tokenRevocation(config, tokens.access_token)
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false)
  assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, true)
  held('revocation: of an access token, that one alone')

  await logOut(config, browser, tokens.id_token)
  const again = await browser.get(client.buildAuthorizationUrl(config, (await request()).parameters))
  assert.match(again.page, /type="password"/)
  held('after the logout a login is asked for')
  await refused(client.refreshTokenGrant(config, refreshed.refresh_token), 'invalid_grant')
  held('and the refresh token is worth nothing')
}

async function asStrictAsCanBe() {
  const own = await generateKeyPair('ES256')
  const requests = { key: own.privateKey, kid: 'requests' }
  const bound = await client.randomDPoPKeyPair('ES256')
  const registered = await client.dynamicClientRegistration(
    new URL(given.issuer), {
      client_name: 'The strict one',
      redirect_uris: [given.redirect_uri],
      post_logout_redirect_uris: [given.post_logout_redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile offline_access',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...await exportJWK(own.publicKey), kid: requests.kid, alg: 'ES256', use: 'sig' }] },
      id_token_signed_response_alg: 'ES256',
      userinfo_signed_response_alg: 'ES256',
      request_object_signing_alg: 'ES256',
      authorization_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
      require_signed_request_object: true,
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    },
    client.PrivateKeyJwt(requests), { initialAccessToken: given.initial_access_token, execute })
  const { client_id } = registered.clientMetadata()
  assert.equal(registered.clientMetadata().require_pushed_authorization_requests, true)
  held('registration by the application itself')

  const config = await client.discovery(
    new URL(given.issuer), client_id, registered.clientMetadata(), client.PrivateKeyJwt(requests),
    { execute: [...execute, client.useJwtResponseMode] })
  const DPoP = client.getDPoPHandle(config, bound)
  const browser = new Browser()

  const plain = (await request()).parameters
  const refusal = await browser.get(client.buildAuthorizationUrl(config, plain))
  // Nobody is led by a link alone to who registered itself (RFC 9700, 4.11.2): the way there is on a page.
  const [, way] = /class="button" href="([^"]+)"/.exec(refusal.page)
  assert.ok(new URL(way).searchParams.has('response'), 'the refusal is signed too')
  held('a request that was not pushed is refused, in a signed answer')

  const { parameters, checks } = await request()
  const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, requests)
  const pushed = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP })
  assert.deepEqual([...pushed.searchParams.keys()].sort(), ['client_id', 'request_uri'])
  held('the signed request is pushed (with the nonce of the provider)')

  const callback = await browser.follow(pushed, given.redirect_uri)
  assert.ok(callback.searchParams.has('response') && !callback.searchParams.has('code'))
  const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
  held('login: the answer is signed, the tokens are bound to the proven key')

  const subject = tokens.claims().sub
  const info = await client.fetchUserInfo(config, tokens.access_token, subject, { DPoP })
  assert.ok(info.name)
  held('userinfo, signed')

  const another = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, subject, { DPoP: another }))
  await assert.rejects(client.fetchUserInfo(config, tokens.access_token, subject))
  held('the token is worth nothing with another key, or none')

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  await client.fetchUserInfo(config, refreshed.access_token, subject, { DPoP })
  held('refresh')

  const said = await client.tokenIntrospection(config, refreshed.access_token)
  assert.ok(said.active && said.token_type === 'DPoP' && said.cnf.jkt)
  held('introspection, signed, names the key')

  await client.tokenRevocation(config, refreshed.refresh_token ?? tokens.refresh_token)
  assert.equal((await client.tokenIntrospection(config, refreshed.access_token)).active, false)
  await refused(client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }), 'invalid_grant')
  held('revocation: with a refresh token goes all that came of it')

  await logOut(config, browser, tokens.id_token)
}

async function onADevice() {
  const registered = await client.dynamicClientRegistration(
    new URL(given.issuer), {
      client_name: 'The set-top box',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      response_types: [],
      scope: 'openid profile offline_access',
      token_endpoint_auth_method: 'client_secret_basic',
    },
    undefined, { initialAccessToken: given.initial_access_token, execute })
  const { client_id, client_secret } = registered.clientMetadata()
  const config = await client.discovery(
    new URL(given.issuer), client_id, registered.clientMetadata(), client.ClientSecretBasic(client_secret), { execute })
  let polls = 0
  config[client.customFetch] = (url, options) => {
    if (new URL(url).pathname === '/oauth2/token') polls++
    return fetch(url, options)
  }

  const begun = await client.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access' })
  assert.equal(new URL(begun.verification_uri).origin, given.issuer)
  assert.equal(new URL(begun.verification_uri_complete).searchParams.get('user_code'), begun.user_code)
  held('a device is given a code to show')

  const polling = client.pollDeviceAuthorizationGrant(config, begun)
  while (polls === 0) await new Promise((resolve) => setTimeout(resolve, 100))
  await new Browser().answer(begun.verification_uri_complete)
  const tokens = await polling
  assert.equal(polls, 2)
  assert.equal(tokens.claims().aud, client_id)
  held('it waits until its owner has logged in and said yes elsewhere, and gets the tokens')

  const subject = tokens.claims().sub
  assert.ok((await client.fetchUserInfo(config, tokens.access_token, subject)).name)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  await client.fetchUserInfo(config, refreshed.access_token, subject)
  held('userinfo, and again with a refreshed token')

  await refused(client.pollDeviceAuthorizationGrant(config, { ...begun, interval: 1 }), 'invalid_grant')
  await refused(client.refreshTokenGrant(config, refreshed.refresh_token), 'invalid_grant')
  held('the code works once: shown again, all that came of it is over')
}

/** What a login asks for, and what is then checked of its answer. */
async function request() {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const parameters = {
    redirect_uri: given.redirect_uri,
    scope: 'openid profile offline_access',
    prompt: 'consent', // OpenID Connect Core, 11: offline access is given only with consent
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  }
  return { parameters, checks }
}

async function logOut(config, browser, id_token_hint) {
  const state = client.randomState()
  const url = client.buildEndSessionUrl(config, {
    id_token_hint, post_logout_redirect_uri: given.post_logout_redirect_uri, state })
  const loggedOut = await browser.follow(url, given.post_logout_redirect_uri)
  assert.equal(loggedOut.searchParams.get('state'), state)
  held('logout')
}
