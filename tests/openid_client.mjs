// An application built on the certified client `openid-client` 6: the whole life of a login, over real HTTP.
//
// Takes one JSON object on standard input: issuer, client_id, client_secret, redirect_uri, post_logout_redirect_uri, user_name,
// password. Prints a line for each step that held, `done` at the end; fails at the first that does not.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'

const given = JSON.parse(await text(process.stdin))
const scope = 'openid profile offline_access'

const config = await client.discovery(
  new URL(given.issuer), given.client_id, undefined, client.ClientSecretBasic(given.client_secret),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] })
assert.equal(config.serverMetadata().issuer, given.issuer)
held('discovery')

const browser = new Browser()
const tokens = await logIn()
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

const state = client.randomState()
const logoutUrl = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token, post_logout_redirect_uri: given.post_logout_redirect_uri, state })
const loggedOut = await browser.follow(logoutUrl, given.post_logout_redirect_uri)
assert.equal(loggedOut.searchParams.get('state'), state)
held('logout')

const again = await browser.get(await authorizeUrl({}))
assert.match(again.page, /type="password"/)
held('after the logout a login is asked for')
console.log('done')

async function logIn() {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
  }
  const url = await authorizeUrl(checks)
  const callback = await browser.follow(url, given.redirect_uri)
  return client.authorizationCodeGrant(config, callback, checks)
}

async function authorizeUrl({ pkceCodeVerifier = client.randomPKCECodeVerifier(), expectedState, expectedNonce }) {
  const parameters = {
    redirect_uri: given.redirect_uri,
    scope,
    prompt: 'consent', // OpenID Connect Core, 11: offline access is given only with consent
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState ?? client.randomState(),
    nonce: expectedNonce ?? client.randomNonce(),
  }
  return client.buildAuthorizationUrl(config, parameters)
}

function held(step) {
  console.log(`held: ${step}`)
}

/** A browser without pictures: cookies, redirects, and a person who fills in each form that is shown. */
function Browser() {
  const cookies = new Map()

  this.get = (url) => request(url, { method: 'GET' })

  /** Goes to `url` and answers forms until it is sent to `target`; returns where exactly. */
  this.follow = async (url, target) => {
    let answer = await this.get(url)
    for (let pages = 0; pages < 10; pages++) {
      if (answer.location?.href.startsWith(target)) return answer.location
      answer = answer.location ? await this.get(answer.location) : await request(...answers(answer))
    }
    assert.fail(`never sent to ${target}`)
  }

  async function request(url, options) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...options, redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (value && !/max-age=0/i.test(line)) cookies.set(name, value)
      else cookies.delete(name)
    }
    assert.ok(response.status < 400, `${response.status} at ${url}: ${await response.clone().text()}`)
    const location = response.headers.get('location')
    return { url: new URL(url), page: await response.text(), location: location && new URL(location, url) }
  }

  function answers({ url, page }) {
    const form = /<form [^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page)
    assert.ok(form, `expected a form at ${url}: ${page}`)
    const body = new URLSearchParams()
    for (const [tag] of form[2].matchAll(/<input [^>]*>/g)) body.set(attribute(tag, 'name'), attribute(tag, 'value'))
    if (body.has('password')) {
      body.set('username', given.user_name)
      body.set('password', given.password)
    }
    const button = /<button [^>]*name="[^>]*>/.exec(form[2])
    if (button) body.set(attribute(button[0], 'name'), attribute(button[0], 'value'))
    return [new URL(form[1], url), { method: 'POST', body }]
  }
}

function attribute(tag, name) {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
  return value.replaceAll('&quot;', '"').replaceAll('&#34;', '"').replaceAll('&#39;', "'").replaceAll('&#38;', '&')
    .replaceAll('&amp;', '&')
}
