// An application that is nothing but a page, on `oidc-client-ts`: it has no secret, and calls the provider from a script of another
// origin. What it has to tell stands in the page. `/given.json` says: issuer, client_id, bound (whether tokens are bound to a key).
const given = await (await fetch('/given.json')).json()
const told = document.querySelector('#told')

const manager = new oidc.UserManager({
  authority: given.issuer,
  client_id: given.client_id,
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile offline_access',
  userStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
  automaticSilentRenew: false,
  loadUserInfo: !given.bound, // the library asks with bearer tokens only
  revokeTokensOnSignout: true,
  dpop: given.bound ? { bind_authorization_code: true, store: new oidc.IndexedDbDPoPStore() } : undefined,
})

on('#log-in', () => manager.signinRedirect({ prompt: 'consent' })) // OpenID Connect Core, 11: offline access takes consent
on('#renew', () => renewed({}))
on('#renew-in-a-frame', () => renewed({ forceIframeAuth: true, scope: 'openid profile' }))
on('#who', async () => `userinfo: ${(await whoAmI(await manager.getUser())).name}`)
on('#log-out', () => manager.signoutRedirect({ state: 'as-it-was' }))

await telling(async () => {
  if (location.pathname === '/callback') {
    const user = await manager.signinCallback()
    if (!user) return 'renewed in a frame' // and the page around it goes on
    history.replaceState(null, '', '/')
    return `logged in (${user.token_type}): ${user.profile.name ?? (await whoAmI(user)).name}`
  }
  if (new URLSearchParams(location.search).has('state')) {
    await manager.signoutCallback()
    return 'logged out'
  }
  return 'nobody is logged in'
})

async function renewed(how) {
  const before = await manager.getUser()
  const after = await manager.signinSilent(how)
  if (after.access_token === before.access_token) throw new Error('the token is the same as before')
  if (after.profile.sub !== before.profile.sub) throw new Error('it is for somebody else')
  return how.forceIframeAuth ? 'renewed in a frame' : 'renewed by the refresh token'
}

/** Userinfo, asked for as an API is. */
async function whoAmI(user) {
  const url = await manager.metadataService.getUserInfoEndpoint()
  const ask = async (nonce) => fetch(url, { headers: {
    Authorization: `${user.token_type} ${user.access_token}`,
    ...given.bound && { DPoP: await manager.dpopProof(url, user, 'GET', nonce) },
  } })
  let answer = await ask()
  if (answer.status === 401 && /use_dpop_nonce/.test(answer.headers.get('www-authenticate'))) {
    answer = await ask(answer.headers.get('dpop-nonce'))
  }
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return answer.json()
}

function on(button, act) {
  document.querySelector(button).addEventListener('click', () => telling(act))
}

/** Does `act` and tells what came of it. */
async function telling(act) {
  told.textContent = 'wait'
  try {
    told.textContent = await act() ?? 'going'
  } catch (error) {
    told.textContent = `failed: ${error}`
  }
}
