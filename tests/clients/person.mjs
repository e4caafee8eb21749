// A person at a browser, for the clients whose scripts lie beside this one; and how those report.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'

/** What the story hands over on standard input: one JSON object. */
export const given = JSON.parse(await text(process.stdin))

/** Prints that a step held. */
export function held(step) {
  console.log(`held: ${step}`)
}

/** Asserts that `asked` is refused with the OAuth code `code`. */
export async function refused(asked, code) {
  try {
    await asked
  } catch (error) {
    return assert.equal(error.error ?? error.cause?.error ?? error.code, code, `${error}`)
  }
  assert.fail(`expected ${code}, got an answer`)
}

/** A browser without pictures: cookies, redirects, and a person who fills in each form that is shown. */
export function Browser() {
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

  /** Goes to `url` and answers forms until there is none; returns the last page. */
  this.answer = async (url) => {
    let answer = await this.get(url)
    for (let pages = 0; pages < 10; pages++) {
      if (!answer.location && !answer.page.includes('<form ')) return answer.page
      answer = answer.location ? await this.get(answer.location) : await request(...answers(answer))
    }
    assert.fail(`there is no end of forms after ${url}`)
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
