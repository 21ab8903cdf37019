import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { Place, type Up } from 'rekey/testing'
import { missing, openPage, startChromium } from './chromium.ts'

const keyrings = ['csrf', 'state', 'session', 'token-hash', 'ua-hash'] as const

/** The same page at two places: what one of them has is not the other's. */
interface Seat {
  context: BrowserContext
  page: Page
  complaints: string[]
}

describe('a person at the page of an estate', { skip: missing, timeout: 400_000 }, () => {
  let place: Place
  let up: Up
  let browser: Browser
  let home: string
  let seats: Seat[] = []

  before(async () => {
    place = await Place.find()
    up = place.up()
    await up.ready()
    home = place.estate.bff ?? assert.fail('the estate has no backend for frontend')
    browser = await startChromium()
  })
  after(async () => {
    await browser?.close()
    up.process.kill('SIGTERM')
    await up.exited
    place.remove()
  })
  beforeEach(() => {
    seats = []
  })
  afterEach(async () => {
    for (const { context, complaints } of seats) {
      await context.close()
      // Chromium says in its console that nobody was logged in. That must be all it says.
      const others = complaints.filter((line) => !/^error: Failed to load resource: .* a status of 401 /.test(line))
      assert.deepEqual(others, [], 'the browser complained')
    }
  })

  async function sitDown(): Promise<Seat> {
    const context = await browser.newContext()
    const seat = { context, ...(await openPage(context)) }
    seat.page.setDefaultTimeout(15_000)
    seats.push(seat)
    return seat
  }

  async function toTheForm(page: Page): Promise<void> {
    await page.goto(home)
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByLabel('Username').waitFor()
  }

  async function fillIn(page: Page): Promise<void> {
    const { username, password } = place.estate.user ?? assert.fail('no user')
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await isIn(page)
  }

  async function logIn(): Promise<Page> {
    const { page } = await sitDown()
    await toTheForm(page)
    await fillIn(page)
    return page
  }

  const isIn = (page: Page) => page.getByRole('heading', { name: /^Hello, / }).waitFor()
  const isOut = (page: Page) => page.getByRole('heading', { name: 'You are not logged in' }).waitFor()
  const reply = (page: Page, text: string) => page.locator('#reply', { hasText: text }).waitFor()

  /** Asks by session, and changes something by the token of this page. */
  async function work(page: Page, words: string): Promise<void> {
    await page.getByRole('button', { name: 'Call the API' }).click()
    await reply(page, '"hello"')
    await page.getByLabel('Message').fill(words)
    await page.getByRole('button', { name: 'Send' }).click()
    await reply(page, `"said": "${words}"`)
    assert.equal(await page.getByRole('alert').count(), 0)
  }

  async function rekey(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await place.rekey(...words)
    assert.equal(code, 0, stderr)
    return stdout
  }

  it('logs in and works, while every secret of the backend is replaced; and nobody is logged out', async () => {
    const page = await logIn()
    await work(page, 'at first')
    for (const round of ['once', 'twice']) {
      for (const keyring of keyrings) {
        await rekey('rotate', keyring, '--watch')
        await work(page, `${keyring} ${round}`)
      }
      await page.reload()
      await isIn(page)
      await work(page, `all of them ${round}`)
    }

    await rekey('bff', 'rotate-keys')
    await work(page, 'another client key')
    await work(await logIn(), 'a login by it')

    const { credentials } = JSON.parse(await rekey('credential', 'list', 'bff-introspection', '--json'))
    await rekey('credential', 'rotate', 'bff-introspection', credentials[0].credentialId, '--overlap', '1h')
    await work(page, 'another client secret')
    assert.equal(JSON.parse(await rekey('verify', '--json')).ok, true)
    await page.reload()
    await isIn(page)
  })

  for (const keyring of ['state', 'session', 'bff-client']) {
    it(`finishes a login that was begun before ${keyring} was rotated`, async () => {
      const { page } = await sitDown()
      await toTheForm(page)
      await rekey('rotate', keyring, '--watch')
      await fillIn(page)
      await work(page, 'after all')
    })
  }

  it('logs out everywhere, and is logged out at every other browser too', async () => {
    const [here, there] = [await logIn(), await logIn()]
    await here.getByRole('button', { name: 'Log out everywhere' }).click()
    await here.getByRole('button', { name: 'Sign out everywhere' }).click()
    await isOut(here)
    await there.getByRole('button', { name: 'Call the API' }).click()
    await isOut(there)
    await there.getByText('Your session is over.').waitFor()
    await there.reload()
    await isOut(there)
  })

  it('logs out here, and stays logged in elsewhere', async () => {
    const [here, there] = [await logIn(), await logIn()]
    await here.getByRole('button', { name: 'Log out', exact: true }).click()
    await here.getByRole('button', { name: /^Sign out everywhere$/ }).waitFor()
    await here.goto(home)
    await isOut(here)
    await work(there, 'still here')
  })

  it('is told what is wrong while the backend is away, and goes on when it is back', async () => {
    const { page, context, complaints } = await sitDown()
    await toTheForm(page)
    await fillIn(page)
    await context.setOffline(true)
    await page.getByRole('button', { name: 'Call the API' }).click()
    await page.getByRole('alert').getByText('The backend cannot be reached.').waitFor()
    await context.setOffline(false)
    complaints.splice(0)
    await work(page, 'back again')
  })

  it('finds no token in the page, and nothing that a script could read a session by', async () => {
    const { page, context } = await sitDown()
    await toTheForm(page)
    await fillIn(page)
    const readable = (await page.evaluate(
      '[document.cookie, ...Object.values(localStorage), ...Object.values(sessionStorage)].join()',
    )) as string
    assert.equal(readable.replaceAll(',', ''), '')
    const cookies = (await context.cookies(home)).filter(({ name }) => name.includes('bff_session'))
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite, path }) => [httpOnly, sameSite, path]),
      [[true, 'Lax', '/']],
    )
  })

  for (const size of [
    { width: 320, height: 568 },
    { width: 1280, height: 800 },
  ]) {
    it(`sees the whole page at ${size.width} × ${size.height}, without scrolling sideways`, async () => {
      const { page } = await sitDown()
      await page.setViewportSize(size)
      await toTheForm(page)
      await fillIn(page)
      await work(page, 'a word')
      const { scroll, client } = (await page.evaluate(
        '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
      )) as { scroll: number; client: number }
      assert.ok(scroll <= client, `${scroll} > ${client}`)
    })
  }
})
