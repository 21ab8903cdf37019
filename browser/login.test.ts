import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type Rekey, startRekey, user } from '@rekey/idp/testing'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { type Application, startApplication } from './application.ts'
import { missing, openPage, startChromium } from './chromium.ts'

const stages = ['before the form', 'while the form is shown', 'before consent', 'before the code is exchanged'] as const
type Stage = (typeof stages)[number]

describe('a person at a real browser', { skip: missing, timeout: 240_000 }, () => {
  let idp: Rekey
  let application: Application
  let browser: Browser
  let context: BrowserContext
  let page: Page
  let complaints: string[]

  before(async () => {
    idp = await startRekey()
    application = await startApplication(idp)
    browser = await startChromium()
  })
  after(async () => {
    await browser?.close()
    await application?.stop()
    await idp?.stop()
  })
  beforeEach(async () => {
    await open({})
  })
  afterEach(async () => {
    await context.close()
    assert.deepEqual(complaints, [], 'the browser complained')
  })

  async function open(options: { javaScriptEnabled?: boolean }): Promise<void> {
    await context?.close()
    context = await browser.newContext(options)
    ;({ page, complaints } = await openPage(context))
    page.setDefaultTimeout(15_000)
  }

  async function signIn(password = user.password): Promise<void> {
    await page.getByLabel('Username').fill(user.username)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  /** Chromium says in its console that a page came with such a status. That must be all it says. */
  function assertRefused(status: number): void {
    const [line = 'nothing', ...others] = new Set(complaints.splice(0))
    assert.match(line, new RegExp(`^error: Failed to load resource: .* a status of ${status} `))
    assert.deepEqual(others, [])
  }

  const allow = () => page.getByRole('button', { name: 'Allow' }).click()
  const isBack = () => page.getByRole('heading', { name: 'Back at the application' }).waitFor()

  async function logIn(meanwhile: (stage: Stage) => Promise<void> = async () => undefined) {
    const { begin, complete } = await application.login()
    await meanwhile('before the form')
    await page.goto(begin)
    await meanwhile('while the form is shown')
    await signIn()
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    await meanwhile('before consent')
    await allow()
    await isBack()
    await meanwhile('before the code is exchanged')
    return complete(page.url())
  }

  it('logs in, is asked once what the application may do, and is led back to it', async () => {
    const tokens = await logIn()
    assert.ok(tokens.claims()?.sub)
    // Who is logged in and has consented sees nothing of the next time.
    const { begin, complete } = await application.login({ prompt: '' })
    await page.goto(begin)
    await isBack()
    assert.equal((await complete(page.url())).claims()?.sub, tokens.claims()?.sub)
  })

  it('needs no scripts', async () => {
    await open({ javaScriptEnabled: false })
    assert.ok((await logIn()).id_token)
  })

  it('needs no mouse: the first field has the focus, and Enter is enough', async () => {
    await page.goto((await application.login()).begin)
    // It comes with the first picture that is drawn, which may be after the page was loaded.
    await page.getByLabel('Username').and(page.locator(':focus')).waitFor()
    await page.keyboard.type(user.username)
    await page.keyboard.press('Tab')
    await page.keyboard.type(user.password)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Allow' }).focus()
    await page.keyboard.press('Enter')
    await isBack()
  })

  it('is shown the name of the application as it is written', async () => {
    await page.goto((await application.login()).begin)
    assert.equal(await page.getByText('Analytical <Engines> & Sons').count(), 1)
  })

  it('is told of a wrong password without being told which of both is wrong, and may try again', async () => {
    const { begin, complete } = await application.login()
    await page.goto(begin)
    await signIn('not the password')
    const wrong = await page.getByRole('alert').textContent()
    await page.getByLabel('Username').fill('nobody')
    await page.getByLabel('Password').fill('whatever it is')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    assert.equal(await page.getByRole('alert').textContent(), wrong)
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    assertRefused(422)
    await signIn()
    await allow()
    await isBack()
    assert.ok((await complete(page.url())).id_token)
  })

  it('does not consent, and the application is told so', async () => {
    await page.goto((await application.login()).begin)
    await signIn()
    await page.getByRole('button', { name: 'Deny' }).click()
    await isBack()
    assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied')
  })

  it('logs out, and has to log in again', async () => {
    const { id_token: idToken = '' } = await logIn()
    await page.goto(application.logoutUrl(idToken))
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await isBack()
    assert.equal(page.url(), application.loggedOutUri)
    await page.goto((await application.login()).begin)
    await page.getByLabel('Password').waitFor()
  })

  it('finds the form of a login that is over no longer works, and is told what to do', async () => {
    const { begin } = await application.login()
    await page.goto(begin)
    const form = page.url()
    await signIn()
    await allow()
    await isBack()
    await page.goto(form)
    assert.match(String(await page.getByRole('heading').first().textContent()), /expired/i)
    assertRefused(400)
  })

  for (const stage of stages) {
    it(`a login that began before the signing key was rotated completes after it: ${stage}`, async () => {
      const seen: Stage[] = []
      const tokens = await logIn(async (now) => {
        seen.push(now)
        if (now !== stage) return
        await idp.rotateSigningKey('signing-es256')
        await idp.rotateSigningKey('signing-rs256')
      })
      assert.deepEqual(seen, stages)
      const { kid, alg } = JSON.parse(Buffer.from(String(tokens.id_token).split('.')[0] ?? '', 'base64url').toString())
      assert.equal(kid, await idp.activeKid(`signing-${alg.toLowerCase()}`))
    })
  }

  for (const size of [
    { width: 320, height: 568 },
    { width: 1280, height: 800 },
  ]) {
    it(`sees the whole form at ${size.width} × ${size.height}, without scrolling sideways`, async () => {
      await page.setViewportSize(size)
      await page.goto((await application.login()).begin)
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      const { scroll, client } = (await page.evaluate(
        '({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth })',
      )) as { scroll: number; client: number }
      assert.ok(scroll <= client, `${scroll} > ${client}`)
    })
  }
})
